"""Bound the nesting of values that others wrote, and parse JSON within the bound, with whole characters only.

Every later step descends by recursion, some with several calls a level, and the JSON Schema validator ends at 255 levels:
https://docs.rs/jsonschema/latest/jsonschema/
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from vmgen.yaml_text import find_surrogate

# The schema in a CustomResourceDefinition, the deepest object of a cluster, takes two for each level of its fields.
MAX_LEVELS = 100


class TooDeepError(ValueError):
    """Lists and mappings are nested in more than `MAX_LEVELS` levels."""

    def __init__(self) -> None:
        super().__init__(f"it has more than {MAX_LEVELS} levels of lists and mappings")


def parse_json(text: str | bytes) -> Any:
    """Parse JSON. Raises ValueError if it is none or has half of a character, and TooDeepError, which is one too."""
    text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    try:
        value = json.loads(text)
    except RecursionError:
        raise TooDeepError from None
    check_levels([value])
    # Only an escape writes half of a character, which UTF-8 does not have: https://www.rfc-editor.org/rfc/rfc8259#section-8.2
    if "\\u" in text and find_surrogate(json.dumps(value, ensure_ascii=False)) is not None:
        raise ValueError("an escape writes half of a character; write the character itself")
    return value


def check_levels(values: Iterable[Any]) -> None:
    """Raise TooDeepError if one of the values is nested too deeply; none may hold itself."""
    level = list(values)
    for _ in range(MAX_LEVELS):
        collections = [value for value in level if isinstance(value, dict | list)]
        if not collections:
            return
        level = [child for value in collections for child in (value.values() if isinstance(value, dict) else value)]
    if any(isinstance(value, dict | list) for value in level):
        raise TooDeepError
