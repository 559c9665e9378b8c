"""Decide for each disk: the system disk of a VM, another disk of its own, or a standalone disk that is attached."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from vmgen.check.guards import GUARDS
from vmgen.cloud_init.vm_values import is_substituted
from vmgen.importer.alike import LazyMapping
from vmgen.importer.conventions import PlatformConventions
from vmgen.importer.manifests import Diagnostics, ImportNote, SourceManifest
from vmgen.importer.translate import DiskAttachment, DiskObject, VmObject, has_name
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.own_disks import SYSTEM_DISK, list_generations
from vmgen.problems import NameIndex, Place
from vmgen.quantities import max_size
from vmgen.read.located import KeyPath, Located, to_plain
from vmgen.rules import IMPORT_MISSING_DISK, IMPORT_PROOF

_SUFFIX_PATTERN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_METADATA_KEYS = ("labels", "annotations")
# Keys of a system disk that are keys of its VM.
_SYSTEM_KEYS = frozenset((*DISK_SOURCES, "storage"))


class VmDraft(NamedTuple):
    """A VM with all the keys of a group that it needs, its own disks included; nothing is shared with other VMs yet.

    `places` has the places in the manifests by the paths of the keys; `()` is the VM itself.
    """

    name: str
    values: Mapping[str, Any]
    places: Mapping[KeyPath, Place]
    system: int = 1
    previous: Mapping[tuple[str, int], Mapping[str, Any]] = {}


class StandaloneDiskDraft(NamedTuple):
    """A disk for the environment's `disks:`. `comment` is for the readers of the file; empty if there is none."""

    name: str
    values: Mapping[str, Any]
    places: Mapping[KeyPath, Place]
    comment: str


class _OwnDisk(NamedTuple):
    """A disk that its VM makes, with the generation in its name and the bus by which the VM has it."""

    disk: DiskObject
    generation: int
    bus: str


def assign_disks(
    vms: Iterable[VmObject], disks: Iterable[DiskObject], conventions: PlatformConventions, diagnostics: Diagnostics
) -> tuple[list[VmDraft], list[StandaloneDiskDraft]]:
    """Return the VMs with their own disks, and the disks that stand alone."""
    assigner = _DiskAssigner(tuple(vms), {disk.name: disk for disk in disks}, conventions, diagnostics)
    vm_drafts = [assigner.build_vm(vm) for vm in assigner.vms]
    for disk in assigner.disks.values():
        assigner.note_replaced_guards(disk)
    standalone = [disk for disk in assigner.disks.values() if disk.name not in assigner.owned_names]
    return vm_drafts, [assigner.build_standalone_disk(disk) for disk in standalone]


