"""A public key is known by its structure, and no message holds anything of it but type and comment."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from vmgen.check.ssh_key import SshKey, SshKeyFault, identify_ssh_key, parse_ssh_key


def line(type_: str, *strings: bytes, comment: str = "ops@shop", inner: str = "") -> str:
    """The line of a .pub file with a key of these strings."""
    blob = b"".join(len(each).to_bytes(4, "big") + each for each in ((inner or type_).encode(), *strings))
    return f"{type_} {base64.b64encode(blob).decode()} {comment}".strip()


POINT = bytes.fromhex(  # the base point of P-256
    "04"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
ED25519 = line("ssh-ed25519", bytes(range(32)))
ECDSA = line("ecdsa-sha2-nistp256", b"nistp256", POINT)
RSA = line("ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xc3" * 256)


@pytest.mark.parametrize(
    ("text", "type_", "comment", "bits"),
    [
        (ED25519, "ssh-ed25519", "ops@shop", 0),
        (f"  {ED25519}\n", "ssh-ed25519", "ops@shop", 0),
        (line("ssh-ed25519", bytes(range(32)), comment=""), "ssh-ed25519", "", 0),
        (line("ssh-ed25519", bytes(range(32)), comment="two words"), "ssh-ed25519", "two words", 0),
        (ECDSA, "ecdsa-sha2-nistp256", "ops@shop", 0),
        (RSA, "ssh-rsa", "ops@shop", 2048),
        (line("sk-ssh-ed25519@openssh.com", bytes(range(32)), b"ssh:"), "sk-ssh-ed25519@openssh.com", "ops@shop", 0),
        (f'from="10.0.0.0/8, 10.1.0.0/16",no-pty {ED25519}', "ssh-ed25519", "ops@shop", 0),
        (f'command="echo \\"hi there\\"" {ED25519}', "ssh-ed25519", "ops@shop", 0),
        (f"restrict\t{ED25519}", "ssh-ed25519", "ops@shop", 0),
    ],
)
def test_whole_keys(text: str, type_: str, comment: str, bits: int) -> None:
    """A whole key is taken, with its options and whatever its comment."""
    key = parse_ssh_key(text)
    assert isinstance(key, SshKey), key
    assert (key.type, key.comment, key.bits) == (type_, comment, bits)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("ssh-rsa AAAA...", "placeholder", "placeholder"),
        ("ssh-rsa AAAAB3NzaC1yc2E… you@home", "placeholder", "placeholder"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIxxxxxxxxxxxxxxxx", "placeholder", "placeholder"),
        ("your-public-key-here", "placeholder", "placeholder"),
        ("<your key>", "placeholder", "placeholder"),
        ("ssh-ed25519 <key> ops", "placeholder", "placeholder"),
        ("ssh-rsa YOUR_PUBLIC_KEY", "placeholder", "placeholder"),
        ("CHANGEME", "placeholder", "placeholder"),
        ("-----BEGIN OPENSSH " + "PRIVATE KEY-----\nabc", "private", "private"),
        ("PuTTY-User-Key-File-2: ssh-rsa", "private", "private"),
        ("---- BEGIN SSH2 PUBLIC KEY ----", "malformed", "ssh-keygen -i"),
        (f"{ED25519}\n{RSA}", "malformed", "several lines"),
        ("ssh-ed25519", "malformed", "ends after its type"),
        ("ssh-ed25519 AA-AA", "malformed", "not base64"),
        (ED25519.replace("ssh-ed25519", "ssh-ed2519", 1), "malformed", "did you mean 'ssh-ed25519'"),
        (ED25519.split()[1], "malformed", "does not begin with a known type"),
        (ED25519[:60], "malformed", "cut off"),
        (ED25519[:61], "malformed", "cut off"),
        (line("ssh-ed25519", b""), "malformed", "wrong length"),
        (line("ssh-ed25519", bytes(range(31))), "malformed", "wrong length"),
        (line("ssh-ed25519", bytes(range(32)), b"more"), "malformed", "two keys on one line"),
        (line("ssh-rsa", bytes(range(32)), inner="ssh-ed25519"), "malformed", "another type"),
        (line("ssh-ed25519-cert-v01@openssh.com", bytes(range(32))), "malformed", "certificate"),
        ("", "malformed", "does not begin"),
        ("-----BEGIN PUBLIC KEY-----", "malformed", "ssh-keygen -i -m PKCS8"),
        (f"{ED25519} {RSA}", "malformed", "has a second key on its line"),
        (f"{ED25519}{RSA}", "malformed", "has a second key on its line"),
        (f"no-pty {line('ssh-rsa-cert-v01@openssh.com', b'x')}", "malformed", "certificate"),
    ],
)
def test_faults(text: str, kind: str, reason: str) -> None:
    """What is wrong is told apart, without a word of the key."""
    fault = parse_ssh_key(text)
    assert isinstance(fault, SshKeyFault), fault
    assert fault.kind == kind
    assert reason in fault.reason
    assert not any(len(word) > 11 and word in fault.reason for word in text.split()[1:])


FINE_OPTIONS = (
    'from="*.shop.example,!10.0.0.1,10.0.0.0/8"',
    'command="/usr/bin/rrsync -ro /data",restrict',
    'CERT-AUTHORITY,principals="ops,admins"',
    'environment="LANG=C.UTF-8",expiry-time="20301231",permitopen="10.0.0.1:5432",permitlisten="8080"',
    'no-X11-forwarding,no-agent-forwarding,no-port-forwarding,no-pty,no-user-rc,tunnel="0",pty,user-rc',
    "verify-required,no-touch-required,restrict,agent-forwarding,X11-forwarding,port-forwarding",
)
WRONG_OPTIONS = {
    "no-portforwarding": "'no-portforwarding' that sshd does not know, so it refuses the whole line; did you mean no-port",
    "cert-autority": "did you mean cert-authority?",
    "no_pty": "before its type that sshd does not know, so it refuses the whole line; did you mean no-pty?",
    "from=": "has the option from without its value",
    "command": "has the option command without its value",
    "no-pty=yes": "has a value after the option no-pty",
    'expiry-time="next year"': "has a value of the option expiry-time that sshd does not take",
    'environment="LANG"': "has a value of the option environment",
    'permitopen="db"': "has a value of the option permitopen",
    'from="!10.0.0.0/8"': "only excludes",
    'from="10.0.0.0/8': "has words before its type that are no options",
    "no-pty, no-user-rc": "has words before its type that are no options",
    "bastion.shop.example,192.0.2.7": "is a line of known_hosts",
    "[bastion.shop.example]:2222": "is a line of known_hosts",
    "192.0.2.7": "is a line of known_hosts",
    "*.shop.example": "is a line of known_hosts",
    "|1|YWJj=|ZGVm=": "is a line of known_hosts",
    "@cert-authority *.shop.example": "is a line of known_hosts",
    'no-pty,command="echo \'Please login as the user \\"ubuntu\\" rather than root\';sleep 9;exit 142"': "ends every login",
    'command="/usr/sbin/nologin"': "ends every login",
    'command="exit 1"': "ends every login",
}


@pytest.mark.parametrize("options", FINE_OPTIONS)
def test_options(options: str) -> None:
    """Every option of authorized_keys is taken, in any case."""
    assert isinstance(parse_ssh_key(f"{options} {ED25519}"), SshKey)


@pytest.mark.parametrize(("options", "reason"), WRONG_OPTIONS.items(), ids=WRONG_OPTIONS)
def test_wrong_options(options: str, reason: str) -> None:
    """What sshd refuses before a type, or what lets nobody in, is a fault that says so."""
    fault = parse_ssh_key(f"{options} {ED25519}")
    assert isinstance(fault, SshKeyFault)
    assert (fault.kind, reason in fault.reason) == ("malformed", True), fault.reason


def test_identity() -> None:
    """A key is the same under another comment, and another entry under other options."""
    other_comment = ED25519.replace("ops@shop", "cardno:1")
    assert identify_ssh_key(ED25519) == identify_ssh_key(other_comment) != identify_ssh_key(f"no-pty {ED25519}")


def test_every_truncation_is_noticed() -> None:
    """No beginning of a key passes for a key."""
    type_, body, _ = ED25519.split()
    assert all(isinstance(parse_ssh_key(f"{type_} {body[:length]}"), SshKeyFault) for length in range(len(body)))


def test_full_parse() -> None:
    """With the library `cryptography`, a point that is not on the curve is refused too."""
    pytest.importorskip("cryptography")
    assert isinstance(parse_ssh_key(line("ecdsa-sha2-nistp256", b"nistp256", b"\x04" + bytes(64))), SshKeyFault)


def test_key_is_not_in_its_repr() -> None:
    """A key in a traceback or a log shows nothing of itself."""
    assert ED25519.split()[1][:20] not in repr(parse_ssh_key(ED25519))
    assert repr(bytes(range(32)))[2:12] not in repr(parse_ssh_key(ED25519))


TEAM = f"{ED25519}\n# her other name\n{ED25519.replace('ops@shop', 'cardno:1')}\nno-pty {ED25519}\n{ECDSA}\n"
GROUP = "namespace: tenant-acme\nvms:\n  a: {instanceType: u1.large, image: ubuntu-2404, sshKeys: [{file: team.pub}]}\n"


def test_one_key_twice_is_rendered_once(repository: Callable[..., Any]) -> None:
    """A key that stands twice is a warning at the second place, and the VM gets it once."""
    made = repository(GROUP, {"environments/team.pub": TEAM})
    result = made.run("render")
    assert result.code == 0
    (problem,) = [problem for problem in result.problems if "duplicate-ssh-key" in problem]
    assert problem.startswith("environments/team.pub:3:1: warning: vms.a.sshKeys[1]: the key ssh-ed25519 'cardno:1'")
    keys = yaml.safe_load(made.text("production/vms/a/a.yaml"))["spec"]["sshKeys"]
    assert keys == [ED25519, f"no-pty {ED25519}", ECDSA]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("---- BEGIN SSH2 PUBLIC KEY ----\nComment: x\nAAAA\nBBBB\n---- END SSH2 PUBLIC KEY ----\n", "in the format of SSH2"),
        ("-----BEGIN RSA PUBLIC KEY-----\nAAAA\nBBBB\n-----END RSA PUBLIC KEY-----\n", "in the format PEM"),
        ("-----BEGIN OPENSSH " + "PRIVATE KEY-----\nAAAA\nBBBB\n", "this is a private key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\n", "this is a private key"),
        ("# ours\n-----BEGIN PUBLIC KEY-----\nAAAA\n", "in the format PEM"),
    ],
)
def test_a_file_of_another_format_is_one_problem(repository: Callable[..., Any], content: str, says: str) -> None:
    """A file that holds one key in another format is reported once, and not line by line."""
    (problem,) = repository(GROUP, {"environments/team.pub": content}).run("render").problems
    assert says in problem
