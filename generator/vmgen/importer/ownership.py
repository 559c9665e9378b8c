"""Whose each disk is: the system disk of a VM, another disk of its own, or one that stands alone and is attached."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vmgen.importer.dialect import PlatformConventions
from vmgen.importer.inputs import Diagnostics, ImportNote
from vmgen.importer.translate import DiskAttachment, DiskObject, KeyPath, VmObject
from vmgen.merge.environment import SYSTEM_DISK
from vmgen.merge.layers import DISK_SOURCES
from vmgen.problems import Place, did_you_mean
from vmgen.quantities import max_size
from vmgen.read.located import to_plain

_SUFFIX_PATTERN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class VmDraft:
    """A VM with every key of a group that it needs, its own disks included; nothing is shared yet."""

    name: str
    values: Mapping[str, Any]
    places: Mapping[KeyPath, Place] = field(repr=False)


@dataclass(frozen=True, slots=True)
class StandaloneDiskDraft:
    """A disk for the environment's `disks:`; `remark` is what a reader should know about it."""

    name: str
    values: Mapping[str, Any]
    places: Mapping[KeyPath, Place] = field(repr=False)
    comment: str


def assign_disks(
    vms: Iterable[VmObject], disks: Iterable[DiskObject], dialect: PlatformConventions, findings: Diagnostics
) -> tuple[list[VmDraft], list[StandaloneDiskDraft]]:
    """The VMs with the disks that are theirs, and the disks that stand alone."""
    division = _DiskAssigner(tuple(vms), {disk.name: disk for disk in disks}, dialect, findings)
    whole = [division.build_vm(vm) for vm in division.vms]
    return whole, [
        division.build_standalone_disk(disk) for disk in division.disks.values() if disk.name not in division.owned_names
    ]


