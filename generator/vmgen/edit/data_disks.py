"""Give VMs the next generation of a further disk: an empty one beside the one that they have, which is kept, detached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vmgen.edit.file_edit import FileEdit, refuse_edit
from vmgen.edit.generations import (
    describe_disks,
    find_way_back,
    index_reserved_generations,
    is_short,
    keep_disks,
    leave_previous,
    read_source,
    write_key,
    write_source,
)
from vmgen.edit.operations import Operation, RemoveValue, SetValue
from vmgen.edit.rebuild import RebuildRequest, build_edits, is_same_disk, list_committed, select_instances
from vmgen.edit.target import EditTarget
from vmgen.merge.environment import Group, Instance
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.own_disks import OwnDisk
from vmgen.plan.generation_edits import find_disk_entry, list_used_generations
from vmgen.problems import VmgenError, suggest
from vmgen.read.located import KeyPath

_STATE_KEYS = (*DISK_SOURCES, "storageClass", "generation")
DiskOwner = tuple[Instance, OwnDisk]


def rebuild_disks(target: EditTarget, key: str, request: RebuildRequest) -> tuple[FileEdit, ...]:
    """Return the edits that give the VMs of a group the next generation of a further disk, or the one before.

    Raises ProblemsError if the environment would be invalid or anything else would change, VmgenError if there is no such disk
    or nothing to go back to.
    """
    group = target.find_group(key)
    owners = tuple((each, _find_disk(each, request.disk)) for each in select_instances(group, request.only))
    changing = tuple(owner for owner in owners if _changes(*owner, request))
    if not changing:
        if request.back:
            raise VmgenError(f"no generation to go back to: `previous:` keeps no disk {request.disk} for {owners[0][0].name}")
        return ()
    first, disk = changing[0]
    if not request.only:
        _require_alike(group, changing, request)
    path = (*(group.get_override_path(first) if request.only else ("vms", group.key)), "disks", disk.key)
    writer = _DiskWriter(target, group, path)
    operations = tuple(writer.go_back(changing) if request.back else writer.renew(changing, request))
    generations = {instance.name: find_way_back(instance, disk) for instance, disk in changing}

    def is_done(instance: Instance) -> bool:
        entry, new = generations[instance.name] if request.back else None, _find_disk(instance, request.disk)
        return is_same_disk(entry.disk, new) if entry else not _changes(instance, new, request)

    return build_edits(target, group, tuple(instance for instance, _ in changing), operations, is_done)


def _find_disk(instance: Instance, key: str) -> OwnDisk:
    disks = {disk.key: disk for disk in instance.settings.disks if disk is not instance.settings.system_disk}
    if key not in disks:
        raise VmgenError(f"{instance.name} has no disk '{key}' under `disks:`{suggest(key, disks)}")
    return disks[key]


def _changes(instance: Instance, disk: OwnDisk, request: RebuildRequest) -> bool:
    """Return whether a request changes a disk: it has another source or class, or a generation to go back to."""
    if request.back:
        return find_way_back(instance, disk) is not None
    other_class = request.storage_class and disk.settings.get_plain("storageClass") != request.storage_class
    return bool(other_class or (request.source and read_source(disk) != dict(request.source)))


def _require_alike(group: Group, owners: tuple[DiskOwner, ...], request: RebuildRequest) -> None:
    """Refuse to edit a group whose VMs have different disks. Raises ProblemsError."""
    states = set()
    for instance, disk in owners:
        override = group.find_override(instance)
        own = find_disk_entry(override, disk.key) if override else None
        if own and any(name in own.mapping for name in _STATE_KEYS):
            reason = f"{instance.name} has a source, class or generation of this disk of its own; use --only {instance.label}"
            raise refuse_edit(own.key_place or own.place, reason, ())
        entry = find_way_back(instance, disk) if request.back else None
        states.add((disk.generation, entry.disk.generation if entry else 0))
    if len(states) > 1:
        raise refuse_edit(group.place, f"its VMs have different generations of {request.disk}; name one with --only", ())


class _DiskWriter:
    """The operations on the entry of a disk at a key path, in a group or an override. `level` is what the file has there."""

    def __init__(self, target: EditTarget, group: Group, path: KeyPath) -> None:
        self.target = target
        self.group = group
        self.path = path
        self.level = target.find_written(path)
        self.committed = list_committed(target)
        self.reserved_generations = index_reserved_generations(target)

    def renew(self, owners: tuple[DiskOwner, ...], request: RebuildRequest) -> Iterator[Operation]:
        """Yield what writes a source, a class, and the next generation where disks are committed."""
        disk = owners[0][1]
        values: dict[str, Any] = {"storageClass": request.storage_class} if request.storage_class else {}
        committed = self._select_committed(owners)
        if committed:
            values["generation"] = max(list_used_generations(owners, self.reserved_generations)) + 1
        yield from self._write(disk, request.source, values)
        if committed:
            yield from self._keep(committed)

    def go_back(self, owners: tuple[DiskOwner, ...]) -> Iterator[Operation]:
        """Yield what makes the generation before the one in use, and keeps the one in use."""
        entries = [(instance, entry) for instance, disk in owners if (entry := find_way_back(instance, disk))]
        disk, before = owners[0][1], entries[0][1].disk
        values: dict[str, Any] = {}
        for name in ("storage", "storageClass"):
            if before.settings.get_plain(name) != disk.settings.get_plain(name):
                values[name] = before.settings.get_plain(name)
        is_default = before.generation == 1 and self.path[2] == "disks"
        values["generation"] = None if is_default else before.generation
        source = read_source(before)
        # A blank disk has no source, so that of the disk in use goes, or null hides that of a lower layer.
        if not source:
            for name in read_source(disk):
                is_here = self.level is not None and name in self.level.mapping
                yield RemoveValue((*self.path, name)) if is_here else SetValue((*self.path, name), None)
        yield from self._write(disk, source, values)
        committed = self._select_committed(owners)
        if committed:
            yield from self._keep(committed)
        yield from leave_previous(self.group, entries)

    def _select_committed(self, owners: Sequence[DiskOwner]) -> list[DiskOwner]:
        """Return the VMs whose disk is committed: one that is not exists nowhere, so nothing is kept of it."""
        return [(instance, disk) for instance, disk in owners if f"{instance.name}-{disk.suffix}" in self.committed]

    def _write(self, disk: OwnDisk, source: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Operation]:
        """Yield the keys of a disk: one by one where it has its long form, else all of them with its size."""
        if self.level is None or is_short(self.level):
            size = {"storage": disk.settings.get_plain("storage")} if self.level else {}
            keys = {name: value for name, value in values.items() if value is not None}
            yield SetValue(self.path, {**source, **size, **keys})
            return
        if source:
            yield from write_source(self.path, self.level, source)
        for name, value in values.items():
            yield from write_key(self.path, self.level, name, value, "storage" if name == "storageClass" else "storageClass")

    def _keep(self, owners: Sequence[DiskOwner]) -> Iterator[Operation]:
        """Yield what keeps the disks that VMs have now."""
        entries, generation = describe_disks(self.target.result, owners), owners[0][1].generation
        if self.path[2] == "disks":
            yield from keep_disks(self.group, self.path[2:], generation, entries, "generation")
            return
        instance = owners[0][0]
        entry = {**entries[instance.name], "of": [instance.label]}
        yield SetValue((*self.path, "previous", str(generation)), entry, after="generation")
