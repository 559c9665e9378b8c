"""Rules on SSH keys. Messages name the type and comment of a key, never key material."""

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.check.rule import Finding, rule
from vmgen.check.ssh_key import MIN_RSA_BITS, SshKey, SshKeyFault, SshKeyFaultKind, parse_ssh_key
from vmgen.check.ssh_key_options import KeyOption
from vmgen.merge.environment import Environment
from vmgen.merge.own_disks import VmSettings
from vmgen.problems import Place, shorten


@rule("placeholder-ssh-key")
def placeholder_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key from an example, such as `ssh-rsa AAAA...` or `your-public-key-here`. Nobody could log in to the VM.

    Write your public key, usually the one line of `~/.ssh/id_ed25519.pub`, or `{file: keys/ops.pub}`.
    """
    remedy = "write the line of your .pub file, or `{file: keys/ops.pub}`"
    for place, subject, _ in _find_faults(environment, "placeholder"):
        yield Finding(place, subject, f"the key is a placeholder; {remedy}")


@rule("private-ssh-key")
def private_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A private key instead of a public key. Anyone who can read the repository, or the spec of the VM, could use it.

    Replace it with the public key (the file that ends in .pub). If it was ever committed, create a new key pair.
    """
    message = "this is a private key; remove it, write the public one (.pub), and make a new pair if it was ever committed"
    for place, subject, _ in _find_faults(environment, "private"):
        yield Finding(place, subject, message)


@rule("malformed-ssh-key")
def malformed_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key that no SSH server would accept, or that nobody could use: truncated, in another format, a line of known_hosts,
    with an option that sshd does not know, or with the command of root's authorized_keys that ends every login.

    Copy the whole line of the .pub file again. Options of authorized_keys (`from="10.0.0.0/8"`) may precede the type.
    """
    for place, subject, reason in _find_faults(environment, "malformed"):
        yield Finding(place, subject, f"the key {reason}")


@rule("duplicate-ssh-key", "warning")
def duplicate_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A duplicate key for one VM, ignoring comments. Often a second key was meant. The VM gets the key once.

    Remove one. A key with different options is another entry.
    """
    for _, vm, path in environment.vm_settings:
        places: dict[tuple[bytes, tuple[KeyOption, ...]], Place] = {}
        for entry in _iter_vm_entries(vm, path):
            if isinstance(entry.key, SshKeyFault):
                continue
            identity = (entry.key.body, entry.key.options)
            if identity in places:
                message = f"the key {_format_key(entry.key)} is a duplicate, first at {places[identity]}; remove one"
                yield Finding(entry.place, entry.subject, message)
            places.setdefault(identity, entry.place)


@rule("weak-ssh-key", "warning")
def weak_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key that current SSH servers refuse: ssh-dss, or RSA with fewer than 2048 bits.

    Create a new one: `ssh-keygen -t ed25519`.
    """
    for place, subject, key in _iter_entries(environment):
        if isinstance(key, SshKey) and (key.type == "ssh-dss" or 0 < key.bits < MIN_RSA_BITS):
            size = f" of {key.bits} bits" if key.bits else ""
            message = f"the key {_format_key(key)}{size} is refused by current servers; make one with `ssh-keygen -t ed25519`"
            yield Finding(place, subject, message)


class _KeyEntry(NamedTuple):
    """An item of `sshKeys:`, parsed."""

    place: Place
    subject: str
    key: SshKey | SshKeyFault


def _iter_entries(environment: Environment) -> Iterator[_KeyEntry]:
    for _, vm, path in environment.vm_settings:
        yield from _iter_vm_entries(vm, path)


def _iter_vm_entries(vm: VmSettings, path: str) -> Iterator[_KeyEntry]:
    for index, item in vm.values.enumerate_items("sshKeys"):
        if isinstance(item.data, str):
            yield _KeyEntry(item.place, f"{path}.sshKeys[{index}]", parse_ssh_key(item.data))


def _find_faults(environment: Environment, kind: SshKeyFaultKind) -> Iterator[tuple[Place, str, str]]:
    for place, subject, key in _iter_entries(environment):
        if isinstance(key, SshKeyFault) and key.kind == kind:
            yield place, subject, key.reason


def _format_key(key: SshKey) -> str:
    return f"{key.type} '{shorten(key.comment, 40)}'" if key.comment else key.type
