"""What can be wrong, and where: the leaf that every other module may import."""

from __future__ import annotations

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
