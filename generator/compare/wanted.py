"""What an environment should be, as a plan has to know it: files, the object in each, and what may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from generator.check.prices import Prices, prices
from generator.compare.tombstones import Tombstone, tombstones
from generator.merge.environment import Environment
from generator.problems import Place, Problem
from generator.read.located import Located
from generator.render.manifests import Tree


class Identity(NamedTuple):
    """What names an object on the platform, whatever file or environment holds it."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One environment, as it should be. Paths are below `manifests/`; `groups` is where the VMs of a group are written."""

    environment: str
    file: str
    platform: str
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    objects: Mapping[str, Identity] = field(default_factory=dict, repr=False)
    tombstones: tuple[Tombstone, ...] = ()
    groups: Mapping[str, Place] = field(default_factory=dict, repr=False)
    prices: Prices | None = None


def wanted(environment: Environment, tree: Tree) -> tuple[Wanted, tuple[Problem, ...]]:
    """What a rendered environment should be, and what is wrong with its tombstones."""
    permitted, problems = tombstones(environment)
    namespace = environment.settings.value("namespace", "")
    objects = {path: Identity(found.kind, namespace, found.name) for path, found in tree.resources.items()}
    groups = {group.key: _place_of_count(group.written.mapping, group.place) for group in environment.groups}
    name, platform, priced = environment.name, environment.platform.name, prices(environment)
    made = Wanted(name, environment.file, platform, tree.files, objects, permitted, groups, priced)
    return made, problems


def _place_of_count(written: Mapping[str, Located], otherwise: Place) -> Place:
    found = written.get("count") or written.get("names")
    return found.place if found else otherwise
