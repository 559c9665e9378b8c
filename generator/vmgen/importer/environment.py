"""VMs and disks become the content of an environment file, what they share written once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vmgen.importer.dialect import PlatformConventions
from vmgen.importer.grouping import GroupDraft, GroupMember, group_vms
from vmgen.importer.ownership import StandaloneDiskDraft, VmDraft
from vmgen.importer.parts import EMPTY_KEY_GROUP, KeyGroup, KeyGroupSplitter, build_override, find_shared_defaults
from vmgen.importer.text import TextLine, render_lines
from vmgen.importer.translate import KeyPath
from vmgen.merge.platform import DEFAULT_PLATFORM
from vmgen.problems import Place
from vmgen.read.located import Located, to_plain
from vmgen.read.schema import load_builtin_schema

_STRUCTURE_KEYS = ("count", "skip", "names", "name", "instances", "vars")
# A group of VMs whose names have nothing in common is made only where the file gets this much shorter for it.
_MIN_SAVING_RATIO = 1.15


@dataclass(frozen=True, slots=True)
class EnvironmentText:
    """The text of an environment file, and where each of its lines comes from."""

    data: Mapping[str, Any] = field(repr=False)
    lines: tuple[TextLine, ...] = field(repr=False)
    places: Mapping[KeyPath, Place] = field(repr=False)

    @property
    def text(self) -> str:
        return "".join(f"{line.text}\n" for line in self.lines)

    def find_place(self, line: int) -> Place | None:
        """The place in a manifest that a line was made from, or None."""
        path = self.lines[line - 1].path if 0 < line <= len(self.lines) else ()
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return None


def build_environment_text(
    namespace: str, vms: Sequence[VmDraft], disks: Sequence[StandaloneDiskDraft], dialect: PlatformConventions, base: Located
) -> EnvironmentText:
    """The environment of a namespace. `base` is what `_defaults.yaml` gives each environment."""
    first = _EnvironmentBuilder(namespace, vms, disks, dialect, base).build(unlike_names=False)
    if len(first.data.get("vms", {})) < 2:
        return first
    second = _EnvironmentBuilder(namespace, vms, disks, dialect, base).build(unlike_names=True)
    return second if len(first.lines) > _MIN_SAVING_RATIO * len(second.lines) + 1 else first


class _EnvironmentBuilder:
    def __init__(
        self,
        namespace: str,
        vms: Sequence[VmDraft],
        disks: Sequence[StandaloneDiskDraft],
        dialect: PlatformConventions,
        base: Located,
    ) -> None:
        self.namespace = namespace
        self.vms = vms
        self.disks = disks
        self.conventions = dialect
        self.base = base
        properties = load_builtin_schema("environment").document["$defs"]["group"]["properties"]
        own = [name for name in dialect.platform.fields if name not in properties]
        self.key_order = (*properties, *own)
        self.splitter = KeyGroupSplitter(dialect.platform, tuple(key for key in self.key_order if key not in _STRUCTURE_KEYS))
        self.places: dict[KeyPath, Place] = {}
        self.comments: dict[KeyPath, str] = {}

    def build(self, *, unlike_names: bool) -> EnvironmentText:
        """The whole file."""
        top, common = self._build_top_level()
        data: dict[str, Any] = dict(top)
        data |= self._build_vms(common, unlike_names=unlike_names)
        if self.disks:
            data["disks"] = {disk.name: self._build_standalone_disk(disk, common) for disk in self.disks}
        order = list(load_builtin_schema("environment").document["properties"])
        data = dict(sorted(data.items(), key=lambda item: order.index(item[0])))
        return EnvironmentText(data, tuple(render_lines(data, self.comments)), self.places)

    def _build_top_level(self) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        """The keys of the environment itself, and the labels and annotations that all objects have."""
        top: dict[str, Any] = {}
        default = self.base.get_plain("platform") or DEFAULT_PLATFORM
        if self.conventions.platform.name != default:
            top["platform"] = self.conventions.platform.name
        if self.base.get_plain("namespace") != self.namespace:
            top["namespace"] = self.namespace
        common = {}
        for kind in ("labels", "annotations"):
            common[kind] = self._find_common(kind)
            below = self.base.get_plain(kind) or {}
            over = {name: value for name, value in common[kind].items() if below.get(name) != value}
            over |= {name: None for name in below if name not in common[kind]}
            if over:
                top[kind] = over
        return top, common

    def _find_common(self, kind: str) -> dict[str, str]:
        """What every VM and every standalone disk has; own disks take it from their VMs."""
        things: tuple[VmDraft | StandaloneDiskDraft, ...] = (*self.vms, *self.disks)
        each = [thing.values.get(kind, {}) for thing in things]
        if len(each) < 2 and not self.base.get_plain(kind):
            return {}
        first, *rest = each
        guards = self.conventions.generated_annotations["protected"]
        return {
            name: value
            for name, value in first.items()
            if name not in guards and all(other.get(name) == value for other in rest)
        }

    def _build_vms(self, common: Mapping[str, Mapping[str, str]], *, unlike_names: bool) -> dict[str, Any]:
        if not self.vms:
            return {}
        found = self.base.get("defaults")
        below = to_plain(found) if found and found.mapping else {}
        base = self.splitter.split(below)
        members = [GroupMember(vm.name, self.splitter.split(_remove_common(vm.values, common))) for vm in self.vms]
        made = group_vms(members, self.splitter, base, unlike_names=unlike_names)
        shared = find_shared_defaults(self.splitter, base, [group.key_groups for group in made]) if len(made) > 1 else ()
        data: dict[str, Any] = {}
        if any(part != EMPTY_KEY_GROUP for part in shared):
            data["defaults"] = self._sort_keys(self._merge_key_groups(shared))
            base = tuple(self.splitter.merge(part, over) for part, over in zip(base, shared))
        whole = {vm.name: vm for vm in self.vms}
        data["vms"] = {group.key: self._build_group(group, base, below, whole) for group in made}
        for key in data.get("defaults", {}):
            self.places[("defaults", key)] = self._find_first_place(key, self.vms)
        return data

    def _build_group(
        self, group: GroupDraft, base: tuple[KeyGroup, ...], below: Mapping[str, Any], whole: Mapping[str, VmDraft]
    ) -> dict[str, Any]:
        data = dict(group.structure)
        data |= {
            key: None for key in ("count", "names", "skip", "name") if key in below and key not in _find_replaced_keys(data)
        }
        over = [self.splitter.find_difference(index, base[index], part) for index, part in enumerate(group.key_groups)]
        data |= self._merge_key_groups(each or EMPTY_KEY_GROUP for each in over)
        members = [whole[member.name] for member in group.members]
        self._record_places(("vms", group.key), data, members)
        instances = {}
        for member in group.members:
            values = build_override(self.splitter, base, group.key_groups, member.key_groups)
            if values:
                label = group.get_instance_key(member)
                instances[label] = self._sort_keys(values)
                self._record_places(("vms", group.key, "instances", label), values, [whole[member.name]])
        if instances:
            data["instances"] = instances
        return self._sort_keys(data)

    def _build_standalone_disk(self, disk: StandaloneDiskDraft, common: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        path = ("disks", disk.name)
        self.places |= {path + below: place for below, place in disk.places.items()}
        if disk.comment:
            self.comments[path] = disk.comment
        order = list(load_builtin_schema("environment").document["$defs"]["disk"]["properties"])
        values = _remove_common(disk.values, common)
        return dict(sorted(values.items(), key=lambda item: _DISK_ORDER.get(item[0], len(_DISK_ORDER) + order.index(item[0]))))

    def _merge_key_groups(self, parts: Iterable[KeyGroup]) -> dict[str, Any]:
        return {key: value for part in parts for key, value in json.loads(part).items()}

    def _sort_keys(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(sorted(values.items(), key=lambda item: self.key_order.index(item[0])))

    def _record_places(self, path: KeyPath, data: Mapping[str, Any], vms: Sequence[VmDraft]) -> None:
        """Where each key of a group comes from: from the first VM that has it so."""
        self.places[path] = vms[0].places[()]
        for key, value in data.items():
            having = next((vm for vm in vms if vm.values.get(key) == value), vms[0])
            self.places |= {path + below: place for below, place in having.places.items() if below[:1] == (key,)}

    def _find_first_place(self, key: str, vms: Sequence[VmDraft]) -> Place:
        return next((vm.places[(key,)] for vm in vms if (key,) in vm.places), vms[0].places[()])


# How people write a disk: what is on it first.
_DISK_ORDER = {name: position for position, name in enumerate(("image", "url", "clone", "upload", "optical", "storage"))}


def _remove_common(values: Mapping[str, Any], common: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The values without the labels and annotations that stand at the top."""
    found = dict(values)
    for kind, shared in common.items():
        left = {name: value for name, value in values.get(kind, {}).items() if name not in shared}
        found.pop(kind, None)
        if left:
            found[kind] = left
    return found


def _find_replaced_keys(structure: Mapping[str, Any]) -> set[str]:
    """The keys that a structure leaves no doubt about: `count` and `names` take each other away."""
    return {*structure, *({"count", "names"} if {"count", "names"} & structure.keys() else ())}
