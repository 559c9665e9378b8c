"""Rules on disks that are attached by name.

Rules on one disk: where its content comes from, how large it is, and on which class of storage.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from vmgen.check.disk_names import DiskIndex
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, VmSettings
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.settings import Settings
from vmgen.problems import Place
from vmgen.quantities import parse_size
from vmgen.read.located import Located


class _AttachEntry(NamedTuple):
    """One item of `attach:`, and the first VMs that have it: two are enough to know that a disk is shared."""

    name: str
    item: Located
    subject: str
    vm_names: tuple[str, ...]


@rule("unknown-disk")
def unknown_disk(environment: Environment) -> Iterator[Finding]:
    """`attach:` names a disk that this environment does not make. The chart fails until such a disk exists.

    Correct the name, or write the disk under the environment's `disks:`.
    """
    disks = DiskIndex(environment)
    for each in _iter_attach_entries(environment):
        if disks.get(each.name) is None:
            hint = disks.suggest(each.name) or "; write it under the environment's `disks:`"
            yield Finding(each.item.place, each.subject, f"no disk '{each.name}' in this environment{hint}")


@rule("disk-attached-twice")
def disk_attached_twice(environment: Environment) -> Iterator[Finding]:
    """One disk twice on one VM: two entries of `attach:`, or an entry that names the VM's own disk. KubeVirt refuses it.

    Remove one of the two; own disks need no entry.
    """
    disks = DiskIndex(environment)
    for _, vm, path in environment.vm_settings:
        seen: dict[str, Place] = {}
        for index, item in enumerate(vm.attachments):
            name = item.get_plain("name")
            found = disks.get(name)
            if name in seen:
                message = f"'{name}' is attached already, at {seen[name]}; remove one"
                yield Finding(item.place, f"{path}.attach[{index}]", message)
            elif found and found.owner and found.owner.settings is vm:
                message = f"'{name}' is a disk of {found.owner.name} itself, attached without this; remove it"
                yield Finding(item.place, f"{path}.attach[{index}]", message)
            seen.setdefault(name, item.place)


@rule("disk-shared")
def disk_shared(environment: Environment) -> Iterator[Finding]:
    """One disk on two VMs. Nothing on the platform stops them, and two file systems writing to one disk destroy it.

    Only an optical disk may be shared. Give each VM a disk of its own (`disks:` of the group), or attach it in one
    place only (`instances:`).
    """
    disks = DiskIndex(environment)
    users: dict[str, list[str]] = {}
    said: set[tuple[str, Place]] = set()
    for each in _iter_attach_entries(environment):
        found = disks.get(each.name)
        if found is None or found.settings.get_plain("optical") is True or found.settings.is_invalid("optical"):
            continue
        on = users.setdefault(each.name, [found.owner.name] if found.owner else [])
        on.extend([name for name in each.vm_names if name not in on])
        if len(on) > 1 and (each.name, each.item.place) not in said:
            said.add((each.name, each.item.place))
            message = f"'{each.name}' would be on {on[0]} and {on[-1]} at once; only an optical disk can: give each its own"
            yield Finding(each.item.place, each.subject, message)
        del on[2:]


def _iter_attach_entries(environment: Environment) -> Iterator[_AttachEntry]:
    for group in environment.groups:
        if group.settings.attachments:
            sharing = (instance.name for instance in group.instances if instance.settings is group.settings)
            yield from _iter_vm_entries(group.settings, f"vms.{group.key}", tuple(islice(sharing, 2)))
        for instance, path in group.iter_overrides():
            yield from _iter_vm_entries(instance.settings, path, (instance.name,))


def _iter_vm_entries(vm: VmSettings, path: str, vms: tuple[str, ...]) -> Iterator[_AttachEntry]:
    for index, item in enumerate(vm.attachments):
        yield _AttachEntry(item.get_plain("name"), item, f"{path}.attach[{index}]", vms)


@rule("several-sources")
def several_sources(environment: Environment) -> Iterator[Finding]:
    """Two of `image`, `url`, `clone` and `upload` for one disk. The chart fails on more than one source.

    Keep one. (A higher layer that writes one replaces what a lower layer wrote: only two in the same place are refused.)
    """
    for disk, path, _ in environment.disk_settings:
        written = [name for name in DISK_SOURCES if disk.get(name)]
        if len(written) > 1:
            message = f"{' and '.join(written)} both say what is on the disk; keep one"
            yield Finding(disk.find_place(written[1]), f"{path}.{written[1]}", message)


@rule("missing-storage")
def missing_storage(environment: Environment) -> Iterator[Finding]:
    """A disk without a size, where no image of the catalog gives a least one. The platform would make it 5Gi.

    Write `storage:`; a disk can grow later, and never shrink.
    """
    message = "no size; write `storage:`, such as 50Gi"
    for disk, path, _ in environment.disk_settings:
        if not disk.is_set("storage"):
            yield Finding(disk.located.place, f"{path}.storage", message)


@rule("storage-below-minimum")
def storage_below_minimum(environment: Environment) -> Iterator[Finding]:
    """A disk that is smaller than the image it is made from needs. The copy is refused, and the disk stays pending.

    Write at least the size that the message names, or leave `storage:` out on a system disk.
    """
    for disk, path, _ in environment.disk_settings:
        image, size = disk.get("image"), disk.get("storage")
        found = environment.platform.catalog.find_image(image.data) if image else None
        if image and size and found and parse_size(size.data) < parse_size(found.min_storage):
            message = f"{size.data} is too small for the image '{image.data}'; write {found.min_storage} or more"
            yield Finding(size.place, f"{path}.storage", message)


@rule("image-storage-class", "warning")
def image_storage_class(environment: Environment) -> Iterator[Finding]:
    """A disk from a golden image on a storage class that is not replicated. Golden images lie on a replicated class.

    A copy across classes never binds, and no error says so (cozystack/cozystack#2908). Use a replicated class for this
    disk, or fill it from a `url:`.
    """
    classes = environment.platform.catalog.storage_classes
    replicated = " or ".join(name for name, each in classes.items() if each.replicated and not each.deprecated)
    remedy = f"use {replicated or 'a replicated class'}, or `url:` as the source"
    for disk, path, _ in environment.disk_settings:
        image, written = disk.get("image"), disk.get("storageClass")
        found = classes.get(written.data) if written else None
        if image and written and found and not found.replicated:
            message = f"a copy of a golden image never binds on '{written.data}'; {remedy}"
            place = written.place if disk.is_set_by_user("storageClass") else image.place
            yield Finding(place, f"{path}.storageClass", message)


@rule("clone-unknown", "warning")
def clone_unknown(environment: Environment) -> Iterator[Finding]:
    """A copy of a disk that this environment does not have. The disk may exist in the namespace; nothing here can tell.

    Check the name. If the disk belongs to another environment of the namespace, the warning can stay.
    """
    disks = DiskIndex(environment)
    for disk, path, _ in environment.disk_settings:
        source = disk.get("clone")
        if source and disks.get(source.data) is None:
            hint = disks.suggest(source.data) or "; it must exist in the namespace"
            message = f"the disk '{source.data}' is not in this environment{hint}"
            yield Finding(source.place, f"{path}.clone", message)


@rule("clone-of-itself")
def clone_of_itself(environment: Environment) -> Iterator[Finding]:
    """A disk that is to be a copy of itself would wait for itself for ever.

    Name another disk, or another source.
    """
    disks = DiskIndex(environment)
    for disk, path, _ in environment.disk_settings:
        source = disk.get("clone")
        found = disks.get(source.data) if source else None
        if source and found and found.settings is disk:
            message = f"'{source.data}' would be a copy of itself; name another disk"
            yield Finding(source.place, f"{path}.clone", message)


@rule("clone-smaller-than-source")
def clone_smaller_than_source(environment: Environment) -> Iterator[Finding]:
    """A copy that is smaller than the disk it is made from. CDI refuses it, and the disk never appears.

    Write at least the size of the source.
    """
    disks = DiskIndex(environment)
    for disk, path, _ in environment.disk_settings:
        source, size = disk.get("clone"), disk.get_plain("storage")
        found = disks.get(source.data) if source else None
        least = found.settings.get_plain("storage") if found else None
        if source and size and least and parse_size(size) < parse_size(least):
            message = f"{size} is smaller than '{source.data}', which has {least}; write `storage: {least}` or more"
            yield Finding(_locate_size(disk, source.place), f"{path}.storage", message)


def _locate_size(disk: Settings, otherwise: Place) -> Place:
    """Where the size was written; the source's place where it followed from nothing that the user wrote."""
    return disk.find_place("storage") if disk.is_set_by_user("storage") else otherwise
