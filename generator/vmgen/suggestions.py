"""Did you mean: the known word that is nearest to an unknown one."""

from __future__ import annotations

from collections.abc import Iterable


def find_closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a typing mistake would turn into `word`, or None."""
    from difflib import get_close_matches  # only a mistake pays for the import

    words = list(known)
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    if not found:
        lowered = {candidate.lower(): candidate for candidate in words}
        found = [lowered[match] for match in get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)]
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'count'?` or nothing, to end a message with."""
    match = find_closest(word, known)
    return f"; did you mean '{match}'?" if match else ""
