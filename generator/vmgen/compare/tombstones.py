"""Tombstones: what `retire:` permits to destroy, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import Located

KINDS = {"disk": "VMDisk", "vm": "VMInstance"}


class Tombstone(NamedTuple):
    """Permission to destroy one object of an environment. `until` is its last day, or None where it has none."""

    environment: str
    namespace: str
    kind: str
    name: str
    reason: str
    until: date | None
    place: Place

    def expired(self, today: date) -> bool:
        """Whether it no longer counts."""
        return self.until is not None and today > self.until


def tombstones(environment: Environment) -> tuple[tuple[Tombstone, ...], tuple[Problem, ...]]:
    """The tombstones of an environment, and what is wrong with the way in which they are written."""
    found: list[Tombstone] = []
    problems: list[Problem] = []
    namespace = environment.settings.value("namespace", "")
    for index, item in enumerate(environment.settings.items("retire")):
        problems.extend(_wrong(item, index))
        until = _day(item)
        reason = item.value("reason", "")
        found.extend(
            Tombstone(environment.name, namespace, kind, name, reason, until, item.place)
            for key, kind in KINDS.items()
            if isinstance(name := item.value(key), str)
        )
    return tuple(found), tuple(problems)


def _wrong(item: Located, index: int) -> Iterator[Problem]:
    subject = f"retire[{index}]"
    if not any(item.get(key) for key in KINDS):
        message = "names nothing; write `disk:` or `vm:` with the name of what may go"
        yield Problem(item.place, "empty-tombstone", subject, message)
    until = item.get("until")
    if until and isinstance(until.data, str) and _day(item) is None:
        message = f"there is no day {until.data}; write the last day on which this counts, such as 2026-12-31"
        yield Problem(until.place, "invalid-value", f"{subject}.until", message)


def _day(item: Located) -> date | None:
    try:
        return date.fromisoformat(item.value("until") or "")
    except ValueError:
        return None
