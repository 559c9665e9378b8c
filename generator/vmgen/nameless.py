"""Compare and reuse texts that differ in names only, and in the numbers of these, with a placeholder for each.

A placeholder is one character of Unicode's private use area: YAML reads it as text, and no name in Kubernetes holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

FIRST_PLACEHOLDER, NUMBER_PLACEHOLDER = "\ue000", "\ue001"
_STAND_IN = "vmgen-stand-in-"
_WORD_CHARACTERS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_INSIDE_WORD = r"[\w.\\][\ue000-\uf8ff]|[\ue000-\uf8ff]\w"


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


def abstract_object(text: str, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the text of an object without its name and the number at its end, and then without its name only.

    Each comes with the texts that `fill` puts back. The user data of a VM often has its number, as a word of its own.
    """
    if not text.isascii() and (FIRST_PLACEHOLDER in text or NUMBER_PLACEHOLDER in text):
        return
    nameless, number = text.replace(name, FIRST_PLACEHOLDER), find_trailing_number(name)
    numberless = replace_word(nameless, number, NUMBER_PLACEHOLDER)
    if numberless != nameless:
        yield numberless, (name, number)
    yield nameless, (name,)


def replace_word(text: str, value: str, placeholder: str) -> str:
    """Return a text with a placeholder for each place where a value is no part of a longer word."""
    # Each VM has a name of its own, and to compile a pattern for it takes longer than to search the text.
    pieces: list[str] = []
    position = end = 0
    while value and (start := text.find(value, position)) >= 0:
        position = start + len(value)
        if (start and text[start - 1] in _WORD_CHARACTERS) or text[position : position + 1] in _WORD_CHARACTERS:
            position = start + 1
        else:
            pieces += (text[end:start], placeholder)
            end = position
    return "".join((*pieces, text[end:]))


def fill(nameless: str, names: Sequence[str]) -> str:
    """Return an abstracted text with names instead of its placeholders. Only the last name may hold placeholders."""
    if nameless.isascii():  # as most texts are, which costs nothing to ask
        return nameless
    if nameless == FIRST_PLACEHOLDER and names:  # as the name of each object is
        return names[0]
    for name, placeholder in zip(names, get_placeholders(len(names))):
        nameless = nameless.replace(placeholder, name)
    return nameless


def fill_value(value: Any, names: Sequence[str]) -> Any:
    """Return a parsed value with names instead of the placeholders in its texts and keys; see `fill`."""
    if isinstance(value, str):
        return fill(value, names)
    if isinstance(value, dict):
        return {fill_value(key, names): fill_value(item, names) for key, item in value.items()}
    return [fill_value(item, names) for item in value] if isinstance(value, list) else value


def find_trailing_number(name: str) -> str:
    """Return the digits that a name ends in; empty if it ends in none."""
    return name[len(name.rstrip("0123456789")) :]


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
    return re.search(_INSIDE_WORD, nameless) is None


def is_text_for_any_number(scalar: str) -> bool:
    """Return True if YAML reads a scalar as text whatever number is in it: as none, or one among other words.

    A plain `3` is a number, and `number 3` is text: https://yaml.org/spec/1.2.2/#1032-tag-resolution
    """
    return NUMBER_PLACEHOLDER not in scalar or len(scalar.split()) > 1


@cache
def get_placeholders(count: int) -> tuple[str, ...]:
    """Return the placeholders of so many names."""
    first = ord(FIRST_PLACEHOLDER)
    return tuple(chr(number) for number in range(first, first + count))