class _DiskAssigner:
    def __init__(
        self, vms: tuple[VmObject, ...], disks: Mapping[str, DiskObject], dialect: PlatformConventions, findings: Diagnostics
    ) -> None:
        self.vms = vms
        self.disks = disks
        self.conventions = dialect
        self.diagnostics = findings
        self.use_counts = Counter(attached.name for vm in vms for attached in vm.disks)
        self.owned_names: set[str] = set()

    def build_vm(self, vm: VmObject) -> VmDraft:
        """A VM with its disks. Own disks come before attached ones, so one that stands behind those is attached itself."""
        own: list[DiskObject] = []
        attached: list[DiskAttachment] = []
        buses = {}
        for each in vm.disks:
            disk = self._find_disk(each, vm)
            if disk and not attached and self._can_own(disk, vm):
                own.append(disk)
                buses[disk.name] = each.bus
            else:
                attached.append(each)
        self.owned_names |= {disk.name for disk in own}
        values = dict(vm.values)
        places: dict[KeyPath, Place] = {(): vm.manifest.place, **{(name,): place for name, place in vm.places.items()}}
        for kind in ("labels", "annotations"):
            written = {name: value.data for name, value in getattr(vm.manifest, kind).items()}
            if written:
                values[kind] = written
                places[(kind,)] = next(iter(getattr(vm.manifest, kind).values())).place
        values |= self._build_own_disk_keys(vm, own, buses, values, places)
        if attached:
            values["attach"] = [{"name": each.name, **({"bus": each.bus} if each.bus else {})} for each in attached]
            places[("attach",)] = attached[0].place
        return VmDraft(vm.name, values, places)

    def build_standalone_disk(self, disk: DiskObject) -> StandaloneDiskDraft:
        """A disk as the environment's `disks:` has it."""
        values = self._build_disk_settings(disk, "", {}, self._get_platform_defaults())
        remark = ""
        if not self.use_counts[disk.name]:
            remark = "no VM uses it"
        elif any(disk.name.startswith(f"{vm.name}-") for vm in self.vms for each in vm.disks if each.name == disk.name):
            remark = "stands behind attached disks in the boot order, so it is attached too"
        if "storage" not in disk.places:
            size = f"its size was left out, which made it {disk.values['storage']}"
            remark = f"{remark}; {size}" if remark else size
        places: dict[KeyPath, Place] = {(): disk.manifest.place, **{(name,): place for name, place in disk.places.items()}}
        return StandaloneDiskDraft(disk.name, values, places, remark)

    def _find_disk(self, attached: DiskAttachment, vm: VmObject) -> DiskObject | None:
        found = self.disks.get(attached.name)
        if found is None:
            hint = did_you_mean(attached.name, self.disks) or "; import its VMDisk together with the VM"
            message = f"the disk '{attached.name}' is not among what is imported{hint}"
            self.diagnostics.add_error(
                attached.place, "import-missing-disk", f"{vm.manifest.display_name}: spec.disks", message
            )
        return found

    def _can_own(self, disk: DiskObject, vm: VmObject) -> bool:
        suffix = disk.name.removeprefix(f"{vm.name}-")
        return suffix != disk.name and bool(_SUFFIX_PATTERN.fullmatch(suffix)) and self.use_counts[disk.name] == 1

    def _build_own_disk_keys(
        self,
        vm: VmObject,
        own: list[DiskObject],
        buses: Mapping[str, str],
        values: Mapping[str, Any],
        places: dict[KeyPath, Place],
    ) -> dict[str, Any]:
        """The keys of a VM that say what its own disks are."""
        found: dict[str, Any] = {}
        shared = self._find_disk_defaults(own)
        if own:
            found |= shared
            places.setdefault(("storageClass",), own[0].places.get("storageClass", own[0].manifest.place))
        forms = {disk.name: self._build_disk_settings(disk, buses[disk.name], values, shared) for disk in own}
        rest = own
        if own and self._is_system_disk(own[0], vm, forms[own[0].name]):
            system, rest = own[0], own[1:]
            found |= {name: value for name, value in system.values.items() if name in DISK_SOURCES}
            found["storage"] = system.values["storage"]
            for name in (*DISK_SOURCES, "storage"):
                if name in found:
                    places[(name,)] = system.places.get(name, system.manifest.place)
        suffixes = {disk.name.removeprefix(f"{vm.name}-"): disk for disk in rest}
        if rest:
            found["disks"] = {suffix: forms[disk.name] for suffix, disk in suffixes.items()}
            for suffix, disk in suffixes.items():
                places[("disks", suffix)] = disk.manifest.place
                places |= {("disks", suffix, name): place for name, place in disk.places.items()}
        for disk in own:
            self._note_inherited(disk, vm)
        return found

    def _find_disk_defaults(self, own: list[DiskObject]) -> dict[str, Any]:
        """The storage class and protection that the VM's disks start from: the system disk's, which has none of its own."""
        if not own:
            return self._get_platform_defaults()
        if own[0].name.endswith(f"-{SYSTEM_DISK}"):
            return {"storageClass": own[0].values["storageClass"], "protect": self._split_protection(own[0])[0]}
        classes = Counter(disk.values["storageClass"] for disk in own)
        protected = Counter(self._split_protection(disk)[0] for disk in own)
        return {"storageClass": classes.most_common(1)[0][0], "protect": protected.most_common(1)[0][0]}

    def _get_platform_defaults(self) -> dict[str, Any]:
        defaults = self.conventions.platform.disk_defaults
        return {name: to_plain(defaults.mapping[name]) for name in ("storageClass", "protect")}

    def _is_system_disk(self, disk: DiskObject, vm: VmObject, form: Mapping[str, Any]) -> bool:
        """A system disk has no keys of its own but its source and size."""
        return disk.name == f"{vm.name}-{SYSTEM_DISK}" and form.keys() <= {*DISK_SOURCES, "storage"}

    def _build_disk_settings(
        self, disk: DiskObject, bus: str, vm: Mapping[str, Any], above: Mapping[str, Any]
    ) -> dict[str, Any]:
        """A disk as an environment has it, without what it inherits from its VM."""
        protect, annotations = self._split_protection(disk)
        inherited = vm.get("annotations", {})
        for name, value in self.conventions.generated_annotations["protected" if protect else "unprotected"].items():
            if name in inherited:
                annotations.setdefault(name, value)
        labels = {name: value.data for name, value in disk.manifest.labels.items()}
        form = {name: value for name, value in disk.values.items() if name in DISK_SOURCES}
        if disk.values["storage"] != self._find_default_size(disk):
            form["storage"] = disk.values["storage"]
        optional = {
            "storageClass": (disk.values["storageClass"], above["storageClass"]),
            "optical": (disk.values["optical"], False),
            "bus": (bus, ""),
            "protect": (protect, above["protect"]),
            "labels": ({name: value for name, value in labels.items() if vm.get("labels", {}).get(name) != value}, {}),
            "annotations": ({name: value for name, value in annotations.items() if inherited.get(name) != value}, {}),
        }
        return form | {name: value for name, (value, default) in optional.items() if value != default}

    def _split_protection(self, disk: DiskObject) -> tuple[bool, dict[str, str]]:
        """Whether a disk is protected, and the annotations that do not follow from that."""
        found = {name: value.data for name, value in disk.manifest.annotations.items()}
        open_ = self.conventions.platform.get_section("protection")["unprotected"]
        protect = not open_ or any(found.get(name) != value for name, value in open_.items())
        generated = self.conventions.generated_annotations["protected" if protect else "unprotected"]
        return protect, {name: value for name, value in found.items() if generated.get(name) != value}

    def _find_default_size(self, disk: DiskObject) -> str | None:
        """The size that a disk made from an image of the catalog gets where none is written."""
        image = self.conventions.platform.catalog.find_image(disk.values.get("image", ""))
        return max_size(self.conventions.platform.system_disk_storage.data, image.min_storage) if image else None

    def _note_inherited(self, disk: DiskObject, vm: VmObject) -> None:
        for kind in ("labels", "annotations"):
            own = getattr(disk.manifest, kind)
            for name in getattr(vm.manifest, kind):
                if name not in own and name not in self.conventions.generated_annotations["protected"]:
                    text = "added: what a VM has, its own disks get too"
                    note = ImportNote(
                        disk.manifest.place, "normalised", disk.manifest.display_name, f"metadata.{kind}.{name}", text
                    )
                    self.diagnostics.notes.append(note)
