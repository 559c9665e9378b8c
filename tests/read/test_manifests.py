"""Manifests are parsed as kubectl would, and refused where tools would read different things."""

from __future__ import annotations

import pytest

from vmgen.read.manifests import InvalidYamlError, parse_objects

UNREADABLE = {
    "a: 1\na: 2\n": "the key a is a duplicate",
    "a: {on: 1}\n": "the key True is not text for every parser; quote it",
    "1: a\n": "the key 1 is not text for every parser; quote it",
    "a: [": "while parsing a flow",
    "a: !!python/object:x {}\n": "could not determine a constructor",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_manifests_that_cannot_be_read(text: str) -> None:
    """What no kubectl would take for one object is refused on the way back, with the reason."""
    with pytest.raises(InvalidYamlError, match=UNREADABLE[text]):
        parse_objects(text, text_keys=True)


def test_texts_that_pyyaml_alone_would_not_read() -> None:
    """A lone `=` or `<<`, as the engine writes them, is text; empty documents are left out."""
    assert parse_objects("a: =\nb: <<\n---\n---\nc: 1\n") == [{"a": "=", "b": "<<"}, {"c": 1}]


def test_merge_keys_that_multiply() -> None:
    """Merge keys of merge keys are refused before they fill the memory."""
    lines = ["a0: &a0 {k: v}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 20))]
    with pytest.raises(InvalidYamlError, match="merge keys expand to too many keys"):
        parse_objects("\n".join(lines))
