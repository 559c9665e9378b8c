"""Equality of what was rendered and what was built, read once for all objects that differ in nothing but their names."""

from __future__ import annotations

import re

from vmgen.quoting import quote
from vmgen.read.manifests import InvalidYamlError, parse_objects

# Stands where a name was: a word as names are, and no name.
_PLACEHOLDER = b"vmgen-hole-of-a-name"


class EqualityCache:
    """Pairs of texts, known by what is left of them without the name of their object.

    The two texts of a shape are read with the same word in the place of the name. Where they then hold one and the same object,
    that word stands at the same places of it, and so would any name that YAML takes for text there: one that needs no quotes,
    and of which nothing before or after it makes a number, a date or another word.
    """

    def __init__(self) -> None:
        self._results: dict[tuple[bytes, bytes], bool] = {}

    def is_equal(self, name: str, wanted: bytes, built: bytes) -> bool:
        """Whether both texts hold the same single object for certain; where that is False, they have to be read."""
        if quote(name) != name or _PLACEHOLDER in wanted or _PLACEHOLDER in built:
            return False
        word = name.encode()
        shape = (wanted.replace(word, _PLACEHOLDER), built.replace(word, _PLACEHOLDER))
        known = self._results.get(shape)
        if known is None:
            known = self._results[shape] = _is_same_object(*shape)
        return known


def _is_same_object(wanted: bytes, built: bytes) -> bool:
    if _is_inside_word(wanted) or _is_inside_word(built):
        return False
    try:
        meant, got = parse_objects(wanted), parse_objects(built)
    except InvalidYamlError:
        return False
    return len(meant) == 1 and meant == got


def _is_inside_word(shape: bytes) -> bool:
    return re.search(rb"[\w.]%b|%b\w" % (_PLACEHOLDER, _PLACEHOLDER), shape) is not None
