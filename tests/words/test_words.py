"""Pages, help, messages, rule texts, schemas, verdicts and starter files keep to the language rule of docs/style.md."""

from __future__ import annotations

import re

import pytest

from tools import words


def test_no_text_has_a_banned_construction() -> None:
    """A new text that breaks the rule fails here, with the words to use instead."""
    assert [str(finding) for finding in words.find_banned()] == []


@pytest.mark.parametrize(
    ("text", "banned"),
    [
        ("Whoever stands here approves it.", {"Whoever", "stands here"}),
        ("It is made anew, and mended.", {"anew", "mended"}),
        ("The file says which VMs there are.", {"says"}),
        ("Take the mark away.", {"Take the mark away"}),
        ("Give it this source in the place of the directory.", {"in the place of"}),
        ("What is written stays.", {"What is", "What is written stays."}),
        ("What is this?", set()),
        ("`what is` and `whoever` are code.", set()),
        ("Both engines apply it; the kustomize engine builds it.", {"engines"}),
        ("Validate environments and manifests.", set()),
    ],
)
def test_banned_constructions(text: str, banned: set[str]) -> None:
    """Each construction is found in prose, in any case, and not in code or in a question."""
    assert {match[0] for pattern in words.compile_patterns() for match in pattern.finditer(words.extract_prose(text))} == banned


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_the_first_pages_are_easy_to_read(page: str) -> None:
    """Sentences of the README and the tutorial have under 16 words on average, with a reading ease over 55."""
    measured = words.measure_readability((words.ROOT / page).read_text(encoding="utf-8"))
    assert measured.sentence < 16
    assert measured.ease > 55


def test_readability_of_known_sentences() -> None:
    """Short words in short sentences are easy, long words in long sentences are not; code and tables do not count."""
    easy = words.measure_readability(
        "The cat sat on the mat. It was a good cat.\n\n| a table | of long unreadable terminology |\n"
    )
    hard = words.measure_readability(
        "Organisational interoperability necessitates comprehensive, multidisciplinary documentation."
    )
    assert easy.sentence == pytest.approx(5.5)
    assert easy.ease > 100
    assert hard.ease < 0


@pytest.mark.parametrize(
    ("word", "count"),
    [("disk", 1), ("image", 2), ("rendered", 2), ("table", 2), ("use", 1), ("environment", 4), ("the", 1), ("decided", 3)],
)
def test_syllables(word: str, count: int) -> None:
    """The estimate is right for common words."""
    assert words.count_syllables(word) == count


@pytest.mark.parametrize("page", [page for page in words.list_pages() if page not in ("docs/glossary.md", "CHANGELOG.md")])
def test_terms_are_linked_where_a_page_first_uses_them(page: str) -> None:
    """The first use of a term outside of headings, code and other links leads to the glossary."""
    assert words.find_unlinked_terms((words.ROOT / page).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The gate refuses it.", ["gate"]),
        ("The [gate](glossary.md#gate) refuses it. The gate is strict.", []),
        ("The gate, see the [gate](glossary.md#gate).", ["gate"]),
        ("# The gate\n\nSee [the gate](plan.md), `gate`.\n\n```text\ngate\n```\n", []),
        ("Stamps and waivers", ["stamp", "waiver"]),
    ],
)
def test_unlinked_terms(text: str, terms: list[str]) -> None:
    """Plurals count, and headings, code and text of other links do not."""
    assert sorted(words.find_unlinked_terms(text)) == terms


def test_every_term_has_an_entry() -> None:
    """The glossary has a heading for each term that pages link to."""
    headings = re.findall(r"^## (.+)$", (words.ROOT / "docs/glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [term for term in words.TERMS if term not in {heading.lower() for heading in headings}] == []
    assert sorted(headings, key=str.lower) == headings
