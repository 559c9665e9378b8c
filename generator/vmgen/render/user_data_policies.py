"""The built-in policies on the user data that each VM really gets. They look for words, not for what a guest makes of them."""

import re
from collections.abc import Callable
from typing import NamedTuple

from vmgen.check.rule import PolicyDefault
from vmgen.expand.model import VirtualMachine
from vmgen.rules import NO_CLOUD_INIT_HARDENING, NO_SSH_KEY, WHOLE_IP, Rule

_LOGIN_PATTERN = r"ssh_authorized_keys|ssh-authorized-keys|ssh_import_id|\bchpasswd\b|\bpasswd:|\bpassword:"
_PASSWORD_LOGIN_DISABLED = (
    r"""(?mix) ^ [ \t]* ["']? ( ssh_pwauth | PasswordAuthentication ) ["']? \s{0,80} :? \s{0,80} (false|no|off|0) \b"""  # noqa: S105 - a pattern
)
# A few words between two of one command, in one line or as a list of words; `;`, `&` and `|` end a command. A word has no
# dash, or a row of dashes could be split in millions of ways.
_WORDS = r"(?:[^\w;&|]{1,12}\w{1,40}){0,4}?[^\w;&|]{1,12}"
# Commands and files with which user data turns a firewall on; a package alone does not.
_FIREWALL = "(?i)" + "|".join(
    (
        rf"\bufw{_WORDS}enable\b",
        r"\bENABLED=yes\b",
        rf"\b(?:enable|start|restart){_WORDS}(?:ufw|nftables|firewalld|ip6?tables|netfilter-persistent)\b",
        r"\bnft[^\w;&|]{1,12}(?:f|add|insert)\b",
        r"/etc/nftables\.conf",
        r"\bfirewall(?:-offline)?-cmd\b",
        rf"\bip6?tables(?:-nft|-legacy)?{_WORDS}(?:A|I|P|append|insert|policy)\b",
        r"\bip6?tables(?:-nft|-legacy)?-restore\b",
        r"\bNew-NetFirewallRule\b",
        r"\bSet-NetFirewallProfile\b[^\n]{0,400}-Enabled\s{1,8}True\b",
        r"\badvfirewall\b[^\n]{0,400}\b(?:state\s{1,8}on|add\s{1,8}rule)\b",
    )
)


class UserDataPolicy(NamedTuple):
    """A built-in policy on the user data of VMs. `key` is the setting that it is about.

    `find_fault` returns the message for a VM, empty if nothing is wrong; it also gets whether the environment set the policy.
    """

    rule: Rule
    key: str
    default: PolicyDefault
    find_fault: Callable[[VirtualMachine, bool], str]
    for_windows: bool = False


def _find_open_vm(machine: VirtualMachine, is_set: bool) -> str:
    """A firewall in the user data is what the advice asks for; a policy that somebody wrote refuses `WholeIP` all the same."""
    if not (machine.values["external"] and machine.values["externalMethod"] == "WholeIP"):
        return ""
    # A firewall that is commented out is none.
    lines = [line for line in machine.cloud_init.split("\n") if not line.lstrip().startswith("#")]
    has_firewall = re.search(_FIREWALL, "\n".join(lines)) is not None
    if has_firewall and not is_set:
        return ""
    firewall = "" if has_firewall else ", and nothing in its user data turns a firewall on"
    remedy = "list the ports in `externalPorts:` with `externalMethod: PortList`"
    return f"every port of the VM answers the Internet{firewall}; {remedy}"


def _find_missing_login(machine: VirtualMachine, _: bool) -> str:
    text = machine.cloud_init
    # Each way to log in has one of the two words, which are found in a tenth of the time of the pattern.
    if machine.values["sshKeys"] or (("ssh" in text or "passw" in text) and re.search(_LOGIN_PATTERN, text)):
        return ""
    return "nobody can log in: there is no SSH key, and cloud-init makes none; write `sshKeys: [{file: keys/ops.pub}]`"


def _find_password_login(machine: VirtualMachine, _: bool) -> str:
    if not machine.values["external"] or re.search(_PASSWORD_LOGIN_DISABLED, machine.cloud_init):
        return ""
    return "VM is public, but SSH password login is not disabled; write `cloudInit: {ssh_pwauth: false}`"


USER_DATA_POLICIES = (
    UserDataPolicy(WHOLE_IP, "externalMethod", "advice", _find_open_vm, for_windows=True),
    UserDataPolicy(NO_SSH_KEY, "sshKeys", "advice", _find_missing_login),
    UserDataPolicy(NO_CLOUD_INIT_HARDENING, "cloudInit", "off", _find_password_login),
)
