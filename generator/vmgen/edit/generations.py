"""The system disk of a VM and its other generations, as an edit of them sees and writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from vmgen.edit.operations import Operation, RemoveValue, RenameKey, SetValue
from vmgen.edit.target import EditTarget
from vmgen.merge.environment import Group, Instance
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.own_disks import SYSTEM_DISK, OwnDisk, PreviousDisk, index_generations
from vmgen.plan.previous_entry import build_previous_entry
from vmgen.problems import ProblemsError
from vmgen.read.located import KeyPath, Located
from vmgen.read.manifests import parse_objects
from vmgen.renderer import RenderResult


def list_previous(instance: Instance, key: str = SYSTEM_DISK) -> tuple[PreviousDisk, ...]:
    """Return the other generations of a disk that are kept for a VM."""
    return tuple(entry for entry in instance.previous if entry.disk.key == key)


def index_reserved_generations(target: EditTarget) -> Mapping[tuple[str, str], list[tuple[str, int]]]:
    """Return the generations that are committed, or have a tombstone, as `index_generations` does.

    A disk that is retired exists until it is deleted, so another one cannot have its name.
    """
    stems = (path.rpartition("/")[2].removesuffix(".yaml") for path in target.base.baseline.list_manifests(target.name))
    tombstones = target.result.desired.tombstones if target.result.desired else ()
    return index_generations({*stems, *(stone.name for stone in tombstones)})


def find_way_back(instance: Instance, disk: OwnDisk) -> PreviousDisk | None:
    """Return the generation of a disk before the one in use, or else the latest; None if none is kept."""
    previous = list_previous(instance, disk.key)
    # After a way back the later generation is the only other one, and then it is the way forward again.
    return max(previous, key=lambda entry: (entry.disk.generation < disk.generation, entry.disk.generation), default=None)


def read_source(disk: OwnDisk) -> dict[str, Any]:
    """Return the source of a disk as it is written; empty for a blank disk."""
    return {name: disk.settings.get_plain(name) for name in DISK_SOURCES if disk.settings.is_set(name)}


def describe_disk(result: RenderResult, instance: Instance, disk: OwnDisk) -> dict[str, Any]:
    """Return the long form of a rendered disk of a VM, which makes the same disk where nothing is inherited.

    Raises ProblemsError with the problems of the environment if the disk could not be rendered.
    """
    desired, environment = result.desired, result.environment
    objects, name = desired.objects.items() if desired else (), f"{instance.name}-{disk.suffix}"
    path = next((path for path, identity in objects if (identity.kind, identity.name) == ("VMDisk", name)), None)
    if desired is None or environment is None or path is None:
        raise ProblemsError(result.problems)
    (document,) = parse_objects(desired.files[path])
    entry, source = build_previous_entry(document, environment), read_source(disk)
    if not source or "rawSource" in entry:
        return entry
    return {**source, **{name: value for name, value in entry.items() if name not in DISK_SOURCES}}


def describe_disks(result: RenderResult, owners: Iterable[tuple[Instance, OwnDisk]]) -> dict[str, dict[str, Any]]:
    """Return the long form of the disks of VMs by the name of the VM: described once for VMs that share their settings."""
    by_settings: dict[int, dict[str, Any]] = {}
    entries = {}
    for instance, disk in owners:
        key = id(instance.settings)
        if key not in by_settings:
            by_settings[key] = describe_disk(result, instance, disk)
        entries[instance.name] = by_settings[key]
    return entries


def keep_disks(
    group: Group,
    path: KeyPath,
    generation: int,
    entries: Mapping[str, Mapping[str, Any]],
    after: str,
    of: Collection[str] = (),
) -> Iterator[Operation]:
    """Yield what keeps a generation of disks for the VMs of a group: in `previous:` at a key path of the group.

    `path` are the steps below `vms.<group>`. A VM whose disk is another one has its entry in its override. `of` are VMs that
    the entry of the group keeps besides. A new `previous:` comes after the key `after`.
    """
    instances = [instance for instance in group.instances if instance.name in entries]
    base = next((each for each in instances if group.find_override(each) is None), instances[0])
    alike = {each.name for each in instances if entries[each.name] == entries[base.name]} | set(of)
    labels = [each.label for each in group.instances if each.name in alike]
    previous_path = ("previous", str(generation))
    yield SetValue(("vms", group.key, *path, *previous_path), {**entries[base.name], "of": labels}, after=after)
    for instance in instances:
        if instance.name not in alike:
            entry = {**entries[instance.name], "of": [instance.label]}
            yield SetValue((*group.get_override_path(instance), *path, *previous_path), entry)


def is_short(disk: Located) -> bool:
    """Return whether a disk is written as its size alone: its size then has the place of the disk."""
    storage = disk.get("storage")
    return not isinstance(disk.data, Mapping) or (storage is not None and storage.place == disk.place)


def write_source(path: KeyPath, level: Located | None, source: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield the operations that replace the source in a group or an override."""
    mapping = level.mapping if level else {}
    ((name, value),) = source.items()
    current = [key for key in DISK_SOURCES if key in mapping and not mapping[key].layer]
    # At its place, so that the comment beside it stays.
    if current and current[0] != name:
        yield RenameKey((*path, current[0]), name)
    yield SetValue((*path, name), value)


def write_key(path: KeyPath, level: Located | None, name: str, value: Any, after: str) -> Iterator[Operation]:
    """Yield what sets a key of a group or an override, or what removes it for None."""
    if value is not None:
        yield SetValue((*path, name), value, after=after)
    elif level and name in level.mapping:
        yield RemoveValue((*path, name))


def leave_previous(group: Group, entries: Iterable[tuple[Instance, PreviousDisk]]) -> Iterator[Operation]:
    """Yield what takes VMs out of `of:`, and an entry of `previous:` out that no VM has any more."""
    leaving: dict[KeyPath, set[str]] = {}
    for instance, entry in entries:
        leaving.setdefault(find_previous_path(group, instance, entry), set()).update(instance.labels)
    for path, labels in leaving.items():
        value: Located | None = group.located
        for step in (*path[2:], "of"):
            value = value.get(str(step)) if value else None
        of = value.items if value else ()
        indexes = [index for index, item in enumerate(of) if str(item.data) in labels]
        if len(indexes) == len(of):
            yield RemoveValue(path)
        else:
            # From the end, since each removal moves the items behind it.
            yield from (RemoveValue((*path, "of", index)) for index in reversed(indexes))


def find_previous_path(group: Group, instance: Instance, entry: PreviousDisk) -> KeyPath:
    """Return where an entry of `previous:` is written: in the override of its VM, or in the group."""
    below = tuple(entry.path.split("."))
    value = group.find_override(instance)
    for step in below:
        value = value.get(step) if value else None
    return (*(group.get_override_path(instance) if value else ("vms", group.key)), *below)
