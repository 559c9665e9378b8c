"""VMs and disks become the content of an environment file, what they share written once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vmgen.adopt.dialect import Dialect
from vmgen.adopt.grouping import Group, Member, groups
from vmgen.adopt.objects import Path
from vmgen.adopt.ownership import LoneDisk, WholeVm
from vmgen.adopt.parts import EMPTY, Part, Parts
from vmgen.adopt.sharing import override, shared_by_groups
from vmgen.adopt.text import Line, lines
from vmgen.problems import Place
from vmgen.read.located import Located, plain
from vmgen.read.platform import DEFAULT_PLATFORM
from vmgen.read.schema import own_schema

_STRUCTURE = ("count", "skip", "names", "name", "instances", "vars")
# A group of VMs whose names have nothing in common is made only where the file gets this much shorter for it.
_WORTH = 1.15


@dataclass(frozen=True, slots=True)
class Written:
    """The text of an environment file, and where each of its lines comes from."""

    data: Mapping[str, Any] = field(repr=False)
    lines: tuple[Line, ...] = field(repr=False)
    places: Mapping[Path, Place] = field(repr=False)

    @property
    def text(self) -> str:
        return "".join(f"{line.text}\n" for line in self.lines)

    def place(self, line: int) -> Place | None:
        """The place in a manifest that a line was made from, or None."""
        path = self.lines[line - 1].path if 0 < line <= len(self.lines) else ()
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return None


def written(namespace: str, vms: Sequence[WholeVm], disks: Sequence[LoneDisk], dialect: Dialect, base: Located) -> Written:
    """The environment of a namespace. `base` is what `_defaults.yaml` gives each environment."""
    first = _Draft(namespace, vms, disks, dialect, base).written(unlike_names=False)
    if len(first.data.get("vms", {})) < 2:
        return first
    second = _Draft(namespace, vms, disks, dialect, base).written(unlike_names=True)
    return second if len(first.lines) > _WORTH * len(second.lines) + 1 else first


class _Draft:
    def __init__(
        self, namespace: str, vms: Sequence[WholeVm], disks: Sequence[LoneDisk], dialect: Dialect, base: Located
    ) -> None:
        self.namespace = namespace
        self.vms = vms
        self.disks = disks
        self.dialect = dialect
        self.base = base
        properties = own_schema("environment").document["$defs"]["group"]["properties"]
        own = [name for name in dialect.platform.fields if name not in properties]
        self.order = (*properties, *own)
        self.parts = Parts(dialect.platform, tuple(key for key in self.order if key not in _STRUCTURE))
        self.places: dict[Path, Place] = {}
        self.remarks: dict[Path, str] = {}

    def written(self, *, unlike_names: bool) -> Written:
        """The whole file."""
        top, common = self._top()
        data: dict[str, Any] = dict(top)
        data |= self._groups(common, unlike_names=unlike_names)
        if self.disks:
            data["disks"] = {disk.name: self._alone(disk, common) for disk in self.disks}
        order = list(own_schema("environment").document["properties"])
        data = dict(sorted(data.items(), key=lambda item: order.index(item[0])))
        return Written(data, tuple(lines(data, self.remarks)), self.places)

    def _top(self) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        """The keys of the environment itself, and the labels and annotations that all objects have."""
        top: dict[str, Any] = {}
        default = self.base.value("platform") or DEFAULT_PLATFORM
        if self.dialect.platform.name != default:
            top["platform"] = self.dialect.platform.name
        if self.base.value("namespace") != self.namespace:
            top["namespace"] = self.namespace
        common = {}
        for kind in ("labels", "annotations"):
            common[kind] = self._common(kind)
            below = self.base.value(kind) or {}
            over = {name: value for name, value in common[kind].items() if below.get(name) != value}
            over |= {name: None for name in below if name not in common[kind]}
            if over:
                top[kind] = over
        return top, common

    def _common(self, kind: str) -> dict[str, str]:
        """What every VM and every standalone disk has; own disks take it from their VMs."""
        things: tuple[WholeVm | LoneDisk, ...] = (*self.vms, *self.disks)
        each = [thing.values.get(kind, {}) for thing in things]
        if len(each) < 2 and not self.base.value(kind):
            return {}
        first, *rest = each
        guards = self.dialect.generated["protected"]
        return {
            name: value
            for name, value in first.items()
            if name not in guards and all(other.get(name) == value for other in rest)
        }

    def _groups(self, common: Mapping[str, Mapping[str, str]], *, unlike_names: bool) -> dict[str, Any]:
        if not self.vms:
            return {}
        found = self.base.get("defaults")
        below = plain(found) if found and found.mapping else {}
        base = self.parts.of(below)
        members = [Member(vm.name, self.parts.of(_without(vm.values, common))) for vm in self.vms]
        made = groups(members, self.parts, base, unlike_names=unlike_names)
        shared = shared_by_groups(self.parts, base, [group.parts for group in made]) if len(made) > 1 else ()
        data: dict[str, Any] = {}
        if any(part != EMPTY for part in shared):
            data["defaults"] = self._ordered(self._joined(shared))
            base = tuple(self.parts.laid(part, over) for part, over in zip(base, shared))
        whole = {vm.name: vm for vm in self.vms}
        data["vms"] = {group.key: self._group(group, base, below, whole) for group in made}
        for key in data.get("defaults", {}):
            self.places[("defaults", key)] = self._first_place(key, self.vms)
        return data

    def _group(
        self, group: Group, base: tuple[Part, ...], below: Mapping[str, Any], whole: Mapping[str, WholeVm]
    ) -> dict[str, Any]:
        data = dict(group.structure)
        data |= {key: None for key in ("count", "names", "skip", "name") if key in below and key not in _replaced(data)}
        over = [self.parts.difference(index, base[index], part) for index, part in enumerate(group.parts)]
        data |= self._joined(each or EMPTY for each in over)
        members = [whole[member.name] for member in group.members]
        self._note_places(("vms", group.key), data, members)
        instances = {}
        for member in group.members:
            values = override(self.parts, base, group.parts, member.parts)
            if values:
                label = group.label(member)
                instances[label] = self._ordered(values)
                self._note_places(("vms", group.key, "instances", label), values, [whole[member.name]])
        if instances:
            data["instances"] = instances
        return self._ordered(data)

    def _alone(self, disk: LoneDisk, common: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        path = ("disks", disk.name)
        self.places |= {path + below: place for below, place in disk.places.items()}
        if disk.remark:
            self.remarks[path] = disk.remark
        order = list(own_schema("environment").document["$defs"]["disk"]["properties"])
        values = _without(disk.values, common)
        return dict(sorted(values.items(), key=lambda item: _DISK_ORDER.get(item[0], len(_DISK_ORDER) + order.index(item[0]))))

    def _joined(self, parts: Iterable[Part]) -> dict[str, Any]:
        return {key: value for part in parts for key, value in json.loads(part).items()}

    def _ordered(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(sorted(values.items(), key=lambda item: self.order.index(item[0])))

    def _note_places(self, path: Path, data: Mapping[str, Any], vms: Sequence[WholeVm]) -> None:
        """Where each key of a group comes from: from the first VM that has it so."""
        self.places[path] = vms[0].places[()]
        for key, value in data.items():
            having = next((vm for vm in vms if vm.values.get(key) == value), vms[0])
            self.places |= {path + below: place for below, place in having.places.items() if below[:1] == (key,)}

    def _first_place(self, key: str, vms: Sequence[WholeVm]) -> Place:
        return next((vm.places[(key,)] for vm in vms if (key,) in vm.places), vms[0].places[()])


# How people write a disk: what is on it first.
_DISK_ORDER = {name: position for position, name in enumerate(("image", "url", "clone", "upload", "optical", "storage"))}


def _without(values: Mapping[str, Any], common: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The values without the labels and annotations that stand at the top."""
    found = dict(values)
    for kind, shared in common.items():
        left = {name: value for name, value in values.get(kind, {}).items() if name not in shared}
        found.pop(kind, None)
        if left:
            found[kind] = left
    return found


def _replaced(structure: Mapping[str, Any]) -> set[str]:
    """The keys that a structure leaves no doubt about: `count` and `names` take each other away."""
    return {*structure, *({"count", "names"} if {"count", "names"} & structure.keys() else ())}
