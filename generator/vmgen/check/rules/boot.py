"""The disks of a VM in the order in which it tries to boot from them: its own, then the attached ones.

Rules on what a VM boots from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.check.disk_names import DiskIndex, is_invalid
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, VmSettings
from vmgen.merge.inference import has_system_disk
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.settings import Settings
from vmgen.problems import Place

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


@rule("no-boot-disk")
def no_boot_disk(environment: Environment) -> Iterator[Finding]:
    """A VM without any disk. The platform starts it, and the firmware finds nothing to boot.

    Write an `image:` (or `url:`, `clone:`, `upload: true`) for the system disk, or attach a disk.
    """
    for _, vm, path in environment.vm_settings:
        if not vm.disks and not vm.attachments and not is_invalid(vm.values, "disks", "attach"):
            message = "the VM has no disk; write `image:` for its system disk, or `attach:` one"
            yield Finding(vm.values.located.place, path, message)


@rule("boot-disk-not-first")
def boot_disk_not_first(environment: Environment) -> Iterator[Finding]:
    """A disk that holds a system stands after a blank or optical one. The order of disks is the boot order.

    Put the disk with the system first: as the group's `image:`, or as the first of `disks:`. A blank first disk is
    right where an ISO installs onto it, and then nothing is said.
    """
    for order, _, path in _find_suspect_orders(environment):
        installs = not order[0].is_optical and any(disk.is_optical for disk in order)
        for disk in order[1:]:
            if disk.has_system and not installs:
                kind = "an optical disk" if order[0].is_optical else "a blank disk"
                message = f"'{disk.label}' holds a system, but the VM boots from '{order[0].label}', {kind}; put it first"
                yield Finding(disk.place, path, message)
                break


@rule("blank-system-disk", "warning")
def blank_system_disk(environment: Environment) -> Iterator[Finding]:
    """A VM all of whose disks are blank: no image on any of them, no ISO to install from, and no upload to wait for.

    Write an `image:` (or `url:`, `clone:`, `upload: true`), or give the VM an optical disk with an installer. Where a system
    was installed by hand and its installer is gone since, a waiver in the environment keeps this silent.
    """
    remedy = "write `image:`, or give it an installer (`optical: true`)"
    for order, vm, path in _find_suspect_orders(environment):
        if all(disk.is_blank and not disk.is_optical for disk in order) and not is_invalid(vm.values, "disks", "attach"):
            place, what = order[0].place, f"the first disk '{order[0].label}' is blank"
            if has_system_disk(vm.values):
                place, what = vm.values.find_place("storage"), "the system disk is blank"
            yield Finding(place, path, f"{what} and there is nothing to boot from; {remedy}")


@rule("iso-as-system-disk", "warning")
def iso_as_system_disk(environment: Environment) -> Iterator[Finding]:
    """An image that the catalog calls an installer ISO, on a disk that is not optical: the VM gets the ISO as a hard disk.

    Most installers then find no medium to install from, or overwrite themselves. Make it a disk with `optical: true`
    beside a blank system disk (`storage: 20Gi`).
    """
    for disk, path, _ in environment.disk_settings:
        written = disk.get("image")
        image = environment.platform.catalog.find_image(written.data) if written else None
        if written and image and image.optical and not disk.get_plain("optical") and not is_invalid(disk, "optical"):
            remedy = f"write `storage: 20Gi` and `disks: {{installer: {{image: {written.data}, optical: true}}}}` instead"
            message = f"'{written.data}' is an installer ISO and would be the hard disk itself; {remedy}"
            yield Finding(written.place, f"{path}.image", message)


@rule("optical-without-source")
def optical_without_source(environment: Environment) -> Iterator[Finding]:
    """An optical disk that is made from nothing: an empty CD-ROM that cannot be written either.

    Give it a `url:`, an `image:`, a `clone:` or `upload: true`.
    """
    message = "an optical disk without content; write the `url:` of its ISO, or `upload: true`"
    for disk, path, _ in environment.disk_settings:
        if disk.get_plain("optical") is True and not has_content(disk):
            yield Finding(disk.find_place("optical"), f"{path}.optical", message)


def _find_suspect_orders(environment: Environment) -> Iterator[tuple[tuple[BootDisk, ...], VmSettings, str]]:
    """The disks of each VM whose first disk is blank or optical; most have an image there, and are passed by."""
    disks = DiskIndex(environment)
    for _, vm, path in environment.vm_settings:
        if vm.disks and has_content(vm.disks[0].settings) and vm.disks[0].settings.get_plain("optical") is not True:
            continue
        order = build_boot_order(vm, disks)
        if order and (order[0].is_optical or order[0].is_blank):
            yield order, vm, path
