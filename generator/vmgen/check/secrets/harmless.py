"""What stands where a secret could and is none: a reference to it, an open place for it, a locked password."""

from __future__ import annotations

import re

# What Flux, cloud-init and Jinja put the value in place of.
_FILLED_LATER = re.compile(r"\$\{[^}]*\}|\{\{.*?\}\}|\{%.*?%\}")
# What a shell does besides.
_SHELL = re.compile(r"\$\([^)]*\)?|`[^`]*`?|\$[A-Za-z_]\w*|\$[0-9@*#?!$-]|%[A-Z_]+%")
_OPEN_PLACE = re.compile(r"<[^<>]*>|\[[A-Z_ -]+\]|\W*|(?i:redacted|none|null|nil|true|false|yes|no|on|off|undefined|empty)")
_ONE_CHARACTER = re.compile(r"([*xX.?#-])\1+")
_LOCKED = ("!", "*", "!!", "!*", "*LK*", "x", "NP")
_PATH = re.compile(r"(?:file://|~?/|\./|[A-Z]:\\)[\w./\\:~@%+-]+")


def is_reference(value: str, *, in_shell: bool = False) -> bool:
    """Whether a value only says where the secret comes from, or that there is none.

    With `in_shell`, variables and commands of a shell are references too.
    """
    rest = _FILLED_LATER.sub("", value)
    if in_shell:
        rest = _SHELL.sub("", rest)
    rest = rest.strip().strip("\"'").strip()
    return bool(_OPEN_PLACE.fullmatch(rest) or _ONE_CHARACTER.fullmatch(rest))


def is_path(value: str) -> bool:
    """Whether a value names a file, as `/etc/app/token` does."""
    return bool(_PATH.fullmatch(value.strip("\"'")))


def is_locked(value: str) -> bool:
    """Whether a value of a password field is one that nobody can log in with."""
    return value in _LOCKED
