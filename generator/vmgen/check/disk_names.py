"""What the schema refused: rules keep quiet about it, for it has been reported.

Which disk a name means: a standalone disk of the environment, or an own disk of one of its VMs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from vmgen.merge.environment import Environment, Instance
from vmgen.merge.settings import Settings
from vmgen.problems import did_you_mean
from vmgen.read.located import INVALID, Located, walk


def is_invalid(settings: Settings, *names: str) -> bool:
    """Whether something was refused in one of these keys, so that nobody can say what was meant."""
    mapping = settings.located.mapping
    return any(contains_invalid(mapping[name]) for name in names if name in mapping)


def contains_invalid(value: Located) -> bool:
    """Whether the value, or something in it, was refused."""
    return any(item.data is INVALID for _, item in walk(value))


_MAX_SUGGESTIONS = 2000


class NamedDisk(NamedTuple):
    """A disk that exists in the environment; `owner` is None for a standalone one."""

    name: str
    settings: Settings
    owner: Instance | None


class DiskIndex:
    """Finds disks without writing out the names of all: a fleet has tens of thousands, an environment asks for few."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    @cached_property
    def _standalone(self) -> dict[str, NamedDisk]:
        return {disk.name: NamedDisk(disk.name, disk.settings, None) for disk in self.environment.disks}

    @cached_property
    def _instances(self) -> dict[str, Instance]:
        return {instance.name: instance for group in self.environment.groups for instance in group.instances}

    def get(self, name: str) -> NamedDisk | None:
        """The disk of a name, or None where the environment has none."""
        return self._standalone.get(name) or self._find_own(name)

    def _find_own(self, name: str) -> NamedDisk | None:
        """Any dash may be the one between the VM's name and the disk's suffix."""
        for position, character in enumerate(name):
            instance = self._instances.get(name[:position]) if character == "-" else None
            for disk in instance.settings.disks if instance else ():
                if disk.suffix == name[position + 1 :]:
                    return NamedDisk(name, disk.settings, instance)
        return None

    def suggest(self, name: str) -> str:
        """The end of a message on an unknown disk: standalone ones first, since those are made to be attached."""
        return did_you_mean(name, self._standalone) or did_you_mean(name, self._sample_names())

    def _sample_names(self) -> Iterable[str]:
        found: list[str] = []
        for instance in self._instances.values():
            if len(found) >= _MAX_SUGGESTIONS:
                break
            found.extend(f"{instance.name}-{disk.suffix}" for disk in instance.settings.disks)
        return found
