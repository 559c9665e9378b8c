"""Suggestions for unknown names: near ones, and without a comparison with each of thousands of names."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from vmgen import problems
from vmgen.problems import NameIndex, did_you_mean

FLEET = [f"{group}-{number}" for group in ("web", "db", "cache") for number in range(1, 1001)]
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "lem", "mor", "nis", "tur")
WORDS = [f"{first}{second}{third}" for first in SYLLABLES for second in SYLLABLES for third in SYLLABLES]


@pytest.mark.parametrize(
    ("names", "name", "suggestion"),
    [
        (FLEET, "wbe-700", "web-700"),
        (FLEET, "web-700-", "web-700"),
        (FLEET, "chache-12", "cache-12"),
        (FLEET, "web-1001", "web-1"),  # one of its form: no name has this number
        (FLEET, "frontend", ""),
        ([*FLEET, *(f"extra{index}-disk" for index in range(300))], "extra7-dsik", "extra7-disk"),
        ([f"{word}{index}x" for index, word in enumerate(WORDS)], "bacedi12y", "bacedi12x"),
        ([*FLEET, "archive", "assets"], "archiv", "archive"),
    ],
)
def test_near_names_of_many(names: list[str], name: str, suggestion: str) -> None:
    """A name with the same numbers comes first, then one of each form."""
    assert NameIndex(names).did_you_mean(name) == (f"; did you mean '{suggestion}'?" if suggestion else "")


@pytest.mark.parametrize("name", ["wbe-7", "web", "b-12", "x", "cache-1", ""])
def test_few_names_are_all_compared(name: str) -> None:
    """Of a few names the suggestion is the nearest of all."""
    assert NameIndex(FLEET[:200]).did_you_mean(name) == did_you_mean(name, FLEET[:200])


@pytest.mark.parametrize("names", [FLEET, [f"v{index}x" for index in range(5000)], WORDS])
def test_few_of_many_are_compared(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of a suggestion does not grow with the number of names."""
    compared: list[int] = []

    def find_closest(_: str, options: Iterable[str]) -> None:
        compared.append(len(list(options)))

    monkeypatch.setattr(problems, "find_closest", find_closest)
    index = NameIndex(names)
    for name in ("wbe-7", "v7y", "banakx"):
        index.did_you_mean(name)
    assert len(compared) == 6
    assert max(compared) <= 200
