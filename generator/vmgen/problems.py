"""Problems with their places, the exceptions that end a run, and suggestions for misspelt words."""

import re
from collections.abc import Iterable
from functools import cached_property
from itertools import islice
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "notice"]
_NUMBER = "[0-9]+"
# Of more names, only some are compared with an unknown one.
_MAX_COMPARED = 200


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


class NameIndex:
    """Names of objects, to suggest one for each of many unknown names.

    To compare two names takes ten microseconds, and an environment may lack as many names as it has. So of many names only some
    are compared: those with the same numbers, and one of those that differ in their numbers only.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    def did_you_mean(self, name: str) -> str:
        """Return `; did you mean 'web-1'?` to end a message with, or nothing."""
        if len(self._names) <= _MAX_COMPARED:
            return did_you_mean(name, self._names)
        same_numbers = self._by_numbers.get(_find_numbers(name), [])
        return did_you_mean(name, same_numbers[:_MAX_COMPARED]) or did_you_mean(name, self._samples)

    @cached_property
    def _by_numbers(self) -> dict[tuple[str, ...], list[str]]:
        names: dict[tuple[str, ...], list[str]] = {}
        for name in self._names:
            names.setdefault(_find_numbers(name), []).append(name)
        return names

    @cached_property
    def _samples(self) -> tuple[str, ...]:
        """The first of the names that differ in their numbers only, as many as are compared."""
        samples: dict[str, str] = {}
        for name in self._names:
            samples.setdefault(re.sub(_NUMBER, "0", name), name)
        return tuple(islice(samples.values(), _MAX_COMPARED))


def _find_numbers(name: str) -> tuple[str, ...]:
    """Return the numbers in a name; the first letter of one that has none."""
    return tuple(re.findall(_NUMBER, name)) or (name[:1],)


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
