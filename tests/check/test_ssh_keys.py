"""A public key is known by its structure, and no message holds anything of it but type and comment."""

from __future__ import annotations

import base64

import pytest

from vmgen.check.rules.ssh_keys import SshKey, SshKeyFault, parse_ssh_key


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
    ],
)
def test_faults(text: str, kind: str, reason: str) -> None:
    """What is wrong is told apart, without a word of the key."""
    fault = parse_ssh_key(text)
    assert isinstance(fault, SshKeyFault), fault
    assert fault.kind == kind
    assert reason in fault.reason
    assert not any(len(word) > 11 and word in fault.reason for word in text.split()[1:])


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
