"""Problems with their places, the exceptions that end a run, and suggestions for misspelt words."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "notice"]


class Place(NamedTuple):
    """A position in a file. Lines and columns count from 1; line 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Problem(NamedTuple):
    """An error, a warning or a notice, with its remedy in the message.

    A notice asks for nothing: it names what else decides. Like a warning, it changes no exit code.

    `rule` is the stable id that is printed in brackets, `subject` the path of the key (`vms.web.count`) or empty. `lines` are
    printed unchanged below the message: lines to paste into a file, or a diff.
    """

    place: Place
    rule: str
    subject: str
    message: str
    severity: Severity = "error"
    lines: tuple[str, ...] = ()


class VmgenError(Exception):
    """The run cannot continue (exit code 2): a missing file, an unusable folder, no kustomize."""


class ProblemsError(Exception):
    """The run found errors (exit code 1), which it carries as problems."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"problems: {len(problems)}")
        self.problems = problems


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems without duplicates, sorted by place."""
    return tuple(sorted(set(problems)))  # place is the first field


def has_errors(problems: Iterable[Problem]) -> bool:
    """Return whether any problem is an error."""
    return any(problem.severity == "error" for problem in problems)


def find_closest(word: str, options: Iterable[str]) -> str | None:
    """Return the known word that `word` is most likely a misspelling of, or None."""
    from difflib import get_close_matches  # slow to import, and needed for mistakes only

    words = {candidate: candidate for candidate in options}
    by_lower_case = {candidate.lower(): candidate for candidate in words}
    for candidates, spelling in ((words, word), (by_lower_case, word.lower())):
        if matches := get_close_matches(spelling, candidates, n=1, cutoff=0.6):
            return candidates[matches[0]]
    # An abbreviation such as `prod` has few letters in common with the whole word.
    longer = [candidate for name, candidate in by_lower_case.items() if len(word) > 2 and name.startswith(word.lower())]
    return longer[0] if len(longer) == 1 else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return `; did you mean 'count'?` to end a message with, or nothing."""
    match = find_closest(word, candidates)
    return f"; did you mean '{match}'?" if match else ""


def suggest(word: str, candidates: Iterable[str]) -> str:
    """Return what to write instead of an unknown word, as the end of a message: the nearest word, or else all words."""
    candidates = sorted(candidates)
    return did_you_mean(word, candidates) or (f"; available: {', '.join(candidates)}" if candidates else "; there are none")


def shorten(text: str, limit: int = 60) -> str:
    """Return a text of the user's for a message, cut to `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
