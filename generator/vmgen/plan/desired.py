"""Tombstones: what `retire:` permits to destroy, and for how long.

What an environment should be, as a plan has to know it: files, the object in each, and what may go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import Located
from vmgen.render.manifests import Tree

if TYPE_CHECKING:
    from vmgen.check.totals import PriceList


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


class Identity(NamedTuple):
    """What names an object on the platform, whatever file or environment holds it."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class DesiredState(NamedTuple):
    """One environment, as it should be. Paths are below `manifests/`; `groups` is where the VMs of a group are written."""

    environment: str
    file: str
    platform: str
    files: Mapping[str, bytes] = {}
    objects: Mapping[str, Identity] = {}
    tombstones: tuple[Tombstone, ...] = ()
    group_places: Mapping[str, Place] = {}
    prices: PriceList | None = None


def build_desired_state(environment: Environment, tree: Tree) -> tuple[DesiredState, tuple[Problem, ...]]:
    """What a rendered environment should be, and what is wrong with its tombstones."""
    permitted, problems = parse_tombstones(environment)
    namespace = environment.settings.get_plain("namespace", "")
    objects = {path: Identity(found.kind, namespace, found.name) for path, found in tree.resources.items()}
    groups = {group.key: _find_count_place(group.located.mapping, group.place) for group in environment.groups}
    name, platform = environment.name, environment.platform.name
    made = DesiredState(name, environment.file, platform, tree.files, objects, permitted, groups, _load_prices(environment))
    return made, problems


def _load_prices(environment: Environment) -> PriceList | None:
    if not environment.settings.is_set("prices"):
        return None
    from vmgen.check.totals import load_prices

    return load_prices(environment)


def _find_count_place(written: Mapping[str, Located], otherwise: Place) -> Place:
    found = written.get("count") or written.get("names")
    return found.place if found else otherwise
