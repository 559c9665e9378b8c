"""Rules on the generations of disks: the current one, and those that `previous:` keeps."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, Group
from vmgen.merge.inference import has_system_disk
from vmgen.merge.own_disks import SYSTEM_DISK, PreviousDisk, VmSettings
from vmgen.problems import NameIndex, Place, shorten

_RESERVED_KEY = re.compile(rf"{SYSTEM_DISK}-[0-9]+")


@rule("reserved-disk-key")
def reserved_disk_key(environment: Environment) -> Iterator[Finding]:
    """A key under `disks:` that is the name of a system disk: `system-2` is its second generation, `system` its first.

    Choose another key. `system` is valid as the key of the system disk itself, if the VM has no source or size for one.
    """
    for _, vm, path in environment.vm_settings:
        current = vm.values.get_plain("system", 1)
        for key, entry in vm.values.get_entries("disks"):
            # In the first generation the two have one name, which `duplicate-name` reports.
            is_second = key == SYSTEM_DISK and has_system_disk(vm.values) and current != 1
            if is_second or _RESERVED_KEY.fullmatch(key):
                message = f"'{key}' names a system disk, as `system-2` and `system-3` do its generations; choose another key"
                yield Finding(entry.key_place or entry.place, f"{path}.disks.{key}", message)


@rule("generation-without-system-disk")
def generation_without_system_disk(environment: Environment) -> Iterator[Finding]:
    """`system:` on a VM without its own system disk has no effect.

    Remove it. A system disk under `disks:` has its own `generation:`.
    """
    for _, vm, path in environment.vm_settings:
        generation = vm.values.get("system")
        if generation and not has_system_disk(vm.values):
            message = "the VM has no `image:`, `url:`, `clone:`, `upload:` or `storage:` that makes a system disk; remove it"
            yield Finding(generation.place, f"{path}.system", message)


@rule("generation-in-use")
def generation_in_use(environment: Environment) -> Iterator[Finding]:
    """`previous:` keeps the generation that the VM uses, so one disk would be both current and previous.

    Increase `system:` (for another disk: `generation:`), or remove the entry under `previous:`.
    """
    places: set[Place] = set()
    for group, vm, path in environment.vm_settings:
        generations = {disk.key: disk.generation for disk in vm.disks}
        for entry in vm.previous:
            generation, place = entry.disk.generation, entry.disk.place
            if generations.get(entry.disk.key) != generation or place in places or not _has_entry(group, vm, entry):
                continue
            places.add(place)
            key = "system" if entry.path.startswith("previous") else "generation"
            message = f"generation {generation} is in use; write `{key}: {generation + 1}` for a new disk, or remove this entry"
            yield Finding(place, f"{path}.{entry.path}", message)


def _has_entry(group: Group, vm: VmSettings, entry: PreviousDisk) -> bool:
    """Return whether a VM with these settings has the entry: the override of a VM also inherits those of other VMs."""
    labels = entry.labels
    return not labels or any(not labels.isdisjoint(each.labels) for each in group.instances if each.settings is vm)


@rule("previous-without-of")
def previous_without_of(environment: Environment) -> Iterator[Finding]:
    """A disk under `previous:` without the VMs that have it. Without `of:`, every VM that you add later would get such a
    disk too.

    Write the numbers or names of the VMs that have it: `of: [1, 2, 3]`.
    """
    for previous, path in _iter_previous(environment):
        settings = previous.entry.disk.settings
        if not previous.entry.of and not settings.is_invalid("of"):
            # The VMs that have the entry today: what the list would have said when it was written.
            labels = (each.labels[0] for each in previous.group.instances if each.settings is previous.vm)
            message = f"write the VMs that have this disk, such as `of: [{shorten(', '.join(labels))}]`"
            yield Finding(previous.entry.disk.place, f"{path}.of", message)


@rule("previous-of-unknown-vm", "warning")
def previous_of_unknown_vm(environment: Environment) -> Iterator[Finding]:
    """`of:` names a VM that is not in its group, so no disk is kept for it.

    Correct the name, or remove it once the disk of the removed VM is retired.
    """
    locations: set[Place] = set()
    for previous, path in _iter_previous(environment):
        labels = {label: None for instance in previous.group.instances for label in instance.labels}
        names = NameIndex(labels)
        for item in previous.entry.of:
            if str(item.data) not in labels and item.place not in locations:
                locations.add(item.place)
                hint = names.did_you_mean(str(item.data)) or "; remove it"
                yield Finding(item.place, f"{path}.of", f"no VM '{shorten(str(item.data))}' in this group{hint}")


class _PreviousEntry(NamedTuple):
    """An entry of `previous:` and the VMs that have it in their settings."""

    group: Group
    vm: VmSettings
    entry: PreviousDisk


def _iter_previous(environment: Environment) -> Iterator[tuple[_PreviousEntry, str]]:
    """Yield each entry of `previous:` with its key path, once for each place."""
    locations: set[Place] = set()
    for group, vm, path in environment.vm_settings:
        for entry in vm.previous:
            if entry.disk.place not in locations:
                locations.add(entry.disk.place)
                yield _PreviousEntry(group, vm, entry), f"{path}.{entry.path}"
