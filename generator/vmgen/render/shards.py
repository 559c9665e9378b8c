"""What of an environment is delivered as one: all of it, or, where it is large, each group by itself."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from vmgen.expand.model import Fleet

STANDALONE_SUFFIX = "standalone"


class Shard(NamedTuple):
    """A part of an environment. `group` is empty for the whole, and for the standalone disks, which then are `apart`.

    `needs` are the names of the other shards that hold disks which VMs of this one attach.
    """

    name: str
    group: str = ""
    standalone_disks: bool = False
    disks: tuple[str, ...] = ()
    has_machines: bool = False
    depends_on: tuple[str, ...] = ()


def split_into_shards(fleet: Fleet, name: str, most: int | None) -> tuple[Shard, ...]:
    """The shards of a fleet: one named as the whole, unless there are more than `most` objects."""
    if not fleet.resources:
        return ()
    if most is None or len(fleet.resources) <= most:
        return (Shard(name, disks=tuple(disk.name for disk in fleet.disks), has_machines=bool(fleet.machines)),)
    disks: dict[str, list[str]] = defaultdict(list)
    home: dict[str, str] = {}
    for disk in fleet.disks:
        disks[disk.group].append(disk.name)
        home[disk.name] = disk.group
    needs: dict[str, set[str]] = defaultdict(set)
    for machine in fleet.machines:
        needs[machine.group] |= {home[each.name] for each in machine.disks if each.name in home} - {machine.group}
    found = [Shard(f"{name}-{STANDALONE_SUFFIX}", standalone_disks=True, disks=tuple(disks[""]))] if disks.get("") else []
    with_machines = {machine.group for machine in fleet.machines}
    for group in dict.fromkeys((*(disk.group for disk in fleet.disks if disk.group), *sorted(with_machines))):
        others = tuple(f"{name}-{other or STANDALONE_SUFFIX}" for other in sorted(needs[group]))
        found.append(Shard(f"{name}-{group}", group, False, tuple(disks[group]), group in with_machines, others))
    return tuple(found)
