"""The words that the reports of a plan share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vmgen.compare.directions import ABSENT
from vmgen.compare.fields import FieldChange
from vmgen.compare.plan import ObjectChange
from vmgen.quoting import to_flow
from vmgen.read.verdicts import DESTROYS_DATA, REJECTED

ACTION_SYMBOLS = {"create": "+", "update": "~", "move": "~", "delete": "-"}
VERDICT_COLOURS = {
    "create": "green",
    "no effect": "dim",
    "update in place": "green",
    "restart": "yellow",
    "address may change": "yellow",
    "boot order changes": "yellow",
    "reprovision": "magenta",
    "delete": "red",
    REJECTED: "red",
    DESTROYS_DATA: "red",
}
_MAX_VALUE_LENGTH = 200


def format_value(shown: Any) -> str:
    """A masked value on one line, as it would be written in YAML; long ones cut."""
    if shown is ABSENT:
        return "(not there)"
    text = shown if isinstance(shown, str) and shown else to_flow(shown)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 3]}..."


def format_difference(field: FieldChange) -> str:
    """`before -> after`, with what else may be said of it."""
    text = f"{format_value(field.before)} -> {format_value(field.after)}"
    return f"{text} ({field.detail})" if field.detail else text


def describe_change(change: ObjectChange) -> Iterator[str]:
    """What is said of the object as a whole, a sentence each; nothing of one that is simply new."""
    if change.action == "create" and not change.is_refused and not change.rename_candidate:
        return
    if change.moved_from:
        yield f"Moves here from environment {change.moved_from}."
    if change.says:
        yield change.says
    if change.rename_candidate and change.action == "delete":
        yield f"It looks renamed to {change.rename_candidate.name}; {change.remedy}."
    if change.rename_candidate and change.action == "create":
        yield f"It looks like {change.rename_candidate.name} under a new name."
    if change.tombstone and (change.is_retired or change.is_refused):
        until = f", until {change.tombstone.until}" if change.tombstone.until else ""
        yield f"Retired at {change.tombstone.place}: {change.tombstone.reason}{until}."


def describe_baseline(against: str) -> str:
    """What a plan compares with, in words."""
    return f"what is committed at {against}" if against else "the files in manifests/"


class ChangeGroup(NamedTuple):
    """Objects that change alike: the first of them, and all their names."""

    representative: ObjectChange
    names: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.representative.verdict}, retired" if self.representative.is_retired else self.representative.verdict


def group_changes(changes: Iterable[ObjectChange], most: int) -> Iterator[ChangeGroup]:
    """The changes with those that say the same taken together, at most so many at a time, in the order of the first."""
    found: dict[str, list[ObjectChange]] = {}
    for change in changes:
        key = repr(
            (change.identity.kind, change.environment, change.action, change.verdict, change.fields, *describe_change(change))
        )
        found.setdefault(key, []).append(change)
    for same in found.values():
        for start in range(0, len(same), most):
            part = same[start : start + most]
            yield ChangeGroup(part[0], tuple(change.identity.name for change in part))
