"""What each part of a merged environment asks for, in the order in which it stands there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.check.totals import Totals, compute_disk_totals, compute_vm_totals, sum_totals
from vmgen.merge.environment import Environment, Group, VmSettings
from vmgen.problems import Place


class ResourceRequest(NamedTuple):
    """A group, or a standalone disk: the line that says how many there are, and what each one asks for, disks included."""

    subject: str
    place: Place
    noun: str
    unit_totals: tuple[Totals, ...]


def collect_requests(environment: Environment) -> Iterator[ResourceRequest]:
    """The groups in their order, then the standalone disks."""
    for group in environment.groups:
        asked: dict[int, Totals] = {}
        for instance in group.instances:
            if id(instance.settings) not in asked:
                asked[id(instance.settings)] = _compute_totals_with_disks(instance.settings, environment)
        subject, place = _locate_count(group)
        yield ResourceRequest(subject, place, "VM", tuple(asked[id(instance.settings)] for instance in group.instances))
    for disk in environment.disks:
        yield ResourceRequest(f"disks.{disk.name}", disk.place, "disk", (compute_disk_totals(disk.settings.get_plain),))


def compute_environment_totals(environment: Environment) -> Totals:
    """All that an environment asks for."""
    return sum_totals(each for part in collect_requests(environment) for each in part.unit_totals)


def _compute_totals_with_disks(settings: VmSettings, environment: Environment) -> Totals:
    own = compute_vm_totals(settings.values.get_plain, environment.platform.catalog)
    return sum_totals((own, *(compute_disk_totals(disk.settings.get_plain) for disk in settings.disks)))


def _locate_count(group: Group) -> tuple[str, Place]:
    """Where it is said how many VMs a group has."""
    for name in ("names", "count"):
        written = group.located.get(name)
        if written:
            return f"vms.{group.key}.{name}", written.place
    return f"vms.{group.key}", group.place
