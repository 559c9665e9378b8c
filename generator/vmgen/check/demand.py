"""What each part of a merged environment asks for, in the order in which it stands there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.check.totals import Totals, disk_totals, total, vm_totals
from vmgen.merge.environment import Environment, Group, VmSettings
from vmgen.problems import Place


class Part(NamedTuple):
    """A group, or a standalone disk: the line that says how many there are, and what each one asks for, disks included."""

    subject: str
    place: Place
    noun: str
    each: tuple[Totals, ...]


def parts(environment: Environment) -> Iterator[Part]:
    """The groups in their order, then the standalone disks."""
    for group in environment.groups:
        asked: dict[int, Totals] = {}
        for instance in group.instances:
            if id(instance.settings) not in asked:
                asked[id(instance.settings)] = _of_vm(instance.settings, environment)
        subject, place = _counted(group)
        yield Part(subject, place, "VM", tuple(asked[id(instance.settings)] for instance in group.instances))
    for disk in environment.disks:
        yield Part(f"disks.{disk.name}", disk.place, "disk", (disk_totals(disk.settings.value),))


def environment_totals(environment: Environment) -> Totals:
    """All that an environment asks for."""
    return total(each for part in parts(environment) for each in part.each)


def _of_vm(settings: VmSettings, environment: Environment) -> Totals:
    own = vm_totals(settings.values.value, environment.platform.catalog)
    return total((own, *(disk_totals(disk.settings.value) for disk in settings.disks)))


def _counted(group: Group) -> tuple[str, Place]:
    """Where it is said how many VMs a group has."""
    for name in ("names", "count"):
        written = group.written.get(name)
        if written:
            return f"vms.{group.key}.{name}", written.place
    return f"vms.{group.key}", group.place
