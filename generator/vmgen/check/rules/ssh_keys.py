"""Rules on SSH keys, and the parser of public keys. Messages name the type and comment of a key, never key material."""

from __future__ import annotations

import binascii
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, VmSettings
from vmgen.problems import Place, did_you_mean, shorten

# The lengths of the strings that follow the type inside a key, None where they vary (RFC 4253 section 6.6, RFC 5656, RFC 8709,
# https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.u2f).
_FIELD_LENGTHS: dict[str, tuple[int | None, ...]] = {
    "ssh-ed25519": (32,),
    "ssh-rsa": (None, None),
    "ssh-dss": (None, None, None, None),
    "ecdsa-sha2-nistp256": (8, 65),
    "ecdsa-sha2-nistp384": (8, 97),
    "ecdsa-sha2-nistp521": (8, 133),
    "sk-ssh-ed25519@openssh.com": (32, None),
    "sk-ecdsa-sha2-nistp256@openssh.com": (8, 65, None),
}
_RSA_MODULUS_INDEX = 2
_MIN_RSA_BITS = 2048
# Types with faults that the structure does not show, such as a point that is not on its curve.
_TYPES_TO_VERIFY = ("ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
_OPTIONS_PATTERN = re.compile(r'(?:[^\s"]|"(?:\\.|[^"\\])*")+[ \t]+')
_BASE64_PATTERN = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_PRIVATE_KEY_PATTERN = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File", re.IGNORECASE)
_PLACEHOLDER_PATTERN = re.compile(
    r"\.\.\.|…|[<>{}$]|your|place-?holder|example|change-?me|replace|insert|paste|x{4}|public-?key|todo|dummy|(.)\1{15}",
    re.IGNORECASE,
)

SshKeyFaultKind = Literal["placeholder", "private", "malformed"]


@dataclass(frozen=True, slots=True)
class SshKey:
    """A complete key. `bits` is the size of an RSA key, 0 for other types."""

    type: str
    comment: str
    body: bytes = field(repr=False)
    bits: int


class SshKeyFault(NamedTuple):
    """The reason why a text is no public key; it follows a noun, as in `the key …`."""

    kind: SshKeyFaultKind
    reason: str


@rule("placeholder-ssh-key")
def placeholder_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key from an example, such as `ssh-rsa AAAA...` or `your-public-key-here`. Nobody could log in to the VM.

    Write your public key, mostly the one line of `~/.ssh/id_ed25519.pub`, or `{file: keys/ops.pub}`.
    """
    remedy = "write the line of your .pub file, or `{file: keys/ops.pub}`"
    for place, subject, _ in _find_faults(environment, "placeholder"):
        yield Finding(place, subject, f"the key is a placeholder; {remedy}")


@rule("private-ssh-key")
def private_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A private key where a public one belongs. Whoever reads the repository, or the VM's spec, could use it.

    Remove it, write the public key instead (the file that ends in .pub), and replace the pair if it was ever committed.
    """
    message = "this is a private key; remove it, write the public one (.pub), and make a new pair if it was ever committed"
    for place, subject, _ in _find_faults(environment, "private"):
        yield Finding(place, subject, message)


@rule("malformed-ssh-key")
def malformed_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key that no SSH server would take: cut off, with a type that does not match its content, or no key at all.

    Copy the whole line of the .pub file again. Options before the type (`from="10.0.0.0/8"`) are allowed.
    """
    for place, subject, reason in _find_faults(environment, "malformed"):
        yield Finding(place, subject, f"the key {reason}")


@rule("duplicate-ssh-key")
def duplicate_ssh_key(environment: Environment) -> Iterator[Finding]:
    """One key twice for the same VM, whatever the comments say: mostly a second key that was not pasted.

    Remove one.
    """
    for _, vm, path in environment.vm_settings:
        places: dict[bytes, Place] = {}
        for entry in _iter_vm_entries(vm, path):
            if isinstance(entry.key, SshKeyFault):
                continue
            if entry.key.body in places:
                message = f"the key {_format_key(entry.key)} stands here already, at {places[entry.key.body]}; remove one"
                yield Finding(entry.place, entry.subject, message)
            places.setdefault(entry.key.body, entry.place)


@rule("weak-ssh-key", "warning")
def weak_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key that current SSH servers refuse: ssh-dss, or RSA with fewer than 2048 bits.

    Make a new one: `ssh-keygen -t ed25519`.
    """
    for place, subject, key in _iter_entries(environment):
        if isinstance(key, SshKey) and (key.type == "ssh-dss" or 0 < key.bits < _MIN_RSA_BITS):
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
    for index, item in enumerate(vm.values.get_items("sshKeys")):
        if isinstance(item.data, str):
            yield _KeyEntry(item.place, f"{path}.sshKeys[{index}]", parse_ssh_key(item.data))


def _find_faults(environment: Environment, kind: SshKeyFaultKind) -> Iterator[tuple[Place, str, str]]:
    for place, subject, key in _iter_entries(environment):
        if isinstance(key, SshKeyFault) and key.kind == kind:
            yield place, subject, key.reason


def _format_key(key: SshKey) -> str:
    return f"{key.type} '{shorten(key.comment, 40)}'" if key.comment else key.type


@lru_cache(maxsize=4096)
def parse_ssh_key(text: str) -> SshKey | SshKeyFault:
    """Return the key on a line of an authorized_keys file, which may begin with options, or the reason why there is none."""
    line = text.strip()
    if _PRIVATE_KEY_PATTERN.search(line):
        return SshKeyFault("private", "is a private key")
    if "\n" in line:
        return SshKeyFault("malformed", "goes over several lines; write one key an item, on one line")
    if line.startswith("---"):
        return SshKeyFault("malformed", "is in another format; convert it with `ssh-keygen -i`")
    type_, body, comment = _split_fields(line)
    if type_ not in _FIELD_LENGTHS:
        return _explain_unknown_type(line, type_)
    key = _decode(type_, body, comment)
    if isinstance(key, SshKeyFault):
        return SshKeyFault("placeholder", "is a placeholder") if _PLACEHOLDER_PATTERN.search(body) else key
    return _verify_key(key, body)


def _split_fields(line: str) -> tuple[str, str, str]:
    """Return type, body and comment without the options before them; empty texts for those that are missing."""
    if line.partition(" ")[0] not in _FIELD_LENGTHS:
        options = _OPTIONS_PATTERN.match(line)
        after_options = line[options.end() :] if options else ""
        if any(word in _FIELD_LENGTHS for word in after_options.split(None, 1)[:1]):
            line = after_options
    fields = [*line.split(None, 2), "", "", ""]
    return fields[0], fields[1], fields[2]


def _explain_unknown_type(line: str, type_: str) -> SshKeyFault:
    """Return the fault of a text whose first word is no type. The word may be key material, so no reason repeats it."""
    if _PLACEHOLDER_PATTERN.search(" ".join(line.split()[:2])):
        return SshKeyFault("placeholder", "is a placeholder")
    if "-cert-v01@openssh.com" in type_:
        return SshKeyFault("malformed", "is a certificate, which authorized_keys does not take; write the public key")
    hint = did_you_mean(type_, _FIELD_LENGTHS) if len(type_) < 40 else ""
    return SshKeyFault("malformed", f"does not begin with a known type, such as ssh-ed25519{hint}")


def _decode(type_: str, body: str, comment: str) -> SshKey | SshKeyFault:
    if not body:
        return SshKeyFault("malformed", f"ends after its type {type_}; copy the whole line")
    if not _BASE64_PATTERN.fullmatch(body):
        return SshKeyFault("malformed", f"of type {type_} has characters that are not base64; copy the line again")
    try:
        blob = binascii.a2b_base64(body)
    except binascii.Error:
        return SshKeyFault("malformed", f"of type {type_} is cut off; copy the whole line")
    strings = _split_strings(blob)
    if strings and strings[0] != type_.encode():
        return SshKeyFault("malformed", f"says {type_} and holds a key of another type; copy the whole line")
    if strings is None or len(strings) <= len(_FIELD_LENGTHS[type_]):
        return SshKeyFault("malformed", f"of type {type_} is cut off; copy the whole line")
    return _build_key(type_, strings, comment, blob)


def _split_strings(blob: bytes) -> list[bytes] | None:
    """Return the length-prefixed strings of a key, or None if one is cut off."""
    strings, position = [], 0
    while position < len(blob):
        length = int.from_bytes(blob[position : position + 4], "big")
        position += 4
        if position + length > len(blob):
            return None
        strings.append(blob[position : position + length])
        position += length
    return strings


def _build_key(type_: str, strings: list[bytes], comment: str, blob: bytes) -> SshKey | SshKeyFault:
    lengths = _FIELD_LENGTHS[type_]
    if len(strings) > len(lengths) + 1:
        return SshKeyFault("malformed", f"of type {type_} goes on after its end; are two keys on one line?")
    for string, length in zip(strings[1:], lengths, strict=True):
        if not string or length not in (None, len(string)):
            return SshKeyFault("malformed", f"of type {type_} has a part of the wrong length; copy the whole line")
    bits = int.from_bytes(strings[_RSA_MODULUS_INDEX], "big").bit_length() if type_ == "ssh-rsa" else 0
    return SshKey(type_, comment, blob, bits)


def _verify_key(key: SshKey, body: str) -> SshKey | SshKeyFault:
    """Check the key with the optional library `cryptography`. Without the library, return it as it is."""
    if key.type not in _TYPES_TO_VERIFY:
        return key
    try:
        serialization = importlib.import_module("cryptography.hazmat.primitives.serialization")
    except ImportError:
        return key
    try:
        serialization.load_ssh_public_key(f"{key.type} {body}".encode())
    except ValueError:
        return SshKeyFault("malformed", f"of type {key.type} is not a valid key; copy the whole line")
    return key
