"""The system disk of a VM and its other generations, as an edit of them sees and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vmgen.edit.operations import Operation, RemoveValue, RenameKey, SetValue
from vmgen.merge.environment import Group, Instance
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.own_disks import SYSTEM_DISK, OwnDisk, PreviousDisk
from vmgen.merge.platform import Platform
from vmgen.read.located import KeyPath, Located, to_plain

# What an entry of `previous:` has beside its source, since it inherits nothing.
_DISK_KEYS = ("storage", "storageClass", "protect")


def list_previous(instance: Instance) -> tuple[PreviousDisk, ...]:
    """Return the other generations of the system disk that are kept for a VM."""
    return tuple(entry for entry in instance.previous if entry.disk.key == SYSTEM_DISK)


def list_generations_of(instance: Instance) -> set[int]:
    """Return the generations of the system disk of a VM: the one in use, and those that are kept."""
    system = instance.settings.system_disk
    return {*((system.generation,) if system else ()), *(entry.disk.generation for entry in list_previous(instance))}


def read_source(disk: OwnDisk) -> dict[str, Any]:
    """Return the source of a disk as it is written; empty for a blank disk."""
    return {name: disk.settings.get_plain(name) for name in DISK_SOURCES if disk.settings.is_set(name)}


def describe_disk(disk: OwnDisk, platform: Platform) -> dict[str, Any]:
    """Return the long form of a disk, which makes the same disk where nothing is inherited."""
    entry = read_source(disk)
    for name in _DISK_KEYS:
        value = disk.settings.get(name)
        default = platform.disk_defaults.get(name)
        is_inferred = not disk.settings.is_set_by_user(name) and (name != "storage" or "image" in entry)
        if value and not is_inferred and (default is None or to_plain(default) != to_plain(value)):
            entry[name] = to_plain(value)
    return entry


def write_source(path: KeyPath, level: Located | None, source: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield the operations that replace the source in a group or an override."""
    mapping = level.mapping if level else {}
    ((name, value),) = source.items()
    current = [key for key in DISK_SOURCES if key in mapping and not mapping[key].layer]
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
        of = _get_of(group, path)
        indexes = [index for index, item in enumerate(of) if str(item.data) in labels]
        if len(indexes) == len(of):
            yield RemoveValue(path)
        else:
            yield from (RemoveValue((*path, "of", index)) for index in reversed(indexes))


def find_previous_path(group: Group, instance: Instance, entry: PreviousDisk) -> KeyPath:
    """Return where an entry of `previous:` is written: in the override of its VM, or in the group."""
    below = tuple(entry.path.split("."))
    value = group.find_override(instance)
    for step in below:
        value = value.get(step) if value else None
    return (*(group.get_override_path(instance) if value else ("vms", group.key)), *below)


def _get_of(group: Group, entry_path: KeyPath) -> tuple[Located, ...]:
    value: Located | None = group.located
    for step in (*entry_path[2:], "of"):
        value = value.get(str(step)) if value else None
    return value.items if value else ()
