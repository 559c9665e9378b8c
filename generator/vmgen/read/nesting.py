"""Bound the nesting of values that others wrote, and parse JSON within the bound.

Every later step descends by recursion, some with several calls a level, and the JSON Schema validator ends at 255 levels:
https://docs.rs/jsonschema/latest/jsonschema/
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

# The schema in a CustomResourceDefinition, the deepest object of a cluster, takes two for each level of its fields.
MAX_LEVELS = 100


class TooDeepError(ValueError):
    """Lists and mappings are nested in more than `MAX_LEVELS` levels."""

    def __init__(self) -> None:
        super().__init__(f"it has more than {MAX_LEVELS} levels of lists and mappings")


def parse_json(text: str | bytes) -> Any:
    """Parse JSON. Raises ValueError if it is none, and TooDeepError, which is one too."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise TooDeepError from None
    check_levels([value])
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
