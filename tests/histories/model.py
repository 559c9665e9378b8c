"""A model of Git, of people and of the engines: a committed tree, sources that change, and what Argo CD and Flux prune.

The engines are the worst that docs/delivery.md allows: each environment is delivered by itself, in any order, with pruning on,
and what holds a disk is its guard on the live object alone. A disk that is deleted and made anew has lost its data.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import yaml

from vmgen.check.guards import FLUX_PRUNE, SYNC_OPTIONS

Tree = Mapping[str, bytes]
VM_NAMES = ("ant", "bee", "cat", "dog", "elk", "fox")
GROUPS = ("web", "db", "api")
ENVIRONMENTS = ("blue", "green", "red", "teal")
NAMESPACES = ("tenant-one", "tenant-two")
_PARSED: dict[bytes, Any] = {}


class DiskKey(NamedTuple):
    """A disk on the platform."""

    namespace: str
    name: str


def find_image(generation: int) -> str:
    """The image of a generation of the system disk."""
    return ("ubuntu-2204", "ubuntu-2404", "debian-12")[generation % 3]


class Kept(NamedTuple):
    """A generation of the system disks that is kept for some VMs."""

    generation: int
    names: tuple[str, ...]
    protect: bool

    def to_source(self) -> dict[str, Any]:
        """The entry as an environment file writes it."""
        return {"image": find_image(self.generation), "protect": self.protect, "of": list(self.names)}


@dataclass(frozen=True)
class Group:
    """A group of VMs with names of their own, each with a system disk and one for data."""

    names: tuple[str, ...]
    protect: bool = True
    size: int = 20
    storage_class: str = "replicated"
    system: int = 1
    previous: tuple[Kept, ...] = ()

    def to_source(self) -> dict[str, Any]:
        """The group as an environment file writes it."""
        generations: dict[str, Any] = {"system": self.system} if self.system > 1 else {}
        if self.previous:
            generations["previous"] = {kept.generation: kept.to_source() for kept in self.previous}
        data = {"storage": f"{self.size}Gi", "storageClass": self.storage_class}
        common = {"instanceType": "u1.medium", "image": find_image(self.system), "protect": self.protect}
        return {"names": list(self.names), **common, **generations, "disks": {"data": data}}


@dataclass(frozen=True)
class Environment:
    """An environment file."""

    namespace: str
    groups: Mapping[str, Group] = field(default_factory=dict)
    retired: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The file, as JSON in YAML."""
        content: dict[str, Any] = {
            "namespace": self.namespace,
            "vms": {k: v.to_source() for k, v in self.groups.items() if v.names},
        }
        if self.retired:
            content["retire"] = [{"disk": name, "reason": "no longer needed"} for name in self.retired]
        return yaml.safe_dump(content, sort_keys=False)


Sources = Mapping[str, Environment]


