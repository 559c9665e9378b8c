"""Rebuild VMs: a system disk of the next generation from another source, beside the one that they have."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.edit.file_edit import FileEdit, refuse_edit
from vmgen.edit.generations import (
    describe_disk,
    describe_disks,
    find_way_back,
    index_reserved_generations,
    is_short,
    keep_disks,
    leave_previous,
    list_previous,
    read_source,
    write_key,
    write_source,
)
from vmgen.edit.operations import Operation, RemoveValue, SetValue
from vmgen.edit.target import EditTarget, edit_target, preview, require_no_new_errors
from vmgen.merge.environment import Group, Instance
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.own_disks import OwnDisk, PreviousDisk
from vmgen.plan.generation_edits import list_used_generations
from vmgen.plan.plan import Plan
from vmgen.plan.verdicts import Verdict
from vmgen.problems import VmgenError, suggest
from vmgen.read.located import KeyPath, Located

_STATE_KEYS = (*DISK_SOURCES, "system", "storageClass")


class RebuildRequest(NamedTuple):
    """What the new system disks are made from. Without a source they have the one of today, on another storage class.

    `only` is the number or the name of one VM, empty for all. `back` returns to the generation before. `disk` is the key of a
    further disk, empty for the system disk.
    """

    source: Mapping[str, Any] = {}
    storage_class: str = ""
    only: str = ""
    back: bool = False
    disk: str = ""


def rebuild_group(target: EditTarget, key: str, request: RebuildRequest) -> tuple[FileEdit, ...]:
    """Return the edits that rebuild the VMs of a group, or take them back.

    Raises ProblemsError if the environment would be invalid or anything else would change, VmgenError if there is nothing to
    rebuild.
    """
    group = target.find_group(key)
    selection = select_instances(group, request.only)
    if not all(instance.settings.system_disk for instance in selection):
        raise VmgenError(f"group {group.key} makes no system disk: its VMs boot from a disk under `disks:` or `attach:`")
    rebuild = _Rebuild(target, group)
    changing = tuple(
        each
        for each in selection
        if (find_way_back(each, _get_system(each)) if request.back else not rebuild.is_as_asked(each, request))
    )
    if request.back:
        operations = tuple(rebuild.go_back(selection, alone=bool(request.only)))
    elif request.only:
        operations = tuple(rebuild.renew_one(selection[0], request))
    else:
        operations = tuple(rebuild.renew_all(request))
    if not operations:
        return ()
    # Before the edit, after which another generation would be the one to go back to.
    generations = {each.name: find_way_back(each, _get_system(each)) for each in changing}

    def is_done(instance: Instance) -> bool:
        entry = generations[instance.name] if request.back else None
        return is_same_disk(entry.disk, _get_system(instance)) if entry else rebuild.is_as_asked(instance, request)

    return build_edits(target, group, changing, operations, is_done)


def build_edits(
    target: EditTarget,
    group: Group,
    changing: tuple[Instance, ...],
    operations: tuple[Operation, ...],
    is_done: Callable[[Instance], bool],
) -> tuple[FileEdit, ...]:
    """Return the edits of a rebuild of VMs; `is_done` returns whether a VM has the disk that it is meant to get.

    Raises ProblemsError if the environment would be invalid, if anything else would change, or if a VM would keep its disk.
    """
    path = target.choose_file(operations[0].path, operations)
    edits = edit_target(target, {path: operations})
    result, plan, _ = preview(target, edits)
    require_no_new_errors(target, result)
    groups = result.environment.groups if result.environment else ()
    after = {instance.name: instance for each in groups for instance in each.instances}
    _require_nothing_else(target, group, {each.name: after.get(each.name, each) for each in changing}, plan, operations)
    for instance in changing:
        if instance.name not in after or not is_done(after[instance.name]):
            reason = f"another layer decides which disk {instance.name} has; name it with --in"
            raise refuse_edit(group.place, reason, operations)
    return edits


def is_same_disk(disk: OwnDisk, other: OwnDisk) -> bool:
    """Return whether two disks have one generation, source and class."""
    states = [(each.generation, read_source(each), each.settings.get_plain("storageClass")) for each in (disk, other)]
    return states[0] == states[1]


def select_instances(group: Group, only: str) -> tuple[Instance, ...]:
    """Return the VMs of a group, or the one that a number or a name means. Raises VmgenError if there is none."""
    instances = tuple(instance for instance in group.instances if not only or only in instance.labels)
    if not group.instances:
        raise VmgenError(f"group {group.key} has no VMs; edit its source, or add VMs with vmgen scale")
    if not instances:
        labels = [label for instance in group.instances for label in instance.labels]
        raise VmgenError(f"no VM '{only}' in group {group.key}{suggest(only, labels)}")
    return instances


def list_committed(target: EditTarget) -> set[str]:
    """Return the names of the objects of an environment that are committed."""
    desired = target.result.desired
    objects = desired.objects.items() if desired else ()
    return {identity.name for path, identity in objects if target.base.baseline.contains(path)}


class _Rebuild:
    """The operations of a rebuild of one group."""

    def __init__(self, target: EditTarget, group: Group) -> None:
        self.target = target
        self.group = group
        self.path: KeyPath = ("vms", group.key)
        self.committed = list_committed(target)
        self.reserved_generations = index_reserved_generations(target)

    def renew_all(self, request: RebuildRequest) -> Iterator[Operation]:
        """Yield the operations that rebuild all VMs that differ from the request: in the group, canaries included."""
        pending = [instance for instance in self.group.instances if not self.is_as_asked(instance, request)]
        if not pending:
            return
        for instance in pending:
            override = self.group.find_override(instance)
            if override and self._has_own_state(instance):
                remedy = f"rebuild it with --only {instance.label}"
                reason = f"{instance.name} has a source, class or generation of its own; {remedy}"
                raise refuse_edit(override.key_place or override.place, reason, ())
        system = _get_system(pending[0])
        canaries = [instance for instance in self.group.instances if instance not in pending]
        generation, canaries = self._choose_generation(pending, canaries)
        owners = [(instance, _get_system(instance)) for instance in pending if self._is_committed(instance)]
        # A disk that is not committed exists nowhere, so nothing is kept of it.
        entries = describe_disks(self.target.result, owners)
        like = entries.get(pending[0].name) or self._describe(pending[0], system)
        canaries = [instance for instance in canaries if self._is_like(instance, system, like)]
        yield from self._write(self.path, self.group.located, pending[0], request, generation if entries else 0)
        if entries:
            yield from keep_disks(self.group, (), system.generation, entries, "system", [each.name for each in canaries])
        for instance in canaries:
            yield from self._drop_override(instance)

    def renew_one(self, instance: Instance, request: RebuildRequest) -> Iterator[Operation]:
        """Yield what rebuilds one VM, in its override."""
        if self.is_as_asked(instance, request):
            return
        path, level = self.group.get_override_path(instance), self.group.find_override(instance)
        system = _get_system(instance)
        if not self._is_committed(instance):
            yield from self._write(path, level, instance, request, 0)
            return
        yield from self._write(path, level, instance, request, max(self._list_generations([instance])) + 1)
        previous_path = (*path, "previous", str(system.generation))
        yield SetValue(previous_path, {**self._describe(instance, system), "of": [instance.label]}, after="system")

    def go_back(self, instances: tuple[Instance, ...], *, alone: bool) -> Iterator[Operation]:
        """Yield what returns VMs to their generation before, and keeps the one that they leave."""
        entries = {instance.name: entry for instance in instances if (entry := find_way_back(instance, _get_system(instance)))}
        if not entries:
            raise VmgenError(f"no generation to go back to: `previous:` keeps none for {instances[0].name}")
        returning = [instance for instance in instances if instance.name in entries]
        following = [instance for instance in returning if not alone and not self._has_own_state(instance)]
        if following:
            yield from self._take_group_back(following, entries)
        for instance in returning:
            if instance not in following:
                yield from self._take_one_back(instance, entries[instance.name])

    def _take_group_back(self, following: list[Instance], entries: Mapping[str, PreviousDisk]) -> Iterator[Operation]:
        entry = entries[following[0].name]
        if any(entries[instance.name].disk.generation != entry.disk.generation for instance in following):
            raise refuse_edit(self.group.place, "its VMs have different generations to go back to; name one with --only", ())
        system = _get_system(following[0])
        yield from self._write_back(self.path, self.group.located, following[0], entry)
        leaving = [(instance, _get_system(instance)) for instance in following if self._is_committed(instance)]
        remaining_entries = describe_disks(self.target.result, leaving)
        after = "system" if entry.disk.generation > 1 else next(iter(read_source(entry.disk)), "")
        if remaining_entries:
            yield from keep_disks(self.group, (), system.generation, remaining_entries, after)
        yield from leave_previous(self.group, [(instance, entries[instance.name]) for instance in following])
        for instance in self.group.instances:  # those that were added since stay what they are
            if instance.name not in entries and not self._has_own_state(instance):
                yield from self._keep_state(instance, {**read_source(system), "system": system.generation})

    def _keep_state(self, instance: Instance, state: Mapping[str, Any]) -> Iterator[Operation]:
        """Yield the operations that give a VM the former state of its group; other keys of its override stay."""
        path = self.group.get_override_path(instance)
        if self.group.find_override(instance) is None:
            yield SetValue(path, state, block=True)
        else:
            yield from (SetValue((*path, name), value) for name, value in state.items())

    def _take_one_back(self, instance: Instance, entry: PreviousDisk) -> Iterator[Operation]:
        path, system = self.group.get_override_path(instance), _get_system(instance)
        yield from self._write_back(path, self.group.find_override(instance), instance, entry)
        if self._is_committed(instance):
            previous_entry = {**self._describe(instance, system), "of": [instance.label]}
            yield SetValue((*path, "previous", str(system.generation)), previous_entry, after="system")
        yield from leave_previous(self.group, [(instance, entry)])

    def _write_back(self, path: KeyPath, level: Located | None, instance: Instance, entry: PreviousDisk) -> Iterator[Operation]:
        """Yield what makes a kept generation the one in use, with the size and class that it has."""
        system, source = _get_system(instance), read_source(entry.disk)
        name = next(iter(source), "storage")
        if source:
            yield from write_source(path, level, source)
            yield from _keep_profile(path, instance, source)
        for key in ("storage", "storageClass"):
            value = entry.disk.settings.get_plain(key)
            if value != system.settings.get_plain(key) and (
                system.settings.is_set_by_user(key) or entry.disk.settings.is_set_by_user(key)
            ):
                yield SetValue((*path, key), value, after=name)
                if key == "storageClass":
                    yield from self._pin_disks(path, level, instance)
        is_default = entry.disk.generation == 1 and path == self.path
        yield from write_key(path, level, "system", None if is_default else entry.disk.generation, name)

    def _write(
        self, path: KeyPath, level: Located | None, instance: Instance, request: RebuildRequest, generation: int
    ) -> Iterator[Operation]:
        """Yield what writes the source, the class and the generation of new system disks; 0 for one that is not committed."""
        name = next(iter(request.source), "") or next((key for key in DISK_SOURCES if level and key in level.mapping), "")
        if request.source:
            yield from write_source(path, level, request.source)
            yield from _keep_profile(path, instance, request.source)
        if request.storage_class:
            yield SetValue((*path, "storageClass"), request.storage_class, after=name)
            yield from self._pin_disks(path, level, instance)
        if generation:
            yield from write_key(path, level, "system", generation, name)

    def _pin_disks(self, path: KeyPath, level: Located | None, instance: Instance) -> Iterator[Operation]:
        """Yield the class of each further disk that inherits that of its VM: those disks exist, and stay on theirs."""
        own_disks = instance.settings.values.get("disks")
        for disk in instance.settings.disks[1:]:
            entry = own_disks.get(disk.key) if own_disks else None
            if entry is None or "storageClass" in entry.mapping:
                continue
            storage_class = disk.settings.get_plain("storageClass")
            here = level.get("disks") if level else None
            if here and disk.key in here.mapping and is_short(here.mapping[disk.key]):
                yield SetValue(
                    (*path, "disks", disk.key), {"storage": entry.get_plain("storage"), "storageClass": storage_class}
                )
            else:
                yield SetValue((*path, "disks", disk.key, "storageClass"), storage_class)

    def _choose_generation(self, pending: list[Instance], canaries: list[Instance]) -> tuple[int, list[Instance]]:
        """Return the generation of the new disks, and the canaries whose generation it is."""
        used_generations = self._list_generations(pending)
        canary_generations = {_get_system(instance).generation for instance in canaries}
        # Then the group and its canaries end at one generation, and need no overrides.
        if len(canary_generations) == 1 and min(canary_generations) > max(used_generations):
            return min(canary_generations), canaries
        return max(used_generations | self._list_generations(canaries)) + 1, []

    def _list_generations(self, instances: list[Instance]) -> set[int]:
        return list_used_generations(((each, _get_system(each)) for each in instances), self.reserved_generations)

    def _is_like(self, instance: Instance, system: OwnDisk, entry: Mapping[str, Any]) -> bool:
        """Return whether a canary keeps exactly what the other VMs are going to keep."""
        previous = list_previous(instance)
        return (
            self.group.find_override(instance) is not None
            and len(previous) == 1
            and previous[0].disk.generation == system.generation
            and self._describe(instance, previous[0].disk) == entry
        )

    def _drop_override(self, instance: Instance) -> Iterator[Operation]:
        """Yield the removal of the system disk's keys from an override, now that its group has the same values."""
        override, path = self.group.find_override(instance), self.group.get_override_path(instance)
        mapping = override.mapping if override else {}
        names = [name for name in mapping if name in (*_STATE_KEYS, "previous")]
        if len(names) == len(mapping):
            yield RemoveValue(path)
        else:
            yield from (RemoveValue((*path, name)) for name in names)

    def _has_own_state(self, instance: Instance) -> bool:
        override = self.group.find_override(instance)
        return bool(override and any(name in override.mapping for name in _STATE_KEYS))

    def _describe(self, instance: Instance, disk: OwnDisk) -> dict[str, Any]:
        return describe_disk(self.target.result, instance, disk)

    def _is_committed(self, instance: Instance) -> bool:
        return f"{instance.name}-{_get_system(instance).suffix}" in self.committed

    def is_as_asked(self, instance: Instance, request: RebuildRequest) -> bool:
        """Return whether a VM already has the source and the storage class that a request names."""
        system = _get_system(instance)
        same_class = not request.storage_class or system.settings.get_plain("storageClass") == request.storage_class
        return same_class and (not request.source or read_source(system) == dict(request.source))


