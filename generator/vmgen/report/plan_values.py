"""The words that the reports of a plan share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vmgen.compare.directions import ABSENT
from vmgen.compare.fields import FieldChange
from vmgen.compare.plan import ObjectChange
from vmgen.quoting import flow
from vmgen.read.verdicts import DESTROYS, REJECTED

SIGNS = {"create": "+", "update": "~", "move": "~", "delete": "-"}
COLOURS = {
    "create": "green",
    "no effect": "dim",
    "update in place": "green",
    "restart": "yellow",
    "address may change": "yellow",
    "boot order changes": "yellow",
    "reprovision": "magenta",
    "delete": "red",
    REJECTED: "red",
    DESTROYS: "red",
}
_LONGEST = 200


def value(shown: Any) -> str:
    """A masked value on one line, as it would be written in YAML; long ones cut."""
    if shown is ABSENT:
        return "(not there)"
    text = shown if isinstance(shown, str) and shown else flow(shown)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def difference(field: FieldChange) -> str:
    """`before -> after`, with what else may be said of it."""
    text = f"{value(field.before)} -> {value(field.after)}"
    return f"{text} ({field.detail})" if field.detail else text


def remarks(change: ObjectChange) -> Iterator[str]:
    """What is said of the object as a whole, a sentence each; nothing of one that is simply new."""
    if change.action == "create" and not change.refused and not change.twin:
        return
    if change.moved_from:
        yield f"Moves here from environment {change.moved_from}."
    if change.says:
        yield change.says
    if change.twin and change.action == "delete":
        yield f"It looks renamed to {change.twin.name}; {change.remedy}."
    if change.twin and change.action == "create":
        yield f"It looks like {change.twin.name} under a new name."
    if change.tombstone and (change.retired or change.refused):
        until = f", until {change.tombstone.until}" if change.tombstone.until else ""
        yield f"Retired at {change.tombstone.place}: {change.tombstone.reason}{until}."


def baseline_name(against: str) -> str:
    """What a plan compares with, in words."""
    return f"what is committed at {against}" if against else "the files in manifests/"


class Alike(NamedTuple):
    """Objects that change alike: the first of them, and all their names."""

    change: ObjectChange
    names: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.change.verdict}, retired" if self.change.retired else self.change.verdict


def alike(changes: Iterable[ObjectChange], most: int) -> Iterator[Alike]:
    """The changes with those that say the same taken together, at most so many at a time, in the order of the first."""
    found: dict[str, list[ObjectChange]] = {}
    for change in changes:
        key = repr((change.identity.kind, change.environment, change.action, change.verdict, change.fields, *remarks(change)))
        found.setdefault(key, []).append(change)
    for same in found.values():
        for start in range(0, len(same), most):
            part = same[start : start + most]
            yield Alike(part[0], tuple(change.identity.name for change in part))
