"""Build the text of an environment file from VMs and disks, with what they share written once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.importer.conventions import PlatformConventions
from vmgen.importer.grouping import GroupDraft, GroupMember, VmGrouper
from vmgen.importer.key_groups import (
    EMPTY_KEY_GROUP,
    KeyGroup,
    KeyGroups,
    KeyGroupSplitter,
    build_override,
    find_shared_defaults,
)
from vmgen.importer.ownership import StandaloneDiskDraft, VmDraft
from vmgen.importer.text import TextLine, render_lines
from vmgen.merge.layers import DEFAULT_PLATFORM
from vmgen.merge.own_disks import SYSTEM_DISK
from vmgen.problems import Place
from vmgen.read.located import KeyPath, Located, to_plain

_Metadata = Mapping[str, Mapping[str, str]]
# Keys that list the VMs of a group.
_NAMING_KEYS = ("count", "names", "skip", "name")
_STRUCTURE_KEYS = (*_NAMING_KEYS, "instances")
# VMs without a common base name are grouped only if the file gets this much shorter.
_MIN_SAVING_RATIO = 1.15
# Keys of a disk that people write first.
_FIRST_DISK_KEYS = ("image", "url", "clone", "upload", "optical", "storage")


class EnvironmentText(NamedTuple):
    """The content of an environment file, and the places in the manifests that its keys come from."""

    data: Mapping[str, Any]
    lines: tuple[TextLine, ...]
    places: Mapping[KeyPath, Place]

    @property
    def text(self) -> str:
        return "".join(f"{line.text}\n" for line in self.lines)

    def find_place(self, line: int) -> Place | None:
        """Return the place in a manifest that a line (from 1) comes from, or None."""
        path = self.lines[line - 1].path if 0 < line <= len(self.lines) else ()
        while path and path not in self.places:
            path = path[:-1]
        return self.places[path] if path else None


class EnvironmentBuilder:
    """Builds the environment of a namespace.

    `base` is the content that `_defaults.yaml` gives each environment, and `policies` are the settings of policies that live
    objects break.
    """

    def __init__(
        self,
        namespace: str,
        vms: Sequence[VmDraft],
        disks: Sequence[StandaloneDiskDraft],
        conventions: PlatformConventions,
        base: Located,
        policies: Mapping[str, str],
    ) -> None:
        self._policies = policies
        self._namespace = namespace
        self._vms = vms
        self._vms_by_name = {vm.name: vm for vm in vms}
        self._disks = disks
        self._conventions = conventions
        self._base = base
        base_defaults = base.get("defaults")
        self._inherited_values = to_plain(base_defaults) if base_defaults and base_defaults.mapping else {}
        schema = conventions.platform.release.environment_document
        group_keys, disk_keys = (list(schema["$defs"][shape]["properties"]) for shape in ("group", "disk"))
        platform_keys = [name for name in conventions.platform.fields if name not in group_keys]
        self._top_level_order = list(schema["properties"])
        self._group_order = (*group_keys, *platform_keys)
        self._disk_order = (*_FIRST_DISK_KEYS, *disk_keys)
        splitter_keys = tuple(key for key in self._group_order if key not in _STRUCTURE_KEYS)
        self._splitter = KeyGroupSplitter(conventions.platform, splitter_keys)
        self._places: dict[KeyPath, Place] = {}
        self._comments: dict[KeyPath, str] = {}

    def build(self) -> EnvironmentText:
        """Build the file; VMs are grouped by their names, or by equal settings alone if that is much shorter."""
        # Names say what belongs together; equal settings may be alike by chance, so they have to save much.
        common = {key: self._find_common(key) for key in ("labels", "annotations")}
        grouper = VmGrouper(self._split_vms(common), self._splitter, self._splitter.split(self._inherited_values))
        by_name = self._build(common, grouper, unlike_names=False)
        if len(by_name.data.get("vms", {})) < 2:
            return by_name
        by_settings = self._build(common, grouper, unlike_names=True)
        return by_settings if len(by_name.lines) > _MIN_SAVING_RATIO * len(by_settings.lines) + 1 else by_name

    def _split_vms(self, common: _Metadata) -> list[GroupMember]:
        """Split the values of each VM; those that differ in names only share the objects of their values."""
        key_groups: dict[tuple[object, ...], KeyGroups] = {}
        members = []
        for vm in self._vms:
            shape = (*vm.values, *map(id, vm.values.values()))
            if shape not in key_groups:
                key_groups[shape] = self._splitter.split(_remove_common(vm.values, common))
            members.append(GroupMember(vm.name, key_groups[shape]))
        return members

    def _build(self, common: _Metadata, grouper: VmGrouper, *, unlike_names: bool) -> EnvironmentText:
        self._places, self._comments = {}, {}
        data = self._build_top_level(common)
        if self._vms:
            data |= self._build_vms(common, grouper, unlike_names=unlike_names)
        if self._disks:
            data["disks"] = {disk.name: self._build_standalone_disk(disk, common) for disk in self._disks}
        data = _sort_keys(data, self._top_level_order)
        return EnvironmentText(data, tuple(render_lines(data, self._comments)), self._places)

    def _find_common(self, key: str) -> dict[str, str]:
        """Return the labels or annotations of every VM and every standalone disk; own disks take them from their VMs."""
        drafts: tuple[VmDraft | StandaloneDiskDraft, ...] = (*self._vms, *self._disks)
        all_metadata = [draft.values.get(key, {}) for draft in drafts]
        all_metadata += [entry.get(key, {}) for vm in self._vms for entry in vm.previous.values()]
        # What a single object has is common to nothing, and stays where a reader looks for it.
        if len(all_metadata) < 2 and not self._base.get_plain(key):
            return {}
        first, *rest = all_metadata
        protection = self._conventions.generated_annotations["protected"]
        return {
            name: value
            for name, value in first.items()
            if name not in protection and all(metadata.get(name) == value for metadata in rest)
        }

    def _build_top_level(self, common: _Metadata) -> dict[str, Any]:
        data: dict[str, Any] = {}
        platform = self._conventions.platform.name
        is_inherited = platform == (self._base.get_plain("platform") or DEFAULT_PLATFORM)
        if not is_inherited:
            data["platform"] = platform
        release, version = self._conventions.platform.release, self._conventions.platform.version
        inherited_version = self._base.get_plain("platformVersion") if is_inherited else None
        if version and version != release.resolve(inherited_version):
            data["platformVersion"] = version
        if self._namespace != self._base.get_plain("namespace"):
            data["namespace"] = self._namespace
        if self._policies:
            data["policy"] = dict(self._policies)
            self._comments[("policy",)] = "for disks as they are live"
        for key, entries in common.items():
            lower = self._base.get_plain(key) or {}
            difference = {name: value for name, value in entries.items() if lower.get(name) != value}
            # Labels of `_defaults.yaml` that the live objects lack must not reach them.
            difference |= {name: None for name in lower if name not in entries}
            if difference:
                data[key] = difference
        return data

    def _build_vms(self, common: _Metadata, grouper: VmGrouper, *, unlike_names: bool) -> dict[str, Any]:
        base, groups = grouper.base, grouper.group(unlike_names=unlike_names)
        data: dict[str, Any] = {}
        if len(groups) > 1:
            shared = find_shared_defaults(self._splitter, base, [group.key_groups for group in groups])
            if any(key_group != EMPTY_KEY_GROUP for key_group in shared):
                data["defaults"] = _sort_keys(_merge_key_groups(shared), self._group_order)
                base = tuple(map(self._splitter.merge, base, shared))
        data["vms"] = {group.key: self._build_group(group, base, common) for group in groups}
        for key in data.get("defaults", {}):
            places = (vm.places[(key,)] for vm in self._vms if (key,) in vm.places)
            self._places[("defaults", key)] = next(places, self._vms[0].places[()])
        return data

    def _build_group(self, group: GroupDraft, base: KeyGroups, common: _Metadata) -> dict[str, Any]:
        data = dict(group.structure)
        # `count` and `names` exclude each other, so the one that the group writes already replaces the other.
        replaced_keys = {*data, *(("count", "names") if data.keys() & {"count", "names"} else ())}
        data |= {key: None for key in _NAMING_KEYS if key in self._inherited_values and key not in replaced_keys}
        differences = map(self._splitter.find_difference, range(len(base)), base, group.key_groups)
        data |= _merge_key_groups(difference or EMPTY_KEY_GROUP for difference in differences)
        self._record_places(("vms", group.key), data, group.members)
        instances = {}
        overrides: dict[KeyGroups, dict[str, Any] | None] = {}
        for member in group.members:
            if member.key_groups not in overrides:
                overrides[member.key_groups] = build_override(self._splitter, base, group.key_groups, member.key_groups)
            override = overrides[member.key_groups]
            if override:
                key = group.get_instance_key(member)
                instances[key] = _sort_keys(override, self._group_order)
                self._record_places(("vms", group.key, "instances", key), override, [member])
        self._add_generations(group, data, instances, common)
        if instances:
            data["instances"] = instances
        return _sort_keys(data, self._group_order)

    def _add_generations(
        self, group: GroupDraft, data: dict[str, Any], instances: dict[str, dict[str, Any]], common: _Metadata
    ) -> None:
        """Add the generations of system disks, and the disks of other generations with the VMs that have them."""
        drafts = [(group.get_instance_key(member), self._vms_by_name[member.name]) for member in group.members]
        # The generation of most VMs is the group's, so that the fewest need an override.
        usual = Counter(vm.system for _, vm in drafts).most_common(1)[0][0]
        if usual != 1:
            data["system"] = usual
        for key, vm in drafts:
            if vm.system != usual:
                instances[key] = {**instances.get(key, {}), "system": vm.system}
        for key, generation in dict.fromkeys(name for _, vm in drafts for name in vm.previous):
            entries = [(label, vm.previous[key, generation]) for label, vm in drafts if (key, generation) in vm.previous]
            own_disks = [(vm, vm.values.get("disks", {}).get(key)) for _, vm in drafts]
            is_current = generation in {vm.system if disk is None else disk.get("generation", 1) for vm, disk in own_disks}
            first: Mapping[str, Any] = {} if is_current else entries[0][1]
            alike = [label for label, entry in entries if entry == first]
            if alike:
                _add_previous(data, key, generation, {**_remove_common(first, common), "of": list(map(_to_number, alike))})
            for label, entry in entries:
                if label not in alike:
                    own = instances.setdefault(label, {})
                    # An override inherits the entry of the group, so what it lacks is removed by null.
                    nulls = dict.fromkeys(first.keys() - entry.keys())
                    _add_previous(own, key, generation, {**nulls, **_remove_common(entry, common), "of": [_to_number(label)]})

    def _record_places(self, path: KeyPath, data: Mapping[str, Any], members: Sequence[GroupMember]) -> None:
        """Record the places of each key: those in the first VM that has the key's value."""
        vms = [self._vms_by_name[member.name] for member in members]
        self._places[path] = vms[0].places[()]
        for key, value in data.items():
            source = next((vm for vm in vms if vm.values.get(key) == value), vms[0])
            self._places |= {path + inner: place for inner, place in source.places.items() if inner[:1] == (key,)}

    def _build_standalone_disk(self, disk: StandaloneDiskDraft, common: _Metadata) -> dict[str, Any]:
        path = ("disks", disk.name)
        self._places |= {path + inner: place for inner, place in disk.places.items()}
        if disk.comment:
            self._comments[path] = disk.comment
        return _sort_keys(_remove_common(disk.values, common), self._disk_order)