def change_sources(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    """What a person does next: one edit, or two at once."""
    changed = dict(sources)
    for _ in range(chance.choice((1, 1, 2))):
        changed = dict(chance.choice(EDITS)(chance, changed, past))
    return changed


def _pick(chance: random.Random, sources: Sources) -> tuple[str, str] | None:
    places = [(name, key) for name, each in sources.items() for key, group in each.groups.items() if group.names]
    return chance.choice(places) if places else None


def _with_group(sources: Sources, name: str, key: str, group: Group | None) -> Sources:
    environment = sources[name]
    groups = {**environment.groups, key: group} if group else {k: v for k, v in environment.groups.items() if k != key}
    return {**sources, name: replace(environment, groups=groups)}


def _add(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    name = chance.choice(ENVIRONMENTS)
    sources = {name: Environment(chance.choice(NAMESPACES)), **sources}
    key = chance.choice(GROUPS)
    group = sources[name].groups.get(key, Group((), protect=chance.random() < 0.6))
    free = [vm for vm in VM_NAMES if vm not in group.names]
    return _with_group(sources, name, key, replace(group, names=(*group.names, chance.choice(free)))) if free else sources


def _remove(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    place = _pick(chance, sources)
    if not place:
        return sources
    group = sources[place[0]].groups[place[1]]
    return _with_group(sources, *place, replace(group, names=group.names[:-1]))


def _rename(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    place = _pick(chance, sources)
    if not place:
        return sources
    group, new = sources[place[0]].groups[place[1]], chance.choice(VM_NAMES)
    return _with_group(sources, *place, replace(group, names=tuple(dict.fromkeys((*group.names[:-1], new)))))


def _move(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    """A VM to another group or environment."""
    place = _pick(chance, sources)
    if not place:
        return sources
    vm = sources[place[0]].groups[place[1]].names[-1]
    old = sources[place[0]].groups[place[1]]
    sources = _with_group(sources, *place, replace(old, names=old.names[:-1]))
    name = chance.choice(ENVIRONMENTS)
    sources = {name: Environment(sources[place[0]].namespace), **sources}
    key = chance.choice(GROUPS)
    group = sources[name].groups.get(key, replace(old, names=()))
    return _with_group(sources, name, key, replace(group, names=tuple(dict.fromkeys((*group.names, vm)))))


def _rename_group(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    place = _pick(chance, sources)
    if not place:
        return sources
    group = sources[place[0]].groups[place[1]]
    return _with_group(_with_group(sources, *place, None), place[0], chance.choice(GROUPS), group)


def _rename_environment(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    """The whole file under another name: a split where it is copied, a merge where another had that name."""
    if not sources:
        return sources
    old, new = chance.choice(list(sources)), chance.choice(ENVIRONMENTS)
    moved = {new: sources[old]}
    keeps = chance.random() < 0.2
    return {**{name: each for name, each in sources.items() if keeps or name != old}, **moved}


def _delete(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    return {name: each for name, each in sources.items() if name != chance.choice(ENVIRONMENTS)}


def _revert(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    return chance.choice(past) if past else sources


def _rebase(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    """One file as it was on a branch that others have overtaken."""
    other = _revert(chance, sources, past)
    name = chance.choice(ENVIRONMENTS)
    return {**sources, name: other[name]} if name in other else sources


def _alter(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    """Protection, size, class of a group, or the namespace of an environment."""
    place = _pick(chance, sources)
    if not place:
        return sources
    group = sources[place[0]].groups[place[1]]
    if chance.random() < 0.15:
        environment = replace(sources[place[0]], namespace=chance.choice(NAMESPACES))
        return {**sources, place[0]: environment}
    altered = chance.choice(
        (
            replace(group, protect=not group.protect),
            replace(group, size=group.size + 10),
            replace(group, storage_class=chance.choice(("replicated", "local"))),
        )
    )
    return _with_group(sources, *place, altered)


def _rebuild(chance: random.Random, sources: Sources, past: list[Sources]) -> Sources:
    """The next generation of the system disks of a group, or one that is kept; what was used before is mostly kept."""
    place = _pick(chance, sources)
    if not place:
        return sources
    group = sources[place[0]].groups[place[1]]
    known = [kept.generation for kept in group.previous]
    system = chance.choice((*known, max((*known, group.system)) + 1))
    previous = tuple(kept for kept in group.previous if kept.generation != system)
    if chance.random() < 0.8:
        previous += (Kept(group.system, group.names, group.protect),)
    if chance.random() < 0.1:
        previous = previous[1:]
    return _with_group(sources, *place, replace(group, system=system, previous=previous))


EDITS = (
    _add,
    _add,
    _remove,
    _rename,
    _move,
    _move,
    _rename_group,
    _rename_environment,
    _delete,
    _revert,
    _rebase,
    _alter,
    _alter,
    _rebuild,
    _rebuild,
)


def retire(sources: Sources, refused: Iterable[tuple[str, str, str]]) -> Sources:
    """Tombstones for disks: environment, namespace and name of each. A file that is gone comes back with them alone."""
    changed = dict(sources)
    for name, namespace, disk in refused:
        environment = changed.get(name, Environment(namespace))
        changed[name] = replace(environment, retired=tuple(dict.fromkeys((*environment.retired, disk))))
    return changed


def edit_by_hand(chance: random.Random, tree: Tree) -> Tree:
    """What somebody commits past every check: the first line or the guards of a disk's manifest are gone."""
    paths = [path for path in tree if "/disks/" in path and not path.endswith("kustomization.yaml")]
    if not paths:
        return tree
    path = chance.choice(paths)
    text = tree[path].decode()
    lines = text.splitlines(keepends=True)
    kind = chance.choice(("header", "header", "guards", "reformat"))
    if kind == "header":
        lines = [line for line in lines if not line.startswith("# Generated by")]
    elif kind == "guards":
        lines = [line for line in lines if SYNC_OPTIONS not in line and FLUX_PRUNE not in line]
    else:
        lines = [*lines, "# checked by ops\n"]
    return {**tree, path: "".join(lines).encode()}


def _parse(content: bytes) -> Any:
    if content not in _PARSED:
        _PARSED[content] = yaml.safe_load(content)
    return _PARSED[content]


def is_listed_in(tree: Tree, path: str) -> bool:
    """Whether the kustomization.yaml of each folder above a file lists what is below it."""
    while "/" in path:
        folder, _, name = path.rpartition("/")
        content = tree.get(f"{folder}/kustomization.yaml")
        if content is None or name not in _parse(content)["resources"]:
            return False
        path = folder
    return True


def find_disks(tree: Tree, environment: str, *, only_listed: bool = False) -> Iterator[tuple[DiskKey, Mapping[str, str]]]:
    """The disks that an environment's folder delivers, with their annotations: every file, or as kustomize builds it."""
    for path, content in tree.items():
        if path.startswith(f"{environment}/") and path.endswith(".yaml"):
            if only_listed and not is_listed_in(tree, path):
                continue
            document = _parse(content)
            if isinstance(document, dict) and document.get("kind") == "VMDisk":
                metadata = document["metadata"]
                yield DiskKey(metadata["namespace"], metadata["name"]), metadata.get("annotations") or {}


@dataclass
class Live:
    """A disk that exists: when it was made, who delivers it, and its annotations."""

    made: int
    owner: str
    annotations: Mapping[str, str]


class Cluster:
    """What one engine holds. `confirms` are the disks whose deletion somebody agrees to."""

    def __init__(self, guard: str) -> None:
        self.guard = guard
        self.disks: dict[DiskKey, Live] = {}
        self._clock = 0

    def sync(self, tree: Tree, order: Iterable[str], confirms: frozenset[DiskKey]) -> set[DiskKey]:
        """Bring the tree to the platform, an environment after the other; return the disks whose data are lost."""
        before = {key: live.made for key, live in self.disks.items()}
        for environment in order:
            wanted = dict(find_disks(tree, environment, only_listed=self.guard == FLUX_PRUNE))
            for key, live in list(self.disks.items()):
                if live.owner == environment and key not in wanted and (key in confirms or not self._is_held(live)):
                    del self.disks[key]
            for key, metadata in wanted.items():
                self._clock += 1
                made = self.disks[key].made if key in self.disks else self._clock
                self.disks[key] = Live(made, environment, metadata)
        return {key for key, made in before.items() if key not in self.disks or self.disks[key].made != made}

    def _is_held(self, live: Live) -> bool:
        value = live.annotations.get(self.guard, "")
        return value == "disabled" if self.guard == FLUX_PRUNE else value.startswith(("Prune=confirm", "Prune=false"))
