"""Plain scalars: the quick answers are those of the expressions that they spare."""

from __future__ import annotations

import re
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from vmgen.read.located import AmbiguousScalar
from vmgen.read.yaml_reader import _UNPRINTABLE, find_unprintable, resolve_scalar
from vmgen.yaml_text import _NEEDS_ESCAPE, quote

# What YAML's versions read differently, in one expression.
AMBIGUOUS = re.compile(
    r"""(?xi)
    y | n | yes | no | on | off | = | <<
  | [-+]? 0[box][0-9a-f_]+
  | [-+]? [0-9][0-9_]* (:[0-5]?[0-9])+ (\.[0-9_]*)?
  | [-+]? (\.[0-9_]+ | [0-9][0-9_]*(\.[0-9_]*)?) (e[-+]?[0-9]+)?
  | [-+]? \.(inf|nan)
    """
)
NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?")
LETTERS = "019+-_.:abefinoxyOXYNKſ=< G"


def is_ambiguous(word: str) -> bool:
    """Whether the expression says so; a number that all readers read alike is none."""
    return AMBIGUOUS.fullmatch(word) is not None and not NUMBER.fullmatch(word)


def test_short_words_are_as_ambiguous_as_the_expression_says() -> None:
    """Every word of up to three letters that could matter."""
    words = ("".join(letters) for length in (1, 2, 3) for letters in product(LETTERS, repeat=length))
    assert [word for word in words if isinstance(resolve_scalar(word), AmbiguousScalar) != is_ambiguous(word)] == []


@given(st.text(st.sampled_from(LETTERS), min_size=1, max_size=19))
def test_words_are_as_ambiguous_as_the_expression_says(word: str) -> None:
    """Longer words too; from twenty digits on, every number is ambiguous."""
    assert isinstance(resolve_scalar(word), AmbiguousScalar) == is_ambiguous(word)


def test_every_character_survives_as_the_expression_says() -> None:
    """What is quickly seen to be printable is what the expression finds nothing in, and nothing that has to be escaped."""
    characters = [chr(number) for number in range(0x110000)]
    assert [each for each in characters if bool(_UNPRINTABLE.search(each)) != (find_unprintable(f"{each}") is not None)] == []
    assert [each for each in characters if each.isprintable() and _NEEDS_ESCAPE.search(each)] == []


def test_what_is_escaped_stays_escaped() -> None:
    """A text with one character that is not printable is escaped in that one."""
    assert quote("é\u2028x") == '"é\\u2028x"'
