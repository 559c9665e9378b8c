"""The disks of a VM in the order in which it tries to boot from them: its own, then the attached ones."""

from __future__ import annotations

from typing import NamedTuple

from vmgen.check.disk_names import DiskIndex
from vmgen.merge.environment import VmSettings
from vmgen.merge.settings import Settings
from vmgen.problems import Place
from vmgen.read.overlay import DISK_SOURCES

_SOURCE_KEYS = frozenset(DISK_SOURCES)


class BootDisk(NamedTuple):
    """One disk in the order. `settings` is None where the environment has no such disk."""

    label: str
    settings: Settings | None
    place: Place

    @property
    def is_optical(self) -> bool:
        """Whether it is a CD-ROM."""
        return self.settings is not None and self.settings.get_plain("optical") is True

    @property
    def is_blank(self) -> bool:
        """Whether it is known to hold nothing."""
        return self.settings is not None and not has_content(self.settings)

    @property
    def has_system(self) -> bool:
        """Whether it is made from something that can be booted, and is no CD-ROM."""
        settings = self.settings
        made = settings is not None and any(settings.get(name) for name in ("image", "url", "clone"))
        return made and not self.is_optical


def has_content(disk: Settings) -> bool:
    """Whether something is written on a disk when it is made."""
    return not _SOURCE_KEYS.isdisjoint(disk.located.mapping)


def build_boot_order(vm: VmSettings, disks: DiskIndex) -> tuple[BootDisk, ...]:
    """All disks of a VM, first to last."""
    own = [BootDisk(disk.suffix, disk.settings, disk.place) for disk in vm.disks]
    for item in vm.attachments:
        found = disks.get(item.get_plain("name"))
        own.append(BootDisk(item.get_plain("name"), found.settings if found else None, item.place))
    return tuple(own)
