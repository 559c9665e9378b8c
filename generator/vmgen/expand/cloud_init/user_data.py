"""A text of user data, and where each part of it was written."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path as File
from typing import NamedTuple, Protocol

from vmgen.expand.cloud_init.finding import Finding, Path
from vmgen.problems import Place, Problem
from vmgen.read.located import Located
from vmgen.read.project import Project

_NUMBER = re.compile(r"[0-9]+")


def _rounded(number: re.Match[str]) -> str:
    """A number with the same meaning to YAML: a leading zero makes another one of it."""
    digits = number.group()
    return "00" if len(digits) > 1 and digits[0] == "0" else "1"


class Source(Protocol):
    """Where a text came from."""

    def place(self, finding: Finding) -> Place:
        """The place in the user's file of something wrong with the text."""


class _Nowhere:
    """The source of no text."""

    __slots__ = ()

    def place(self, finding: Finding) -> Place:  # noqa: ARG002 - nothing can be found in it
        """No place."""
        return Place("")


class UserData(NamedTuple):
    """The user data of one VM, or of all VMs that share it. The text is empty where `problems` say why it was not made.

    `name` is the VM's, where the text is its own.
    """

    text: str
    subject: str = ""
    source: Source = _Nowhere()
    problems: tuple[Problem, ...] = ()
    name: str = ""

    @property
    def shape(self) -> str:
        """Equal for texts that differ in the VM's name and in numbers only: what is wrong with one is wrong with all."""
        if not self.name:
            return self.text
        return _NUMBER.sub(_rounded, self.text.replace(self.name, "\0"))


class FromMapping(NamedTuple):
    """A mapping: everything stands where its key does."""

    located: Located
    project: Project

    def place(self, finding: Finding) -> Place:
        """The place of the value at the finding's path, or of the nearest one above it."""
        value, path = _deepest(self.located, finding.path)
        if path:  # a key that is not there: the mapping's own key says more than its first value
            return value.place
        if finding.inner >= 0 and isinstance(value.data, str):
            return _in_block(value.place, finding.inner, self.project) or value.place
        return value.key or value.place if finding.rule.id.endswith("-key") else value.place


class FromText(NamedTuple):
    """A text that is written in the environment: line by line the same where it is a literal block."""

    place_: Place
    project: Project

    def place(self, finding: Finding) -> Place:
        """The finding's line in the block, or the place of the whole text."""
        return _in_block(self.place_, finding.line, self.project, finding.column) or self.place_


class FromTemplate(NamedTuple):
    """What a template made: the line of the template that gives the same text, or has the same key."""

    shown: str
    source: str
    text: str

    def place(self, finding: Finding) -> Place:
        """The line of the template that the finding's line seems to come from; else the template's first line."""
        lines = self.text.split("\n")
        line = lines[finding.line] if finding.line < len(lines) else ""
        written = self.source.split("\n")
        candidates = [number for number, each in enumerate(written, start=1) if each == line and line.strip()]
        if len(candidates) != 1:
            key = re.match(r"\s*(?:- )?[\w.-]+:", line)
            start = key.group() if key else ""
            candidates = [number for number, each in enumerate(written, start=1) if start and each.startswith(start)]
        return Place(self.shown, candidates[0] if len(candidates) == 1 else 1, 1)


def _deepest(value: Located, path: Path) -> tuple[Located, Path]:
    """The value nearest to a path, and the rest of the path. A number below a text is a line of it."""
    for index, step in enumerate(path):
        if step in (value.data if isinstance(value.data, dict) else range(len(value.items))):
            value = value.data[step]
        else:
            return value, () if isinstance(value.data, str) else path[index:]
    return value, ()


def _in_block(place: Place, line: int, project: Project, column: int = 0) -> Place | None:
    """The place of a line of the literal block that begins at a place; None where no such block does."""
    written = _lines(project.root / place.file)
    if not 0 < place.line <= len(written) or not written[place.line - 1][place.column - 1 :].startswith("|"):
        return None
    at = place.line + 1 + line
    if at > len(written):
        return None
    text = written[at - 1]
    indent = len(text) - len(text.lstrip())
    return Place(place.file, at, max(indent, _indent_of_block(written, place.line) + column) + 1)


def _indent_of_block(written: tuple[str, ...], first: int) -> int:
    indented = (len(line) - len(line.lstrip()) for line in written[first:] if line.strip())
    return next(indented, 0)


def _lines(file: File) -> tuple[str, ...]:
    """The lines of a file. Only a run with something to say about a text reads one."""
    try:
        return _lines_as_of(file, file.stat().st_mtime_ns)
    except (OSError, ValueError):
        return ()


@lru_cache(maxsize=64)
def _lines_as_of(file: File, modified: int) -> tuple[str, ...]:  # noqa: ARG001 - the time is part of what was asked
    return tuple(file.read_text(encoding="utf-8-sig").split("\n"))
