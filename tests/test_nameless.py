"""Texts without their names: what is taken out can be put back, and equal texts differ in names only."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.nameless import (
    FIRST_PLACEHOLDER,
    NUMBER_PLACEHOLDER,
    abstract,
    abstract_object,
    fill,
    find_trailing_number,
    has_whole_words,
    is_text_for_any_number,
)

Skeleton = list[tuple[str, int]]

texts = st.text(alphabet="ab-\n \\" + FIRST_PLACEHOLDER, max_size=30) | st.text(max_size=30)
names = st.lists(st.text(alphabet="ab-", max_size=4), max_size=4)
# Text in which no name occurs, and the numbers of names between its pieces.
skeletons = st.lists(st.tuples(st.text(alphabet="XYZ: \n", max_size=5), st.integers(0, 2)), max_size=6)
several = st.lists(st.from_regex(r"[a-c](-?[a-c])*", fullmatch=True), min_size=3, max_size=3, unique=True)


def write(skeleton: Skeleton, names: list[str]) -> str:
    """A text with names at the places of a skeleton, a blank around each."""
    return "".join(f"{text} {names[index]} " for text, index in skeleton)


@given(texts, names)
def test_names_can_be_put_back(text: str, names: list[str]) -> None:
    """A text that is abstracted and filled with the same names is the same; only one with a placeholder in it is refused."""
    nameless = abstract(text, names)
    if nameless is None:
        assert set(text) & {chr(ord(FIRST_PLACEHOLDER) + index) for index in range(len(names))}
    else:
        assert fill(nameless, names) == text


@given(texts, names, texts, names)
def test_equal_means_names_only(text: str, names: list[str], other: str, others: list[str]) -> None:
    """Of texts that are equal without names, each is the other with the names exchanged."""
    nameless, counterpart = abstract(text, names), abstract(other, others)
    if nameless is not None and nameless == counterpart and len(names) == len(others):
        assert fill(nameless, others) == other


@given(st.text("a" + FIRST_PLACEHOLDER + NUMBER_PLACEHOLDER, max_size=3), st.lists(st.text("ab-1", max_size=3), max_size=3))
def test_each_placeholder_is_filled(nameless: str, names: list[str]) -> None:
    """A text is filled one name after the other, whether it is nothing but a name or holds several."""
    expected = nameless
    for index, name in enumerate(names):
        expected = expected.replace(chr(ord(FIRST_PLACEHOLDER) + index), name)
    assert fill(nameless, names) == expected


@given(st.from_regex(r"[a1٣-]*\n?", fullmatch=True))
def test_a_number_is_at_the_very_end(name: str) -> None:
    """The number of a name is its last ASCII digits, all of them."""
    match = re.search(r"(?<![0-9])[0-9]+\Z", name)
    assert find_trailing_number(name) == (match.group() if match else "")


@given(skeletons, skeletons, several, several)
def test_names_only_means_equal(skeleton: Skeleton, other: Skeleton, names: list[str], others: list[str]) -> None:
    """Texts are equal without their names if, and only if, they have the same names at the same places of the same text."""
    same = write(skeleton, names) == write(other, names)
    assert (abstract(write(skeleton, names), names) == abstract(write(other, others), others)) is same


@given(texts, st.from_regex(r"[a-c](-?[a-c1-3])*", fullmatch=True))
def test_an_object_can_be_put_back(text: str, name: str) -> None:
    """A text without the name of its object, and without the number in it, is the same with both."""
    for nameless, object_names in abstract_object(text, name):
        assert fill(nameless, object_names) == text


@pytest.mark.parametrize(
    ("scalar", "is_text"),
    [
        ("a", True),
        ("number \ue001", True),
        ("\ue001", False),
        (" \ue001\n", False),
        ("\ue000-\ue001", False),
        ("3 \ue001", True),
    ],
)
def test_a_number_alone_is_no_text(scalar: str, is_text: bool) -> None:
    """A number among other words is text for any number; alone, or inside of a word, it may be a value of another type."""
    assert is_text_for_any_number(scalar) is is_text


def test_the_longest_name_is_replaced() -> None:
    """The name of a disk begins with that of its VM, and is a name of its own."""
    nameless = abstract("web-1: web-1-data", ["web-1", "web-1-data"])
    assert nameless == "\ue000: \ue001"
    assert fill(nameless, ["db", "store"]) == "db: store"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("a: web", True),
        ("a: web-data", True),
        ("a: [web, 'web']", True),
        ("a: 1web", False),
        ("a: web1", False),
        ("a: .web", False),
        ("a: web.b", True),
        ('a: "\\web"', False),
        ("a: webweb", True),
    ],
)
def test_words_are_told_from_parts_of_words(text: str, whole: bool) -> None:
    """A letter, a digit, a dot or a backslash before a name could give it another meaning; so could a letter after it."""
    nameless = abstract(text, ["web"])
    assert nameless is not None
    assert has_whole_words(nameless) is whole
