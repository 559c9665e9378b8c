"""What import did to an object that was not simply carried: each with its place, so that nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _default
from typing import Any, Literal

from vmgen.problems import Place, Problem

NoteKind = Literal["normalised", "left out", "server field", "skipped"]


@dataclass(frozen=True, slots=True)
class ImportNote:
    """One field of one object (`VMDisk web-1-data`, `spec.size`) and what became of it.

    `becomes` is the field of the rendered spec that holds the value now, with the value that it must have there.
    """

    place: Place
    kind: NoteKind
    object: str
    field: str
    text: str
    replacement: Mapping[str, Any] = _default(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What is said in the course of an import. `problems` keep an environment from being written."""

    notes: list[ImportNote] = _default(default_factory=list)
    problems: list[Problem] = _default(default_factory=list)

    def add_error(self, place: Place, rule: str, subject: str, message: str) -> None:
        """A problem of a manifest; `subject` names the object and its field."""
        self.problems.append(Problem(place, rule, subject, message))
