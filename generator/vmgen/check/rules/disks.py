"""Rules on disks: those attached by name, then content, size and storage class of each disk."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from vmgen.check.disk_names import DiskIndex
from vmgen.check.rule import Finding, policy, rule
from vmgen.merge.environment import Environment
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.own_disks import VmSettings
from vmgen.problems import Place
from vmgen.quantities import GIBIBYTE, MEBIBYTE, format_size, is_whole_size, parse_size
from vmgen.read.located import Located


@rule("unknown-disk")
def unknown_disk(environment: Environment) -> Iterator[Finding]:
    """`attach:` names a disk that this environment does not define. The chart fails until such a disk exists.

    Correct the name, or add the disk to the environment's `disks:`.
    """
    disks = DiskIndex(environment)
    for entry in _iter_attach_entries(environment):
        if disks.get(entry.name) is None:
            hint = disks.suggest(entry.name) or "; write it under the environment's `disks:`"
            yield Finding(entry.item.place, entry.subject, f"no disk '{entry.name}' in this environment{hint}")


@rule("disk-attached-twice")
def disk_attached_twice(environment: Environment) -> Iterator[Finding]:
    """One disk attached twice to one VM: two entries of `attach:`, or an entry that names the VM's own disk. KubeVirt
    refuses it.

    Remove one of them. A VM's own disks need no entry.
    """
    disks = DiskIndex(environment)
    for _, vm, path in environment.vm_settings:
        places: dict[str, Place] = {}
        for entry in _iter_vm_entries(vm, path, ()):
            disk = disks.get(entry.name)
            if entry.name in places:
                message = f"'{entry.name}' is attached already, at {places[entry.name]}; remove one"
                yield Finding(entry.item.place, entry.subject, message)
            elif disk and disk.owner and disk.owner.settings is vm:
                message = f"'{entry.name}' is a disk of {disk.owner.name} itself, attached without this; remove it"
                yield Finding(entry.item.place, entry.subject, message)
            places.setdefault(entry.name, entry.item.place)


@rule("disk-shared")
def disk_shared(environment: Environment) -> Iterator[Finding]:
    """One disk attached to two VMs. The platform permits it, and two file systems that write to one disk destroy it. Only
    optical disks can be shared.

    Give each VM its own disk (`disks:` of the group), or attach it to only one VM (`instances:`).
    """
    disks = DiskIndex(environment)
    vms_by_disk: dict[str, list[str]] = {}
    locations: set[tuple[str, Place]] = set()
    for entry in _iter_attach_entries(environment):
        disk = disks.get(entry.name)
        if disk is None or disk.settings.get_plain("optical") is True or disk.settings.is_invalid("optical"):
            continue
        vms = vms_by_disk.setdefault(entry.name, [disk.owner.name] if disk.owner else [])
        vms.extend([name for name in entry.vm_names if name not in vms])
        if len(vms) > 1 and (entry.name, entry.item.place) not in locations:
            locations.add((entry.name, entry.item.place))
            message = f"'{entry.name}' would be on {vms[0]} and {vms[-1]} at once; only an optical disk can: give each its own"
            yield Finding(entry.item.place, entry.subject, message)
        # Two names are enough for the message, and a fleet may attach one ISO to thousands.
        del vms[2:]


@rule("several-sources")
def several_sources(environment: Environment) -> Iterator[Finding]:
    """Two of `image`, `url`, `clone` and `upload` for one disk. The chart fails with more than one source.

    Keep one. (A source in a higher layer replaces the source of a lower layer; only two in one place are refused.)
    """
    for disk, path, _ in environment.all_disk_settings:
        sources = [name for name in (*DISK_SOURCES, "rawSource") if disk.get(name)]
        if len(sources) > 1:
            message = f"{' and '.join(sources)} are both sources of the disk; keep one"
            yield Finding(disk.find_place(sources[1]), f"{path}.{sources[1]}", message)


@rule("missing-storage")
def missing_storage(environment: Environment) -> Iterator[Finding]:
    """A disk without a size, and without an image in the catalog that implies one. The platform would create it with 5Gi.

    Write `storage:`. You can enlarge a disk later, but not shrink it.
    """
    message = "no size; write `storage:`, such as 50Gi"
    for disk, path, _ in environment.all_disk_settings:
        if not disk.is_set("storage"):
            yield Finding(disk.located.place, f"{path}.storage", message)


@policy("size-notation", "error")
def size_notation(environment: Environment) -> Iterator[Finding]:
    """A size that is not a whole number of Mi, Gi or Ti: in powers of ten (`100G`), in bytes, or with a fraction. The platform
    accepts it, but `100G` is 7 % less than `100Gi`.

    Write the size that the message names. For disks that were created with such a size, set `size-notation: off` in `policy:`,
    as `vmgen import` does.
    """
    for place, subject, size in _iter_sizes(environment):
        if not is_whole_size(size):
            subject_text = f"{size} bytes are" if str(size).isdigit() else f"{size} is"
            gibibytes = f"{parse_size(size) / GIBIBYTE:.2f}".rstrip("0").rstrip(".")
            # `100G` most likely means `100Gi`: the remedy keeps the number, in whole Mi, or rounds up to whole Gi or Mi.
            binary = parse_size(f"{size}i" if str(size)[-1] in "MGTPE" else size)
            unit = GIBIBYTE if binary % MEBIBYTE and binary >= GIBIBYTE else MEBIBYTE
            message = f"{subject_text} {gibibytes}Gi; write {format_size(-(-binary // unit) * unit)}"
            yield Finding(place, subject, f"{message}, or `size-notation: off` in `policy:` if it was created so")


def _iter_sizes(environment: Environment) -> Iterator[tuple[Place, str, str | int]]:
    """Yield the sizes of the disks, and the memory of VMs without an instance type."""
    for disk, path, _ in environment.all_disk_settings:
        size = disk.get("storage")
        if size and isinstance(size.data, str | int):
            yield size.place, f"{path}.storage", size.data
    key_path = environment.platform.get_size_path("memory")
    for _, vm, path in environment.vm_settings if key_path else ():
        memory: Located | None = vm.values.located
        for key in key_path:
            memory = memory.get(key) if memory else None
        if memory and isinstance(memory.data, str | int):
            yield memory.place, f"{path}.{'.'.join(key_path)}", memory.data


@rule("storage-below-minimum")
def storage_below_minimum(environment: Environment) -> Iterator[Finding]:
    """A disk that is smaller than its image requires. The copy is refused, and the disk stays pending.

    Set at least the size that the message names, or omit `storage:` on a system disk.
    """
    for disk, path, _ in environment.disk_settings:
        name, size = disk.get("image"), disk.get("storage")
        image = environment.platform.catalog.find_image(name.text) if name else None
        # CDI refuses a clone into a smaller volume: https://github.com/kubevirt/containerized-data-importer/issues/2362
        if name and size and image and parse_size(size.data) < parse_size(image.min_storage):
            message = f"{size.data} is too small for the image '{name.data}'; write {image.min_storage} or more"
            yield Finding(size.place, f"{path}.storage", message)


@rule("image-storage-class", "warning")
def image_storage_class(environment: Environment) -> Iterator[Finding]:
    """A disk from a golden image on a storage class that is not replicated. Golden images are on a replicated class, and a
    copy across classes never binds, without an error message (cozystack/cozystack#2908).

    Use a replicated class for this disk, or a `url:` as its source.
    """
    classes = environment.platform.catalog.storage_classes
    replicated = " or ".join(entry.name for entry in classes.values() if entry.replicated and not entry.deprecated)
    remedy = f"use {replicated or 'a replicated class'}, or `url:` as the source"
    for disk, path, _ in environment.disk_settings:
        image, name = disk.get("image"), disk.get("storageClass")
        storage_class = classes.get(name.text) if name else None
        if image and name and storage_class and not storage_class.replicated:
            message = f"a copy of a golden image never binds on '{name.data}'; {remedy}"
            place = name.place if disk.is_set_by_user("storageClass") else image.place
            yield Finding(place, f"{path}.storageClass", message)


@rule("clone-unknown", "warning")
def clone_unknown(environment: Environment) -> Iterator[Finding]:
    """A clone of a disk that this environment does not define. vmgen cannot check whether the disk exists in the namespace.

    Check the name. If the disk belongs to another environment of the namespace, ignore the warning.
    """
    disks = DiskIndex(environment)
    for disk, path, _ in environment.disk_settings:
        name = disk.get("clone")
        if name and disks.get(name.text) is None:
            hint = disks.suggest(name.text) or "; it must exist in the namespace"
            yield Finding(name.place, f"{path}.clone", f"the disk '{name.data}' is not in this environment{hint}")


@rule("clone-of-itself")
def clone_of_itself(environment: Environment) -> Iterator[Finding]:
    """A disk that clones itself would wait forever.

    Name another disk, or another source.
    """
    disks = DiskIndex(environment)
    for disk, path, _ in environment.disk_settings:
        name = disk.get("clone")
        source = disks.get(name.text) if name else None
        if name and source and source.settings is disk:
            message = f"'{name.data}' would be a copy of itself; name another disk"
            yield Finding(name.place, f"{path}.clone", message)


@policy("clone-storage-class", "error")
def clone_storage_class(environment: Environment) -> Iterator[Finding]:
    """A clone with another storage class than its source. Such a clone never binds, without an error message. The platform
    clones by snapshot, which works only within a class (cozystack/cozystack#2908).

    Use the class of the source. For a live disk that was copied nevertheless, set `clone-storage-class: warning` in `policy:`,
    as `vmgen import` does.
    """
    disks = DiskIndex(environment)
    for disk, path, _ in environment.disk_settings:
        name, storage_class = disk.get("clone"), disk.get("storageClass")
        source = disks.get(name.text) if name else None
        source_class = source.settings.get_plain("storageClass") if source else None
        # An empty class is the default one of the cluster, which may be that of the source.
        if name and storage_class and storage_class.data and source_class and storage_class.data != source_class:
            message = (
                f"a copy of '{name.data}', which is on '{source_class}', never binds on '{storage_class.data}'; use its class"
            )
            message += ", or `clone-storage-class: warning` in `policy:` if the disk is live"
            place = storage_class.place if disk.is_set_by_user("storageClass") else name.place
            yield Finding(place, f"{path}.storageClass", message)


@rule("clone-smaller-than-source")
def clone_smaller_than_source(environment: Environment) -> Iterator[Finding]:
    """A clone that is smaller than its source. CDI refuses it, and the disk is never created.

    Set at least the size of the source.
    """
    disks = DiskIndex(environment)
    for disk, path, _ in environment.disk_settings:
        name, size = disk.get("clone"), disk.get_plain("storage")
        source = disks.get(name.text) if name else None
        least = source.settings.get_plain("storage") if source else None
        # https://github.com/kubevirt/containerized-data-importer/issues/2362
        if name and size and least and parse_size(size) < parse_size(least):
            message = f"{size} is smaller than '{name.data}', which has {least}; write `storage: {least}` or more"
            place = disk.find_place("storage") if disk.is_set_by_user("storage") else name.place
            yield Finding(place, f"{path}.storage", message)


class _AttachEntry(NamedTuple):
    """An item of `attach:` and the first VMs that have it: two are enough to know that a disk is shared."""

    name: str
    item: Located
    subject: str
    vm_names: tuple[str, ...]


def _iter_attach_entries(environment: Environment) -> Iterator[_AttachEntry]:
    for group in environment.groups:
        if group.settings.attachments:
            sharing = (instance.name for instance in group.instances if instance.settings is group.settings)
            yield from _iter_vm_entries(group.settings, f"vms.{group.key}", tuple(islice(sharing, 2)))
        for instance, path in group.iter_overrides():
            yield from _iter_vm_entries(instance.settings, path, (instance.name,))


def _iter_vm_entries(vm: VmSettings, path: str, vms: tuple[str, ...]) -> Iterator[_AttachEntry]:
    for index, item in vm.values.enumerate_items("attach"):
        yield _AttachEntry(item.get_plain("name"), item, f"{path}.attach[{index}]", vms)
