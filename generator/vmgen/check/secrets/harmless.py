"""What stands where a secret could and is none: a reference to it, an open place for it, a locked password."""

from __future__ import annotations

import re

# What Flux, cloud-init and Jinja put the value in place of.
_TEMPLATE_EXPRESSION = re.compile(r"\$\{[^}]*\}|\{\{.*?\}\}|\{%.*?%\}")
# What a shell does besides.
_SHELL_EXPANSION = re.compile(r"\$\([^)]*\)?|`[^`]*`?|\$[A-Za-z_]\w*|\$[0-9@*#?!$-]|%[A-Z_]+%")
_PLACEHOLDER = re.compile(r"<[^<>]*>|\[[A-Z_ -]+\]|\W*|(?i:redacted|none|null|nil|true|false|yes|no|on|off|undefined|empty)")
_REPEATED_CHARACTER = re.compile(r"([*xX.?#-])\1+")
_LOCKED_PASSWORDS = ("!", "*", "!!", "!*", "*LK*", "x", "NP")
_FILE_PATH = re.compile(r"(?:file://|~?/|\./|[A-Z]:\\)[\w./\\:~@%+-]+")


def is_reference(value: str, *, in_shell: bool = False) -> bool:
    """Whether a value only says where the secret comes from, or that there is none.

    With `in_shell`, variables and commands of a shell are references too.
    """
    rest = _TEMPLATE_EXPRESSION.sub("", value)
    if in_shell:
        rest = _SHELL_EXPANSION.sub("", rest)
    rest = rest.strip().strip("\"'").strip()
    return bool(_PLACEHOLDER.fullmatch(rest) or _REPEATED_CHARACTER.fullmatch(rest))


def is_path(value: str) -> bool:
    """Whether a value names a file, as `/etc/app/token` does."""
    return bool(_FILE_PATH.fullmatch(value.strip("\"'")))


def is_locked_password(value: str) -> bool:
    """Whether a value of a password field is one that nobody can log in with."""
    return value in _LOCKED_PASSWORDS