class _DiskAssigner:
    def __init__(
        self,
        vms: tuple[VmObject, ...],
        disks: Mapping[str, DiskObject],
        conventions: PlatformConventions,
        diagnostics: Diagnostics,
    ) -> None:
        self.vms = vms
        self.disks = disks
        self.conventions = conventions
        self.diagnostics = diagnostics
        self.owned_names: set[str] = set()
        self._has_named_metadata: dict[int, bool] = {}
        self._metadata: dict[int, Mapping[str, Mapping[str, str]]] = {}
        self._written_metadata: dict[int, Mapping[str, Mapping[str, str]]] = {}
        self._substitution_annotations: Mapping[str, str] = conventions.platform.content.get_plain("unsubstituted") or {}
        self._protections: dict[int, tuple[bool, Mapping[str, str]]] = {}
        self._disk_settings: dict[tuple[object, ...], dict[str, Any]] = {}
        self._own_disk_keys: dict[tuple[object, ...], dict[str, Any]] = {}
        self._attach_lists: dict[tuple[tuple[str, str], ...], list[dict[str, str]]] = {}
        self._bus_name = conventions.platform.roles.disk_bus
        self._generations: dict[str, tuple[tuple[str, int], ...]] = {}
        self._disk_names = NameIndex(disks)
        self._users: dict[str, list[str]] = {name: [] for name in disks}
        for vm in vms:
            for attachment in vm.disks:
                self._users.setdefault(attachment.name, []).append(vm.name)
        self._free_disks: dict[str, dict[int, DiskObject]] = defaultdict(dict)
        for disk in disks.values():
            for name, generation in list_generations(disk.name) if not self._users[disk.name] else ():
                self._free_disks[name][generation] = disk
        defaults = conventions.platform.disk_defaults.mapping
        self._disk_defaults = to_plain(conventions.platform.disk_defaults)
        self._platform_defaults = {name: to_plain(defaults[name]) for name in ("storageClass", "protect")}

    def build_vm(self, vm: VmObject) -> VmDraft:
        """Return a VM with its own disks. These come before attached ones, so a disk behind an attached one is attached."""
        own_disks: dict[str, _OwnDisk] = {}
        attachments: list[DiskAttachment] = []
        for attachment in vm.disks:
            disk = self._find_disk(attachment, vm)
            # The order of disks is the boot order, and vmgen writes own disks first: one behind an attached disk would move.
            own_key = self._find_own_key(disk, vm, is_first=not own_disks) if disk and not attachments else None
            if disk and own_key and own_key[0] not in own_disks:
                own_disks[own_key[0]] = _OwnDisk(disk, own_key[1], attachment.bus)
            else:
                attachments.append(attachment)
        values = dict(vm.values)
        vm_metadata = self._get_vm_metadata(vm, [own.disk for own in own_disks.values()])
        metadata = {key: entries for key, entries in vm_metadata.items() if entries}
        values |= metadata
        if own_disks:
            values |= self._share_own_disk_keys(own_disks, values)
            self.owned_names.update(own.disk.name for own in own_disks.values())
            for own in own_disks.values() if metadata else ():
                self._note_inherited(own.disk, vm_metadata)
        self._explain_optical_buses(vm)
        if attachments:
            items = tuple((item.name, item.bus) for item in attachments)
            if items not in self._attach_lists:
                self._attach_lists[items] = [{"name": name, **({self._bus_name: bus} if bus else {})} for name, bus in items]
            values["attach"] = self._attach_lists[items]
        places = LazyMapping(partial(_locate_keys, vm, own_disks, values, attachments))
        is_system = SYSTEM_DISK in own_disks and SYSTEM_DISK not in values.get("disks", {})
        generation = own_disks[SYSTEM_DISK].generation if is_system else 1
        return VmDraft(vm.name, values, places, generation, self._build_previous(vm, own_disks))

    def build_standalone_disk(self, disk: DiskObject) -> StandaloneDiskDraft:
        """Return a disk as the environment's `disks:` has it."""
        comments = []
        if not self._users[disk.name]:
            comments.append("no VM uses it")
        elif any(disk.name.startswith(f"{user}-") for user in self._users[disk.name]):
            comments.append("is behind attached disks in the boot order, so it is attached too")
        if "storage" not in disk.places:
            comments.append(f"its size was omitted, so it has {disk.values['storage']}")
        places: dict[KeyPath, Place] = {(): disk.manifest.place, **{(name,): place for name, place in disk.places.items()}}
        settings = self._build_disk_settings(disk, "", {}, self._platform_defaults)
        return StandaloneDiskDraft(disk.name, settings, places, "; ".join(comments))

    def _find_disk(self, attachment: DiskAttachment, vm: VmObject) -> DiskObject | None:
        disk = self.disks.get(attachment.name)
        if disk is None:
            hint = self._disk_names.did_you_mean(attachment.name) or "; import its VMDisk together with the VM"
            message = f"the disk '{attachment.name}' is not imported{hint}"
            subject = f"{vm.manifest.display_name}: spec.disks"
            self.diagnostics.add_error(attachment.place, IMPORT_MISSING_DISK.id, subject, message)
        return disk

    def _explain_optical_buses(self, vm: VmObject) -> None:
        """Note that optical disks without a bus are rendered with the one that the platform gives them, or refuse them."""
        row = self.conventions.platform.content.mapping["diskFields"].get(self._bus_name)
        bus = row.get_plain("optical", "") if row else ""
        disks = [
            item for item in vm.disks if not item.bus and item.name in self.disks and self.disks[item.name].values["optical"]
        ]
        entries = vm.manifest.spec.get("disks")
        # The templates of a platform may write the bus under another name than environments: then the proof decides.
        has_bus = entries and any(value.data == bus for item in entries.items for value in item.mapping.values())
        if row is None or not bus or not disks or has_bus:
            return
        label, text = vm.manifest.display_name, f"`{self._bus_name}: {bus}`"
        if bus == row.get_plain("opticalUnset"):
            names = {item.name for item in disks}
            rows = [
                {"name": name, **({self._bus_name: bus if name in names else own} if own or name in names else {})}
                for name, own, _ in vm.disks
            ]
            note = f"{text} is written on an optical disk without a {self._bus_name}, which has it anyway"
            self.diagnostics.notes.append(ImportNote(disks[0].place, "normalised", label, "spec.disks", note, {"disks": rows}))
            return
        for item in disks:
            message = (
                f"the optical disk '{item.name}' has no bus, and would have {text}; write {text} beside its name to accept that"
            )
            self.diagnostics.add_error(item.place, IMPORT_PROOF.id, f"{label}: spec.disks", message)

    def _find_own_key(self, disk: DiskObject, vm: VmObject, *, is_first: bool) -> tuple[str, int] | None:
        """Return the key and the generation of a disk that the VM can own; None if it cannot.

        `system-2` is a generation of the system disk, and `data-2` one of `data` if the disk before it is there, detached.
        """
        suffix = disk.name.removeprefix(f"{vm.name}-")
        # A disk that several VMs use belongs to none of them.
        if suffix == disk.name or len(self._users[disk.name]) != 1:
            return None
        if suffix not in self._generations:
            self._generations[suffix] = tuple(list_generations(suffix)) if _SUFFIX_PATTERN.fullmatch(suffix) else ()
        for key, generation in self._generations[suffix]:
            if generation > 1 and key == SYSTEM_DISK:
                return (key, generation) if is_first else None
            if generation > 1 and any(number < generation for number in self._free_disks.get(f"{vm.name}-{key}", {})):
                return key, generation
        return (suffix, 1) if self._generations[suffix] else None

    def _build_previous(self, vm: VmObject, own_disks: Mapping[str, _OwnDisk]) -> dict[tuple[str, int], dict[str, Any]]:
        """Return the keys of the detached disks that are other generations of the VM's own, by key and generation."""
        previous = {}
        for key, own in own_disks.items():
            for generation, disk in self._free_disks.get(f"{vm.name}-{key}", {}).items():
                # A higher number of a data disk may be a disk of its own, such as `data-2` beside `data`.
                if generation < own.generation or (key == SYSTEM_DISK and generation != own.generation):
                    self.owned_names.add(disk.name)
                    previous[key, generation] = self._build_disk_settings(disk, "", {}, self._platform_defaults)
        return previous

    def _share_own_disk_keys(self, own_disks: Mapping[str, _OwnDisk], vm_values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys of a VM that describe its own disks; one mapping for VMs that differ in names only, disks too."""
        shape: tuple[object, ...] = tuple(id(vm_values.get(key)) for key in _METADATA_KEYS)
        for suffix, (disk, generation, bus) in own_disks.items():
            shape += (suffix, generation, bus, id(disk.values), id(self._get_metadata(disk.manifest)))
        if shape not in self._own_disk_keys:
            self._own_disk_keys[shape] = self._build_own_disk_keys(own_disks, vm_values)
        return self._own_disk_keys[shape]

    def _build_own_disk_keys(self, own_disks: Mapping[str, _OwnDisk], vm_values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys of a VM for its own disks (by suffix)."""
        disks = dict(own_disks)
        defaults = self._find_disk_defaults(own_disks)
        keys = dict(defaults)
        settings = {
            suffix: self._build_disk_settings(disk, bus, vm_values, defaults) for suffix, (disk, _, bus) in disks.items()
        }
        # A system disk has no keys but its source and size, and those are keys of the VM.
        if next(iter(disks)) == SYSTEM_DISK and settings[SYSTEM_DISK].keys() <= _SYSTEM_KEYS:
            system = disks.pop(SYSTEM_DISK).disk
            keys |= {name: value for name, value in system.values.items() if name in _SYSTEM_KEYS}
        if disks:
            keys["disks"] = {
                key: settings[key] | ({"generation": own.generation} if own.generation > 1 else {})
                for key, own in disks.items()
            }
        return keys

    def _find_disk_defaults(self, own_disks: Mapping[str, _OwnDisk]) -> dict[str, Any]:
        """Return the storage class and protection of the VM: those of the system disk, which has none of its own."""
        # `storageClass` and `protect` of a VM are those of its system disk; each further disk can have its own.
        disks = [own.disk for own in own_disks.values()]
        deciding = disks[:1] if next(iter(own_disks)) == SYSTEM_DISK else disks
        classes = Counter(disk.values["storageClass"] for disk in deciding)
        protections = Counter(self._split_protection(disk)[0] for disk in deciding)
        return {"storageClass": classes.most_common(1)[0][0], "protect": protections.most_common(1)[0][0]}

    def _build_disk_settings(
        self, disk: DiskObject, bus: str, vm_values: Mapping[str, Any], defaults: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the keys of a disk in an environment, without those that it inherits from its VM.

        Disks that differ in their names only, of VMs that do too, have one mapping.
        """
        parent_metadata = [vm_values.get(key, {}) for key in _METADATA_KEYS]
        own = (id(disk.values), id(self._get_metadata(disk.manifest)), bus)
        key = (*own, repr(parent_metadata), defaults["storageClass"], defaults["protect"])
        if key not in self._disk_settings:
            self._disk_settings[key] = self._compute_disk_settings(disk, bus, parent_metadata, defaults)
        return self._disk_settings[key]

    def _compute_disk_settings(
        self, disk: DiskObject, bus: str, parent_metadata: Sequence[Mapping[str, str]], defaults: Mapping[str, Any]
    ) -> dict[str, Any]:
        protect, own_annotations = self._split_protection(disk)
        annotations, labels = dict(own_annotations), self._get_metadata(disk.manifest)["labels"]
        inherited_labels, inherited_annotations = parent_metadata
        for name, value in self._get_generated_annotations(protect).items():
            if name in inherited_annotations:
                annotations.setdefault(name, value)
        settings = {name: value for name, value in disk.values.items() if name in DISK_SOURCES}
        image = self.conventions.platform.catalog.find_image(disk.values.get("image", ""))
        # Only the disk of an image of the catalog has a size if none is written.
        default_size = max_size(self.conventions.platform.system_disk_storage.text, image.min_storage) if image else None
        if disk.values["storage"] != default_size:
            settings["storage"] = disk.values["storage"]
        optional_settings = {
            "storageClass": (disk.values["storageClass"], defaults["storageClass"]),
            "optical": (disk.values["optical"], False),
            self._bus_name: (bus, ""),
            "protect": (protect, defaults["protect"]),
            "labels": ({name: value for name, value in labels.items() if inherited_labels.get(name) != value}, {}),
            "annotations": (
                {name: value for name, value in annotations.items() if inherited_annotations.get(name) != value},
                {},
            ),
        }
        names = (*DISK_SOURCES, "storage", *optional_settings)
        own = {name: (value, self._disk_defaults.get(name)) for name, value in disk.values.items() if name not in names}
        optional_settings |= own
        return settings | {name: value for name, (value, default) in optional_settings.items() if value != default}

    def _get_metadata(self, manifest: SourceManifest) -> Mapping[str, Mapping[str, str]]:
        """Return the plain labels and annotations; one mapping for manifests that differ in names that are not in these."""
        nameless = manifest.nameless
        if nameless and id(nameless) not in self._has_named_metadata:
            sections = (nameless.labels, nameless.annotations)
            self._has_named_metadata[id(nameless)] = any(has_name(Located(dict(each), nameless.place)) for each in sections)
        source = manifest if nameless is None or self._has_named_metadata[id(nameless)] else nameless
        if id(source) not in self._metadata:
            self._metadata[id(source)] = {
                key: {name: to_plain(value) for name, value in getattr(source, key).items()} for key in _METADATA_KEYS
            }
        return self._metadata[id(source)]

    def _get_vm_metadata(self, vm: VmObject, own_disks: Iterable[DiskObject]) -> Mapping[str, Mapping[str, str]]:
        """Return the labels and annotations of a VM without those that its user data implies.

        A disk would get a written one from its VM, so one that the disks have too is written.
        """
        metadata = self._get_metadata(vm.manifest)
        annotations, defaults = metadata["annotations"], self._substitution_annotations
        if (
            not is_substituted(str(vm.values.get("cloudInit", "")))
            or not defaults.items() <= annotations.items()
            or defaults.keys() & metadata["labels"].keys()
            or any(defaults.keys() & self._get_metadata(disk.manifest)["annotations"].keys() for disk in own_disks)
        ):
            return metadata
        if id(metadata) not in self._written_metadata:
            rest = {name: value for name, value in annotations.items() if name not in defaults}
            self._written_metadata[id(metadata)] = {**metadata, "annotations": rest}
        return self._written_metadata[id(metadata)]

    def _split_protection(self, disk: DiskObject) -> tuple[bool, Mapping[str, str]]:
        """Return whether a disk is protected, and the annotations that do not follow from that."""
        annotations = self._get_metadata(disk.manifest)["annotations"]
        if id(annotations) not in self._protections:
            protect = not self._is_marked_unprotected(annotations) and not _list_replaced_guards(annotations)
            generated_annotations = self._get_generated_annotations(protect)
            own = {name: value for name, value in annotations.items() if generated_annotations.get(name) != value}
            self._protections[id(annotations)] = protect, own
        return self._protections[id(annotations)]

    def _is_marked_unprotected(self, annotations: Mapping[str, str]) -> bool:
        # A platform that marks unprotected disks by an annotation has them protected where it is missing.
        marks = self.conventions.platform.get_section("protection")["unprotected"]
        return bool(marks) and all(annotations.get(name) == value for name, value in marks.items())

    def note_replaced_guards(self, disk: DiskObject) -> None:
        """Note the annotations that replace the protection of a disk, and so leave it with `protect: false`."""
        annotations = self._get_metadata(disk.manifest)["annotations"]
        if self._split_protection(disk)[0] or self._is_marked_unprotected(annotations):
            return
        for key in _list_replaced_guards(annotations):
            text = (
                f"replaces the protection '{','.join(guard.spelling for guard in GUARDS if guard.key == key)}', so the disk is "
                "imported with `protect: false`; to protect it, remove `protect: false` and this annotation in the environment"
            )
            field = f"metadata.annotations.{key}"
            place = disk.manifest.annotations[key].key_place or disk.manifest.place
            self.diagnostics.notes.append(ImportNote(place, "normalised", disk.manifest.display_name, field, text))

    def _get_generated_annotations(self, protect: bool) -> Mapping[str, str]:
        return self.conventions.generated_annotations["protected" if protect else "unprotected"]

    def _note_inherited(self, disk: DiskObject, vm_metadata: Mapping[str, Mapping[str, str]]) -> None:
        """Note the labels and annotations that a disk gets because its VM has them."""
        protection = self._get_generated_annotations(protect=True)
        disk_metadata = self._get_metadata(disk.manifest)
        for key in _METADATA_KEYS:
            for name in vm_metadata[key]:
                if name not in disk_metadata[key] and name not in protection:
                    field, text = f"metadata.{key}.{name}", "label copied from the VM to its disks"
                    note = ImportNote(disk.manifest.place, "normalised", disk.manifest.display_name, field, text)
                    self.diagnostics.notes.append(note)


def _list_replaced_guards(annotations: Mapping[str, str]) -> list[str]:
    """Return the annotations of a disk that `protect: true` refuses, such as `Prune=false` without `Delete=`."""
    keys = dict.fromkeys(guard.key for guard in GUARDS if guard.key in annotations)
    return [key for key in keys if not all(guard.is_met(annotations[key]) for guard in GUARDS if guard.key == key)]


def _locate_keys(
    vm: VmObject, own_disks: Mapping[str, _OwnDisk], values: Mapping[str, Any], attachments: Sequence[DiskAttachment]
) -> dict[KeyPath, Place]:
    """Return the places of the keys of a VM, by their paths."""
    places: dict[KeyPath, Place] = {(): vm.manifest.place, **{(name,): place for name, place in vm.places.items()}}
    for key in _METADATA_KEYS:
        metadata = getattr(vm.manifest, key)
        if metadata:
            places[(key,)] = next(iter(metadata.values())).place
    for suffix, (disk, _, _) in own_disks.items():
        places.setdefault(("storageClass",), disk.places.get("storageClass", disk.manifest.place))
        if suffix in values.get("disks", {}):
            places[("disks", suffix)] = disk.manifest.place
            places |= {("disks", suffix, name): place for name, place in disk.places.items()}
        else:
            own_places = disk.places
            places |= {(name,): own_places.get(name, disk.manifest.place) for name in _SYSTEM_KEYS & values.keys()}
    if attachments:
        places[("attach",)] = attachments[0].place
    return places
