"""The names of a group's VMs and disks, without a look at each where the longest is known from the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from vmgen.merge.environment import Group, Instance
from vmgen.problems import Place


def find_longest_vm(group: Group) -> Instance | None:
    """The VM with the longest name, or None where there is none."""
    return max(_iter_longest_candidates(group), key=lambda instance: len(instance.name), default=None)


def find_longest_disk(group: Group) -> tuple[str, Place, str] | None:
    """The longest name of an own disk, where its suffix was written, and the suffix; None where no VM has a disk."""
    disks = (
        (f"{instance.name}-{disk.suffix}", disk.place, disk.suffix)
        for instance in _iter_longest_candidates(group)
        for disk in instance.settings.disks
    )
    return max(disks, key=lambda found: len(found[0]), default=None)


def locate_name(group: Group, instance: Instance) -> Place:
    """Where the name of a VM was written: in `names`, in `name`, or as the key of the group."""
    if instance.number is None and group.located.get("names"):
        return instance.place
    name = group.located.get("name")
    return name.place if name and isinstance(name.data, str) else group.place


def _iter_longest_candidates(group: Group) -> Iterator[Instance]:
    """The VMs among which the longest names are: of those that nothing tells apart, the last number is the longest."""
    if group.instances and group.instances[-1].number is not None:
        alike = (instance for instance in reversed(group.instances) if instance.settings is group.settings)
        yield from islice(alike, 1)
        for instance, _ in group.iter_overrides():
            yield instance
    else:
        yield from group.instances