def _get_system(instance: Instance) -> OwnDisk:
    system = instance.settings.system_disk
    if system is None:
        raise VmgenError(f"{instance.name} has no system disk of its own")
    return system


def _keep_profile(path: KeyPath, instance: Instance, source: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield the profile that the image of today implies, for a source that implies none."""
    values = instance.settings.values
    if "image" not in source and values.get("instanceProfile") and not values.is_set_by_user("instanceProfile"):
        yield SetValue((*path, "instanceProfile"), values.get_plain("instanceProfile"), after=next(iter(source)))


def _require_nothing_else(
    target: EditTarget, group: Group, after: Mapping[str, Instance], plan: Plan, operations: tuple[Operation, ...]
) -> None:
    """Refuse an edit that changes a VM outside `after`, or a disk that none of these gets back. Raises ProblemsError."""
    # Changes that wait for a commit already are not those of this edit.
    _, before, _ = preview(target, ())
    known_changes = {(change.identity, change.verdict) for change in before.changes}
    new_disks = _list_disk_names(after.values()) - _list_disk_names(group.instances)
    for change in plan.changes:
        if change.identity.kind == "VMDisk":
            # A kept disk that is in use again inherits the labels of its group, which its entry may lack.
            gets_labels = change.identity.name in new_disks and change.verdict == Verdict.UPDATE_IN_PLACE
            is_expected = change.action == "create" or gets_labels
        else:
            is_expected = change.identity.name in after
        if not is_expected and (change.identity, change.verdict) not in known_changes:
            reason = f"{change.identity} would change too ({change.verdict}); rebuild one VM at a time with --only"
            raise refuse_edit(group.place, reason, operations)


def _list_disk_names(instances: Iterable[Instance]) -> set[str]:
    return {f"{instance.name}-{disk.suffix}" for instance in instances for disk in instance.settings.disks}
