"""What may be shown of a value that can hold a secret: the leaf through which plans and diffs show anything."""

from __future__ import annotations

import re
from typing import Any

REDACTED = "***"
# Keys whose values are secrets, whatever the object. `key` alone is one of them: a public key shows its type and comment.
_REDACTED_KEY = re.compile(
    r"(?i)passw|passphrase|passwd|\bpass\b|pwd|secret|token|credential|private|api.?key|access.?key|[-_.]key$|\bkey$|^auth(?!or)|cloudInit$|sshKeys$"
)
_ASSIGNMENT = re.compile(
    r"""(?ix) (
      ["']? [\w.-]* (?: passw | passphrase | pwd | secret | token | credential | private | auth | key ) [\w.-]* ["']? \s* [:=]
    ) \s* \S .* """
)
_PUBLIC_KEY = re.compile(r"\b((?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+)[ \t]+[A-Za-z0-9+/=]{12,}")
_PRIVATE_KEY = re.compile(r"-----[A-Z ]*PRIVATE KEY")
_LOGIN_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_QUERY_VALUE = re.compile(r"(?<=[?&])([^=&\s#]+)=[^&\s#]*")


def redact(value: Any, name: str = "") -> Any:
    """A value as it may be shown: the same shape, secrets masked. `name` is the key that it stands under.

    A text of several lines is never shown, only how long it is: it is a script, a cloud-config, or a key.
    """
    if isinstance(value, dict):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item, name) for item in value]
    if not isinstance(value, str):
        return value
    if "\n" in value:
        return _format_line_count(value)
    if _PUBLIC_KEY.search(value):
        return redact_line(value)
    return REDACTED if value and (_REDACTED_KEY.search(name) or _PRIVATE_KEY.search(value)) else _redact_logins(value)


def redact_line(line: str) -> str:
    """One line of a text as it may be shown. A line of a private key's body is not known for one: mask the block."""
    if _PRIVATE_KEY.search(line):
        return REDACTED
    line = _PUBLIC_KEY.sub(rf"\1 {REDACTED}", line)
    return _ASSIGNMENT.sub(rf"\1 {REDACTED}", _redact_logins(line))


def _format_line_count(text: str) -> str:
    lines = text.count("\n") + (not text.endswith("\n"))
    return "1 line" if lines == 1 else f"{lines} lines"


def _redact_logins(text: str) -> str:
    return _QUERY_VALUE.sub(rf"\1={REDACTED}", _LOGIN_IN_URL.sub(REDACTED, text)) if "://" in text else text
