"""What an environment should be, as a plan has to know it: files, the object in each, and what may go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from vmgen.compare.tombstones import Tombstone, parse_tombstones
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import Located
from vmgen.render.manifests import Tree

if TYPE_CHECKING:  # few environments write prices
    from vmgen.check.prices import PriceList


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
    from vmgen.check.prices import load_prices

    return load_prices(environment)


def _find_count_place(written: Mapping[str, Located], otherwise: Place) -> Place:
    found = written.get("count") or written.get("names")
    return found.place if found else otherwise
