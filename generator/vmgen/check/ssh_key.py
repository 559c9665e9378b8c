"""Parse public keys, as they stand on a line of authorized_keys. Reasons name the type of a key, never key material."""

import binascii
import importlib
import re
from functools import lru_cache
from typing import Literal, NamedTuple

from vmgen.check.ssh_key_options import KeyOption, describe_fault, split_options
from vmgen.problems import did_you_mean

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
# OpenSSH refuses less than 1,024 bits, and NIST less than 2,048. https://csrc.nist.gov/pubs/sp/800/131/a/r2/final
MIN_RSA_BITS = 2048
# Types with faults that the structure does not show, such as a point that is not on its curve.
_TYPES_TO_VERIFY = ("ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
_BASE64_PATTERN = r"[A-Za-z0-9+/]+={0,2}"
_KNOWN_HOSTS_MARK = r"\|1\||@(?:cert-authority|revoked)\s"
_SECOND_KEY = r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{3}|sk-[a-z0-9-]{1,60}@openssh\.com)[ \t]{1,80}AAAA"
_CERTIFICATE = "-cert-v01@openssh.com"
_PRIVATE_KEY_PATTERN = r"(?i)PRIVATE KEY|PuTTY-User-Key-File"
_PLACEHOLDER_PATTERN = (
    r"(?i)\.\.\.|…|[<>{}$]|your|place-?holder|example|change-?me|replace|insert|paste|x{4}|public-?key|todo|dummy|(.)\1{15}"
)

SshKeyFaultKind = Literal["placeholder", "private", "malformed"]


class SshKey(NamedTuple):
    """A complete key. `bits` is the size of an RSA key, 0 for other types; `options` stand before the type."""

    type: str
    comment: str
    body: bytes
    bits: int
    options: tuple[KeyOption, ...] = ()

    def __repr__(self) -> str:
        """Return the key without its body and its options, which may hold a secret."""
        return f"SshKey(type={self.type!r}, comment={self.comment!r}, bits={self.bits!r})"


class SshKeyFault(NamedTuple):
    """The reason why a text is no public key; it follows a noun, as in `the key …`."""

    kind: SshKeyFaultKind
    reason: str


@lru_cache(maxsize=4096)
def parse_ssh_key(text: str) -> SshKey | SshKeyFault:
    """Return the key on a line of an authorized_keys file, which may begin with options, or the reason why there is none."""
    line = text.strip()
    fault = _find_other_format(line)
    if fault:
        return fault
    options, (type_, body, comment) = _split_fields(line)
    if type_ not in _FIELD_LENGTHS:
        return _explain_unknown_type(line, type_)
    key = _decode(type_, body, comment)
    if isinstance(key, SshKeyFault):
        # Only of a body that is no key: random base64 may well spell `your` or `todo`.
        return SshKeyFault("placeholder", "is a placeholder") if re.search(_PLACEHOLDER_PATTERN, body) else key
    if re.search(_SECOND_KEY, comment):
        return SshKeyFault("malformed", "has a second key on its line, which would only be its comment; give each a line")
    reason = describe_fault(options) if options else ""
    if reason:
        return SshKeyFault("malformed", reason)
    return _verify_key(key._replace(options=options), body)


def identify_ssh_key(text: str) -> object:
    """Return a value that is equal for two lines with one key and the same options, independent of their comments."""
    key = parse_ssh_key(text)
    return text if isinstance(key, SshKeyFault) else (key.body, key.options)


def _find_other_format(line: str) -> SshKeyFault | None:
    """Return the fault of a text that is no line of authorized_keys by its first characters or its lines; None for others."""
    if re.search(_PRIVATE_KEY_PATTERN, line):
        return SshKeyFault("private", "is a private key")
    if re.match(r"-{4} ?BEGIN SSH2", line):
        return SshKeyFault(
            "malformed", "is in the format of SSH2; convert it: `ssh-keygen -i -f FILE` prints the line to write"
        )
    if line.startswith("-----BEGIN"):
        return SshKeyFault(
            "malformed", "is in the format PEM; convert it: `ssh-keygen -i -m PKCS8 -f FILE` prints the line to write"
        )
    if line.startswith("---"):
        return SshKeyFault("malformed", "is in another format; convert it with `ssh-keygen -i`")
    if "\n" in line:
        return SshKeyFault("malformed", "has several lines; write one key per item, on one line")
    if re.match(_KNOWN_HOSTS_MARK, line):
        return SshKeyFault("malformed", "is a line of known_hosts, which names hosts; write the key of a person")
    return None


def _split_fields(line: str) -> tuple[tuple[KeyOption, ...], tuple[str, str, str]]:
    """Return the options, and type, body and comment behind them; empty texts for those that are missing."""
    options: tuple[KeyOption, ...] = ()
    # Options come before the type: https://man.openbsd.org/sshd.8#AUTHORIZED_KEYS_FILE_FORMAT
    if line.split(None, 1)[0:1] and line.split(None, 1)[0] not in _FIELD_LENGTHS:
        option_list, after_options = split_options(line)
        word = after_options.split(None, 1)[0] if after_options else ""
        if word in _FIELD_LENGTHS or word.endswith(_CERTIFICATE):
            options, line = option_list, after_options
    fields = [*line.split(None, 2), "", "", ""]
    return options, (fields[0], fields[1], fields[2])


def _explain_unknown_type(line: str, type_: str) -> SshKeyFault:
    """Return the fault of a text whose first word is no type. The word may be key material, so no reason repeats it."""
    if type_.endswith(_CERTIFICATE):
        return SshKeyFault("malformed", "is a certificate, which authorized_keys does not take; write the public key")
    if any(word in _FIELD_LENGTHS for word in line.split()[1:]):
        reason = "has words before its type that are no options; separate options by commas without blanks, and close quotes"
        return SshKeyFault("malformed", reason)
    if re.search(_PLACEHOLDER_PATTERN, " ".join(line.split()[:2])):
        return SshKeyFault("placeholder", "is a placeholder")
    hint = did_you_mean(type_, _FIELD_LENGTHS) if len(type_) < 40 else ""
    return SshKeyFault("malformed", f"does not begin with a known type, such as ssh-ed25519{hint}")


def _decode(type_: str, body: str, comment: str) -> SshKey | SshKeyFault:
    if not body:
        return SshKeyFault("malformed", f"ends after its type {type_}; copy the whole line")
    if not re.fullmatch(_BASE64_PATTERN, body):
        return SshKeyFault("malformed", f"of type {type_} has characters that are not base64; copy the line again")
    try:
        blob = binascii.a2b_base64(body)
    except binascii.Error:
        return SshKeyFault("malformed", f"of type {type_} is cut off; copy the whole line")
    # The body repeats the type as its first string: https://www.rfc-editor.org/rfc/rfc4253#section-6.6
    strings = _split_strings(blob)
    if strings and strings[0] != type_.encode():
        return SshKeyFault("malformed", f"declares {type_} but contains a key of another type; copy the whole line")
    # A line that an editor wrapped or a terminal cut is still base64, so only its length shows it.
    if strings is None or len(strings) <= len(_FIELD_LENGTHS[type_]):
        return SshKeyFault("malformed", f"of type {type_} is cut off; copy the whole line")
    return _build_key(type_, strings, comment, blob)


def _split_strings(blob: bytes) -> list[bytes] | None:
    """Return the length-prefixed strings of a key, or None if one is cut off."""
    strings, position = [], 0
    while position < len(blob):
        # https://www.rfc-editor.org/rfc/rfc4251#section-5
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
        return SshKeyFault("malformed", f"of type {type_} continues after its end; are two keys on one line?")
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
