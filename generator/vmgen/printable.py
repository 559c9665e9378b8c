"""Write texts of others so that they can neither start a line nor control the terminal or the log that shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

# What str.isprintable() refuses is control characters, line separators, and what changes the direction of a text or has no
# width: https://trojansource.codes shows what can be hidden so.
_UNPRINTABLE_IN_JSON = re.compile(r"[^\x00-\x7e]")


def escape(text: str, keep: str = "") -> str:
    r"""Return a text with each character that is not printable as its escape, such as `\x1b`; those of `keep` stay."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else repr(char)[1:-1] for char in text)


def format_json(document: Any, default: Callable[[Any], Any] | None = None) -> str:
    """Return a document as indented JSON with a line break at its end; unprintable characters are escaped."""
    text = json.dumps(document, indent=2, ensure_ascii=False, default=default) + "\n"
    return text if text.replace("\n", "").isprintable() else _UNPRINTABLE_IN_JSON.sub(_escape_in_json, text)


def _escape_in_json(match: re.Match[str]) -> str:
    char = match.group()
    return char if char.isprintable() else json.dumps(char)[1:-1]
