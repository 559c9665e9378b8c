"""Hide secrets in values and lines before they are printed."""

from __future__ import annotations

import re
from typing import Any

from vmgen.secrets.patterns import KEY_KINDS, SENSITIVE_WORDS, find_secrets

REDACTED = "***"

# Broader than what is reported as a secret: hiding too much is harmless. A public key keeps its type and comment, so `key` and
# `sshKeys` can be here.
_SECRET_KEY = re.compile(
    rf"(?i){SENSITIVE_WORDS}|passw|(?:\b|_)pass(?:\b|_)|private|(?:{KEY_KINDS}).?key|(?:\b|_)key$|^auth(?!or)"
    r"|cloudInit$|sshKeys$"
)
_ASSIGNMENT = re.compile(
    rf"""(?ix) ( ["']? [\w.-]* (?: {SENSITIVE_WORDS} | passw | private | auth | key ) [\w.-]* ["']? \s* [:=] ) \s* \S .* """
)
_KEY_PREFIX = re.compile(r"""\s*(?:-\s+)*["']?[\w./-]+["']?:(?=\s)""")
_PUBLIC_KEY = re.compile(r"\b((?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+)[ \t]+[A-Za-z0-9+/=]{12,}")
_PRIVATE_KEY = re.compile(r"-----[A-Z ]*PRIVATE KEY")
_LOGIN_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_QUERY_VALUE = re.compile(r"(?<=[?&])([^=&\s#]+)=[^&\s#]*")


def redact(value: Any, name: str = "") -> Any:
    """Return a value of the same shape without secrets. `name` is the key of the value.

    Text of several lines may be a script, a cloud-config or a key: only its number of lines is returned.
    """
    if isinstance(value, dict):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item, name) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if "\n" in value:
        lines = value.count("\n") + (not value.endswith("\n"))
        return "1 line" if lines == 1 else f"{lines} lines"
    if _PUBLIC_KEY.search(value):
        return redact_line(value)
    text = _redact_logins(value)
    return REDACTED if _SECRET_KEY.search(name) or _contains_secret(f"{name}: {text}") else text


def redact_line(line: str) -> str:
    """Return a line of a file without secrets. The body of a private key is not recognised line by line: hide the block."""
    line = _PUBLIC_KEY.sub(rf"\1 {REDACTED}", _redact_logins(line))
    line = _ASSIGNMENT.sub(rf"\1 {REDACTED}", line)
    if not _contains_secret(line):
        return line
    key = _KEY_PREFIX.match(line)
    return f"{key.group()} {REDACTED}" if key and not _contains_secret(key.group()) else REDACTED


def _contains_secret(text: str) -> bool:
    return bool(_PRIVATE_KEY.search(text)) or any(find_secrets(text))


def _redact_logins(text: str) -> str:
    return _QUERY_VALUE.sub(rf"\1={REDACTED}", _LOGIN_IN_URL.sub(REDACTED, text)) if "://" in text else text
