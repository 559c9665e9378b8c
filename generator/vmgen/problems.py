"""What can be wrong, and where: the leaf that every other module may import.

Did you mean: the known word that is nearest to an unknown one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]


class Place(NamedTuple):
    """A position in a file of the user's. Lines and columns count from 1; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One thing that a user has to mend, at its place, with its remedy in the message.

    `rule` is the stable id in brackets, `subject` the path of the key (`vms.web.count`) or empty. `lines` are to be shown
    below the message as they stand: what to paste into a file, or how a file differs.
    """

    place: Place
    rule: str
    subject: str
    message: str
    severity: Severity = "error"
    lines: tuple[str, ...] = ()


class VmgenError(Exception):
    """The job could not be done (exit code 2): a missing file, an unusable folder, no engine."""


class ProblemsError(Exception):
    """The answer is no (exit code 1), for the problems it carries."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} problem(s)")
        self.problems = problems


def sort_problems(problems: list[Problem]) -> tuple[Problem, ...]:
    """The problems once each, sorted by place."""
    return tuple(sorted(set(problems)))


def has_errors(problems: tuple[Problem, ...]) -> bool:
    """Whether any of them is more than a warning."""
    return any(problem.severity == "error" for problem in problems)


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


def shorten(text: str, limit: int = 60) -> str:
    """Return a text of the user's for a message, cut to `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
