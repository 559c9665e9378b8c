"""Look up disks of an environment by their names, as `attach:` and `clone:` write them."""

from functools import cached_property
from typing import NamedTuple

from vmgen.merge.environment import Environment, Instance
from vmgen.merge.own_disks import split_name
from vmgen.merge.settings import Settings
from vmgen.problems import NameIndex


class NamedDisk(NamedTuple):
    """A disk of the environment; `owner` is the VM that has it attached as its own, None for a standalone or previous one."""

    name: str
    settings: Settings
    owner: Instance | None


class DiskIndex:
    """Find disks by name without building the names of all: a fleet has tens of thousands, an environment names few."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    @cached_property
    def _standalone(self) -> dict[str, NamedDisk]:
        return {disk.name: NamedDisk(disk.name, disk.settings, None) for disk in self.environment.disks}

    @cached_property
    def _instances(self) -> dict[str, Instance]:
        return {instance.name: instance for group in self.environment.groups for instance in group.instances}

    def get(self, name: str) -> NamedDisk | None:
        """Return the disk of a name, or None if the environment has none."""
        return self._standalone.get(name) or self._find_own(name)

    def suggest(self, name: str) -> str:
        """Return the end of a message about an unknown disk; empty if no name is near. Standalone disks come first."""
        standalone_names, own_names = self._suggested_names
        return standalone_names.did_you_mean(name) or own_names.did_you_mean(name)

    @cached_property
    def _suggested_names(self) -> tuple[NameIndex, NameIndex]:
        own_names = (f"{name}-{disk.suffix}" for name, instance in self._instances.items() for disk in instance.settings.disks)
        return NameIndex(self._standalone), NameIndex(own_names)

    def _find_own(self, name: str) -> NamedDisk | None:
        for vm, suffix in split_name(name):
            instance = self._instances.get(vm)
            if instance is None:
                continue
            for disk in instance.settings.disks:
                if disk.suffix == suffix:
                    return NamedDisk(name, disk.settings, instance)
            for disk in instance.previous_disks:
                if disk.suffix == suffix:
                    return NamedDisk(name, disk.settings, None)
        return None
