"""Equality of what was rendered and what was built, read once for all objects that differ in nothing but their names."""

from __future__ import annotations

import re

from vmgen.quoting import text
from vmgen.read.manifests import NotYaml, objects

# Stands where a name was: a word as names are, and no name.
_HOLE = b"vmgen-hole-of-a-name"


class Shapes:
    """Pairs of texts, known by what is left of them without the name of their object.

    The two texts of a shape are read with the same word in the place of the name. Where they then hold one and the same object,
    that word stands at the same places of it, and so would any name that YAML takes for text there: one that needs no quotes,
    and of which nothing before or after it makes a number, a date or another word.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], bool] = {}

    def equal(self, name: str, wanted: bytes, built: bytes) -> bool:
        """Whether both texts hold the same single object for certain; where that is False, they have to be read."""
        if text(name) != name or _HOLE in wanted or _HOLE in built:
            return False
        word = name.encode()
        shape = (wanted.replace(word, _HOLE), built.replace(word, _HOLE))
        known = self._known.get(shape)
        if known is None:
            known = self._known[shape] = _same_object(*shape)
        return known


def _same_object(wanted: bytes, built: bytes) -> bool:
    if _joined_to_a_word(wanted) or _joined_to_a_word(built):
        return False
    try:
        meant, got = objects(wanted), objects(built)
    except NotYaml:
        return False
    return len(meant) == 1 and meant == got


def _joined_to_a_word(shape: bytes) -> bool:
    return re.search(rb"[\w.]%b|%b\w" % (_HOLE, _HOLE), shape) is not None