def _add_previous(level: dict[str, Any], key: str, generation: int, entry: dict[str, Any]) -> None:
    """Add a disk of another generation to a group or an override, as its own system disk's or that of a further disk."""
    disks = level.get("disks") or {}
    if key != SYSTEM_DISK or key in disks:
        own = disks.get(key) or {}
        level["disks"] = {**disks, key: {**own, "previous": {**own.get("previous", {}), generation: entry}}}
    else:
        level["previous"] = {**level.get("previous", {}), generation: entry}


def _to_number(label: str) -> int | str:
    # Numbers are written without quotes in `of:`.
    return int(label) if label.isdecimal() else label


def _merge_key_groups(key_groups: Iterable[KeyGroup]) -> dict[str, Any]:
    return {key: value for key_group in key_groups for key, value in json.loads(key_group).items()}


def _sort_keys(values: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    return dict(sorted(values.items(), key=lambda item: order.index(item[0])))


def _remove_common(values: Mapping[str, Any], common: _Metadata) -> dict[str, Any]:
    """Return the values without the labels and annotations that the environment itself has."""
    remaining = dict(values)
    for key, entries in common.items():
        own = {name: value for name, value in remaining.pop(key, {}).items() if name not in entries}
        if own:
            remaining[key] = own
    return remaining
