"""Rules on the disks that a VM boots from: its own in their order, then the attached ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.check.disk_names import DiskIndex
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.merge.inference import has_system_disk
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.own_disks import VmSettings
from vmgen.merge.settings import Settings
from vmgen.problems import Place


@rule("no-boot-disk")
def no_boot_disk(environment: Environment) -> Iterator[Finding]:
    """A VM without a disk. The platform starts it, but it cannot boot.

    Write an `image:` (or `url:`, `clone:`, `upload: true`) for the system disk, or attach a disk.
    """
    for _, vm, path in environment.vm_settings:
        if not vm.disks and not vm.attachments and not vm.values.is_invalid("disks", "attach"):
            message = "the VM has no disk; write `image:` for its system disk, or `attach:` one"
            yield Finding(vm.values.located.place, path, message)


@rule("boot-disk-not-first")
def boot_disk_not_first(environment: Environment) -> Iterator[Finding]:
    """A blank or optical disk is listed before the disk with the system. Disks boot in the order of the list.

    List the disk with the system first: as the group's `image:`, or as the first of `disks:`. A blank first disk is valid
    if an ISO installs onto it.
    """
    for order, _, path in _find_suspect_orders(environment):
        first = order[0]
        system = next((disk for disk in order[1:] if disk.has_system), None)
        # The firmware goes on to the next disk if the first one holds nothing to boot.
        installs_from_optical = not first.is_optical and any(disk.is_optical for disk in order)
        if system and not installs_from_optical:
            kind = "an optical disk" if first.is_optical else "a blank disk"
            message = f"'{system.name}' holds a system, but the VM boots from '{first.name}', {kind}; put it first"
            yield Finding(system.place, path, message)


@rule("blank-system-disk", "warning")
def blank_system_disk(environment: Environment) -> Iterator[Finding]:
    """A VM with only blank disks: no image, no ISO to install from, and no upload.

    Write an `image:` (or `url:`, `clone:`, `upload: true`), or add an optical disk with an installer. If you installed
    the system by hand and removed the installer, add a waiver.
    """
    remedy = "write `image:`, or give it an installer (`optical: true`)"
    for order, vm, path in _find_suspect_orders(environment):
        if all(disk.is_blank and not disk.is_optical for disk in order) and not vm.values.is_invalid("disks", "attach"):
            place, cause = order[0].place, f"the first disk '{order[0].name}' is blank"
            if has_system_disk(vm.values):
                place, cause = vm.values.find_place("storage"), "the system disk is blank"
            yield Finding(place, path, f"{cause} and there is nothing to boot from; {remedy}")


@rule("iso-as-system-disk", "warning")
def iso_as_system_disk(environment: Environment) -> Iterator[Finding]:
    """An image that the catalog marks as an installer ISO, on a disk that is not optical. The VM gets the ISO as a hard
    disk, and most installers then find no medium, or overwrite themselves.

    Add a disk with `optical: true` next to a blank system disk (`storage: 20Gi`).
    """
    for disk, path, _ in environment.disk_settings:
        name = disk.get("image")
        image = environment.platform.catalog.find_image(name.text) if name else None
        if name and image and image.optical and not disk.get_plain("optical") and not disk.is_invalid("optical"):
            remedy = f"write `storage: 20Gi` and `disks: {{installer: {{image: {name.data}, optical: true}}}}` instead"
            message = f"'{name.data}' is an installer ISO and would be the hard disk itself; {remedy}"
            yield Finding(name.place, f"{path}.image", message)


@rule("optical-without-source")
def optical_without_source(environment: Environment) -> Iterator[Finding]:
    """An optical disk without a source: an empty CD-ROM that cannot be written.

    Add a `url:`, an `image:`, a `clone:` or `upload: true`.
    """
    message = "an optical disk without content; write the `url:` of its ISO, or `upload: true`"
    for disk, path, _ in environment.disk_settings:
        if disk.get_plain("optical") is True and not _has_content(disk):
            yield Finding(disk.find_place("optical"), f"{path}.optical", message)


def _find_suspect_orders(environment: Environment) -> Iterator[tuple[tuple[_BootDisk, ...], VmSettings, str]]:
    """Yield the boot order, settings and path of each VM whose first disk is blank or optical."""
    disks = DiskIndex(environment)
    for _, vm, path in environment.vm_settings:
        if vm.disks and _has_content(vm.disks[0].settings) and vm.disks[0].settings.get_plain("optical") is not True:
            continue
        order = _build_boot_order(vm, disks)
        if order and (order[0].is_optical or order[0].is_blank):
            yield order, vm, path


class _BootDisk(NamedTuple):
    """A disk in the boot order. `settings` is None if the environment has no such disk."""

    name: str
    settings: Settings | None
    place: Place

    @property
    def is_optical(self) -> bool:
        return self.settings is not None and self.settings.get_plain("optical") is True

    @property
    def is_blank(self) -> bool:
        """Return whether the disk is known to be empty."""
        return self.settings is not None and not _has_content(self.settings)

    @property
    def has_system(self) -> bool:
        """Return whether the disk is a hard disk that is made from something."""
        has_source = self.settings is not None and any(self.settings.get(name) for name in ("image", "url", "clone"))
        return has_source and not self.is_optical


def _has_content(disk: Settings) -> bool:
    return any(disk.is_set(name) for name in DISK_SOURCES)


def _build_boot_order(vm: VmSettings, disks: DiskIndex) -> tuple[_BootDisk, ...]:
    order = [_BootDisk(disk.suffix, disk.settings, disk.place) for disk in vm.disks]
    for item in vm.attachments:
        # A disk of another environment is not known here, so nothing is said about what it holds.
        name = item.get_plain("name")
        disk = disks.get(name)
        order.append(_BootDisk(name, disk.settings if disk else None, item.place))
    return tuple(order)
