"""Compare and reuse texts that differ in names only, with a placeholder for each name.

A placeholder is one character of Unicode's private use area: YAML reads it as text, and no name in Kubernetes holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

FIRST_PLACEHOLDER = "\ue000"
_STAND_IN = "vmgen-stand-in-"
_INSIDE_WORD = re.compile(r"[\w.\\][\ue000-\uf8ff]|[\ue000-\uf8ff]\w")


def abstract(text: str, names: Sequence[str]) -> str | None:
    """Return the text with a placeholder for each name; None if it already holds one of these placeholders.

    Equal results mean that two texts differ in their names only. Of overlapping names the longest is replaced. An empty name
    is ignored.
    """
    placeholders = get_placeholders(len(names))
    if any(placeholder in text for placeholder in placeholders):
        return None
    # The longest first: `web-1` is a part of `web-10`.
    for name, placeholder in sorted(zip(names, placeholders), key=lambda pair: -len(pair[0])):
        if name:
            text = text.replace(name, placeholder)
    return text


def fill(nameless: str, names: Sequence[str]) -> str:
    """Return an abstracted text with names instead of its placeholders. Only the last name may hold placeholders."""
    for name, placeholder in zip(names, get_placeholders(len(names))):
        nameless = nameless.replace(placeholder, name)
    return nameless


def render_nameless(render: Callable[[Sequence[str]], str], names: Sequence[str], text: str) -> str | None:
    """Return the text that a template rendered without the names, to fill in those of another object.

    `render` renders the template with other names. Return None if that text with the names filled in is not `text`. The caller
    has to know that the template only writes the names (`Templates.is_name_independent`).
    """
    if _STAND_IN in text:
        return None
    # The names of the object may occur in its text for other reasons: a VM may be called `running`.
    stand_ins = [f"{_STAND_IN}{index}" for index in range(len(names))]
    nameless = abstract(render(stand_ins), stand_ins)
    return nameless if nameless is not None and fill(nameless, names) == text else None


def has_whole_words(nameless: str) -> bool:
    """Return True if no placeholder is part of a longer word, a number or an escape sequence.

    YAML then reads the text as it reads the text with names, provided that these names are plain words.
    """
    return _INSIDE_WORD.search(nameless) is None


@cache
def get_placeholders(count: int) -> tuple[str, ...]:
    """Return the placeholders of so many names."""
    first = ord(FIRST_PLACEHOLDER)
    return tuple(chr(number) for number in range(first, first + count))
