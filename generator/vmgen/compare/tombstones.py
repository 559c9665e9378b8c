"""Tombstones: what `retire:` permits to destroy, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import Located

KIND_BY_KEY = {"disk": "VMDisk", "vm": "VMInstance"}


class Tombstone(NamedTuple):
    """Permission to destroy one object of an environment. `until` is its last day, or None where it has none."""

    environment: str
    namespace: str
    kind: str
    name: str
    reason: str
    until: date | None
    place: Place

    def is_expired(self, today: date) -> bool:
        """Whether it no longer counts."""
        return self.until is not None and today > self.until


def parse_tombstones(environment: Environment) -> tuple[tuple[Tombstone, ...], tuple[Problem, ...]]:
    """The tombstones of an environment, and what is wrong with the way in which they are written."""
    found: list[Tombstone] = []
    problems: list[Problem] = []
    namespace = environment.settings.get_plain("namespace", "")
    for index, item in enumerate(environment.settings.get_items("retire")):
        problems.extend(_validate_entry(item, index))
        until = _parse_until(item)
        reason = item.get_plain("reason", "")
        found.extend(
            Tombstone(environment.name, namespace, kind, name, reason, until, item.place)
            for key, kind in KIND_BY_KEY.items()
            if isinstance(name := item.get_plain(key), str)
        )
    return tuple(found), tuple(problems)


def _validate_entry(item: Located, index: int) -> Iterator[Problem]:
    subject = f"retire[{index}]"
    if not any(item.get(key) for key in KIND_BY_KEY):
        message = "names nothing; write `disk:` or `vm:` with the name of what may go"
        yield Problem(item.place, "empty-tombstone", subject, message)
    until = item.get("until")
    if until and isinstance(until.data, str) and _parse_until(item) is None:
        message = f"there is no day {until.data}; write the last day on which this counts, such as 2026-12-31"
        yield Problem(until.place, "invalid-value", f"{subject}.until", message)


def _parse_until(item: Located) -> date | None:
    try:
        return date.fromisoformat(item.get_plain("until") or "")
    except ValueError:
        return None
