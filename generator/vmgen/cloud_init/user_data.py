"""A text of user data, and where each part of it was written."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path as File
from typing import NamedTuple, Protocol

from vmgen.cloud_init.rules import KeyPath, UserDataFinding
from vmgen.nameless import abstract
from vmgen.problems import Place, Problem
from vmgen.read.located import Located
from vmgen.read.repository import Project

_NUMBER_PATTERN = re.compile(r"[0-9]+")


def _normalize_number(number: re.Match[str]) -> str:
    """A number with the same meaning to YAML: a leading zero makes another one of it."""
    digits = number.group()
    return "00" if len(digits) > 1 and digits[0] == "0" else "1"


class UserDataSource(Protocol):
    """Where a text came from."""

    def locate(self, finding: UserDataFinding) -> Place:
        """The place in the user's file of something wrong with the text."""


class _NoSource:
    """The source of no text."""

    __slots__ = ()

    def locate(self, finding: UserDataFinding) -> Place:  # noqa: ARG002 - nothing can be found in it
        """No place."""
        return Place("")


class UserData(NamedTuple):
    """The user data of one VM, or of all VMs that share it. The text is empty where `problems` say why it was not made.

    `name` is the VM's, where the text is its own.
    """

    text: str
    subject: str = ""
    source: UserDataSource = _NoSource()
    problems: tuple[Problem, ...] = ()
    name: str = ""

    @property
    def normalized_text(self) -> str:
        """Equal for texts that differ in the VM's name and in numbers only: what is wrong with one is wrong with all."""
        nameless = abstract(self.text, [self.name]) if self.name else None
        return self.text if nameless is None else _NUMBER_PATTERN.sub(_normalize_number, nameless)


class MappingSource(NamedTuple):
    """A mapping: everything stands where its key does."""

    located: Located
    project: Project

    def locate(self, finding: UserDataFinding) -> Place:
        """The place of the value at the finding's path, or of the nearest one above it."""
        value, path = _find_deepest(self.located, finding.path)
        if path:  # a key that is not there: the mapping's own key says more than its first value
            return value.place
        if finding.inner_line >= 0 and isinstance(value.data, str):
            return _locate_in_block(value.place, finding.inner_line, self.project) or value.place
        return value.key_place or value.place if finding.rule.id.endswith("-key") else value.place


class TextSource(NamedTuple):
    """A text that is written in the environment: line by line the same where it is a literal block."""

    text_place: Place
    project: Project

    def locate(self, finding: UserDataFinding) -> Place:
        """The finding's line in the block, or the place of the whole text."""
        return _locate_in_block(self.text_place, finding.line, self.project, finding.column) or self.text_place


class TemplateSource(NamedTuple):
    """What a template made: the line of the template that gives the same text, or has the same key."""

    display_path: str
    source: str
    text: str

    def locate(self, finding: UserDataFinding) -> Place:
        """The line of the template that the finding's line seems to come from; else the template's first line."""
        lines = self.text.split("\n")
        line = lines[finding.line] if finding.line < len(lines) else ""
        written = self.source.split("\n")
        candidates = [number for number, each in enumerate(written, start=1) if each == line and line.strip()]
        if len(candidates) != 1:
            key = re.match(r"\s*(?:- )?[\w.-]+:", line)
            start = key.group() if key else ""
            candidates = [number for number, each in enumerate(written, start=1) if start and each.startswith(start)]
        return Place(self.display_path, candidates[0] if len(candidates) == 1 else 1, 1)


def _find_deepest(value: Located, path: KeyPath) -> tuple[Located, KeyPath]:
    """The value nearest to a path, and the rest of the path. A number below a text is a line of it."""
    for index, step in enumerate(path):
        if step in (value.data if isinstance(value.data, dict) else range(len(value.items))):
            value = value.data[step]
        else:
            return value, () if isinstance(value.data, str) else path[index:]
    return value, ()


def _locate_in_block(place: Place, line: int, project: Project, column: int = 0) -> Place | None:
    """The place of a line of the literal block that begins at a place; None where no such block does."""
    written = _read_lines(project.root / place.file)
    if not 0 < place.line <= len(written) or not written[place.line - 1][place.column - 1 :].startswith("|"):
        return None
    at = place.line + 1 + line
    if at > len(written):
        return None
    text = written[at - 1]
    indent = len(text) - len(text.lstrip())
    return Place(place.file, at, max(indent, _measure_block_indent(written, place.line) + column) + 1)


def _measure_block_indent(written: tuple[str, ...], first: int) -> int:
    indented = (len(line) - len(line.lstrip()) for line in written[first:] if line.strip())
    return next(indented, 0)


def _read_lines(file: File) -> tuple[str, ...]:
    """The lines of a file. Only a run with something to say about a text reads one."""
    try:
        return _read_lines_cached(file, file.stat().st_mtime_ns)
    except (OSError, ValueError):
        return ()


@lru_cache(maxsize=64)
def _read_lines_cached(file: File, modified: int) -> tuple[str, ...]:  # noqa: ARG001 - the time is part of what was asked
    return tuple(file.read_text(encoding="utf-8-sig").split("\n"))
