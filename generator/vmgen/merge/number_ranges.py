"""Split the VMs of a large group by ranges of their numbers. Each range has its own folders, and is delivered by itself.

The number of a VM decides its range, so `count`, `skip` and `instances` move no VM to another one.
"""

from functools import cache
from typing import NamedTuple

from vmgen.merge.environment import Environment, Group


class NumberRange(NamedTuple):
    """The numbers of the VMs in one folder, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        """Return the name of the folder: `501-1000`."""
        return f"{self.first}-{self.last}"


def get_shard_size(environment: Environment) -> int | None:
    """Return `delivery.shardSize`; None if it is not set, or invalid, which has been reported."""
    delivery = environment.settings.get("delivery")
    size = delivery.get_plain("shardSize") if delivery and delivery.mapping else None
    return size if isinstance(size, int) else None


def find_range_length(group: Group, shard_size: int | None) -> int:
    """Return how many numbers each range of a group has; 0 if the group is not split.

    A group is split if its VMs have numbers, and more than `shard_size` objects. The length is a round number, so that
    similar groups have equal folders.
    """
    if not (shard_size and group.instances and group.instances[0].number):
        return 0
    # Neither the disk that a rebuild keeps nor that of a single instance counts: a command of day 2 must not rename what
    # delivers the group.
    objects_per_vm = 1 + len(group.settings.disks)
    if len(group.instances) * objects_per_vm <= shard_size:
        return 0
    return _round_down(max(1, shard_size // objects_per_vm))


def find_range(number: int | None, length: int) -> NumberRange | None:
    """Return the range of a VM by its number and the length of the ranges of its group; None if the group is not split."""
    return _build_range((number - 1) // length, length) if number and length else None


@cache  # one object for all VMs of a range
def _build_range(index: int, length: int) -> NumberRange:
    return NumberRange(index * length + 1, (index + 1) * length)


def _round_down(number: int) -> int:
    """Return the next lower number of the series 1, 2, 5, 10, 20, 50 and so on."""
    power: int = 10 ** (len(str(number)) - 1)
    return next(factor * power for factor in (5, 2, 1) if factor * power <= number)
