"""What an environment should be, as a plan has to know it: files, the object in each, and what may go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from vmgen.compare.tombstones import Tombstone, tombstones
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import Located
from vmgen.render.manifests import Tree

if TYPE_CHECKING:  # few environments write prices
    from vmgen.check.prices import Prices


class Identity(NamedTuple):
    """What names an object on the platform, whatever file or environment holds it."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Wanted(NamedTuple):
    """One environment, as it should be. Paths are below `manifests/`; `groups` is where the VMs of a group are written."""

    environment: str
    file: str
    platform: str
    files: Mapping[str, bytes] = {}
    objects: Mapping[str, Identity] = {}
    tombstones: tuple[Tombstone, ...] = ()
    groups: Mapping[str, Place] = {}
    prices: Prices | None = None


def wanted(environment: Environment, tree: Tree) -> tuple[Wanted, tuple[Problem, ...]]:
    """What a rendered environment should be, and what is wrong with its tombstones."""
    permitted, problems = tombstones(environment)
    namespace = environment.settings.value("namespace", "")
    objects = {path: Identity(found.kind, namespace, found.name) for path, found in tree.resources.items()}
    groups = {group.key: _place_of_count(group.written.mapping, group.place) for group in environment.groups}
    name, platform = environment.name, environment.platform.name
    made = Wanted(name, environment.file, platform, tree.files, objects, permitted, groups, _prices(environment))
    return made, problems


def _prices(environment: Environment) -> Prices | None:
    if not environment.settings.written("prices"):
        return None
    from vmgen.check.prices import prices

    return prices(environment)


def _place_of_count(written: Mapping[str, Located], otherwise: Place) -> Place:
    found = written.get("count") or written.get("names")
    return found.place if found else otherwise
