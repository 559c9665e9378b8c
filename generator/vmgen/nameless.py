"""Compare and reuse texts that differ in names only, by putting a placeholder in the place of each name.

A placeholder is one character of Unicode's private use area: YAML reads it as text, and no name in Kubernetes holds it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

FIRST_PLACEHOLDER = "\ue000"
_INSIDE_WORD = re.compile(r"[\w.\\][\ue000-\uf8ff]|[\ue000-\uf8ff]\w")


def abstract(text: str, names: Sequence[str]) -> str | None:
    """Return the text with a placeholder for each name; None if it already holds one of these placeholders.

    Equal results mean that two texts differ in their names only. Of overlapping names the longest is replaced. An empty name
    is ignored.
    """
    placeholders = _get_placeholders(len(names))
    if any(placeholder in text for placeholder in placeholders):
        return None
    for name, placeholder in sorted(zip(names, placeholders), key=lambda pair: -len(pair[0])):
        if name:
            text = text.replace(name, placeholder)
    return text


def fill(nameless: str, names: Sequence[str]) -> str:
    """Return an abstracted text with names in the place of its placeholders. The names must not hold placeholders."""
    for name, placeholder in zip(names, _get_placeholders(len(names))):
        nameless = nameless.replace(placeholder, name)
    return nameless


def has_whole_words(nameless: str) -> bool:
    """Return True if no placeholder is part of a longer word, a number or an escape sequence.

    YAML then reads the text as it reads the text with names, provided that these names are plain words.
    """
    return _INSIDE_WORD.search(nameless) is None


def _get_placeholders(count: int) -> list[str]:
    first = ord(FIRST_PLACEHOLDER)
    return [chr(number) for number in range(first, first + count)]
