"""What may be shown of a value that can hold a secret: the leaf through which plans and diffs show anything."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "***"
# Keys whose values are secrets, whatever the object. `key` alone is one of them: a public key shows its type and comment.
_SECRET_KEY = re.compile(
    r"(?i)passw|passphrase|passwd|\bpass\b|pwd|secret|token|credential|private|api.?key|access.?key|[-_.]key$|\bkey$|^auth(?!or)|cloudInit$|sshKeys$"
)
_ASSIGNED = re.compile(
    r"""(?ix) (
      ["']? [\w.-]* (?: passw | passphrase | pwd | secret | token | credential | private | auth | key ) [\w.-]* ["']? \s* [:=]
    ) \s* \S .* """
)
_PUBLIC_KEY = re.compile(r"\b((?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+)[ \t]+[A-Za-z0-9+/=]{12,}")
_PRIVATE_KEY = re.compile(r"-----[A-Z ]*PRIVATE KEY")
_LOGIN_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_QUERY = re.compile(r"(?<=[?&])([^=&\s#]+)=[^&\s#]*")


def shown(value: Any, name: str = "") -> Any:
    """A value as it may be shown: the same shape, secrets masked. `name` is the key that it stands under.

    A text of several lines is never shown, only how long it is: it is a script, a cloud-config, or a key.
    """
    if isinstance(value, dict):
        return {key: shown(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item, name) for item in value]
    if not isinstance(value, str):
        return value
    if "\n" in value:
        return _length(value)
    if _PUBLIC_KEY.search(value):
        return shown_line(value)
    return HIDDEN if value and (_SECRET_KEY.search(name) or _PRIVATE_KEY.search(value)) else _without_logins(value)


def shown_line(line: str) -> str:
    """One line of a text as it may be shown. A line of a private key's body is not known for one: mask the block."""
    if _PRIVATE_KEY.search(line):
        return HIDDEN
    line = _PUBLIC_KEY.sub(rf"\1 {HIDDEN}", line)
    return _ASSIGNED.sub(rf"\1 {HIDDEN}", _without_logins(line))


def _length(text: str) -> str:
    lines = text.count("\n") + (not text.endswith("\n"))
    return "1 line" if lines == 1 else f"{lines} lines"


def _without_logins(text: str) -> str:
    return _QUERY.sub(rf"\1={HIDDEN}", _LOGIN_IN_URL.sub(HIDDEN, text)) if "://" in text else text
