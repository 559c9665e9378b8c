"""The disks that each VM of a group has of its own: its system disk, its further disks, and earlier generations of both.

A disk is filled once, when it is made. Another source or storage class is another disk, of the next generation, beside it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.merge.inference import has_system_disk, infer_disk, infer_vm
from vmgen.merge.layers import DISK_SOURCES, merge
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings
from vmgen.problems import Place
from vmgen.read.located import Located

SYSTEM_DISK = "system"
# A key of `previous:`.
GENERATION = re.compile(r"[1-9][0-9]{0,3}")
_SUFFIX = r"(?P<key>.+?)-(?P<generation>[1-9][0-9]{0,3})"


class OwnDisk(NamedTuple):
    """A disk that each VM of a group gets: `<vm>-<suffix>`. `key` is its suffix without the generation, `data` of `data-2`."""

    suffix: str
    settings: Settings
    place: Place
    key: str
    generation: int = 1


class PreviousDisk(NamedTuple):
    """Another generation of an own disk, attached to no VM. `of` has the VMs that have one, by number or name.

    `labels` are these as texts. `path` is its key path below that of its VM: `previous.1`, or `disks.data.previous.1`.
    """

    disk: OwnDisk
    of: tuple[Located, ...]
    labels: frozenset[str]
    path: str


class VmSettings(NamedTuple):
    """The settings of a VM; instances without overrides share one object."""

    values: Settings
    disks: tuple[OwnDisk, ...]
    attachments: tuple[Located, ...]
    previous: tuple[PreviousDisk, ...] = ()

    @property
    def system_disk(self) -> OwnDisk | None:
        """The system disk that the VM has from a source of its own; None if it boots from a disk of `disks:` or `attach:`."""
        return self.disks[0] if has_system_disk(self.values) else None


def format_suffix(key: str, generation: int) -> str:
    """Return what the name of a disk has behind that of its VM: `system` for the first generation, then `system-2`."""
    return key if generation == 1 else f"{key}-{generation}"


def split_name(name: str) -> Iterator[tuple[str, str]]:
    """Yield each name of a VM and each suffix that may make the name of a disk, the shortest name of a VM first."""
    # Both may contain dashes, so each dash may be the one between them.
    return ((name[:end], name[end + 1 :]) for end, character in enumerate(name) if character == "-")


def list_generations(suffix: str) -> Iterator[tuple[str, int]]:
    """Yield the keys and generations that make a suffix: `data-2` is the first of `data-2`, or the second of `data`."""
    yield suffix, 1
    match = re.fullmatch(_SUFFIX, suffix)
    # The first generation has no number in its name.
    if match and match["generation"] != "1":
        yield match["key"], int(match["generation"])


def index_generations(names: Iterable[str]) -> Mapping[tuple[str, str], list[tuple[str, int]]]:
    """Return the names of disks with their generations, by every name of a VM and key of a disk that may have made them."""
    generations: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for name in names:
        for vm, suffix in split_name(name):
            for key, generation in list_generations(suffix):
                generations[vm, key].append((name, generation))
    return generations


def build_vm_settings(settings: Settings, platform: Platform) -> VmSettings:
    """Return the settings of a VM with what follows from them, and its own disks in their boot order."""
    vm = infer_vm(settings, platform)
    inherited_values = {name: value for name in ("storageClass", "protect") if (value := vm.get(name))}
    disks: list[OwnDisk] = []
    previous: list[PreviousDisk] = []
    if has_system_disk(vm):
        generation = vm.get_plain("system", 1)
        # The source and size of the system disk are keys of the VM itself, so that the common VM needs no `disks:`.
        names = (*DISK_SOURCES, "storage", "storageClass", "protect")
        values = {name: vm.located.mapping[name] for name in names if vm.is_set(name)}
        system, place = build_disk(Located(values, vm.located.place), {}, platform), settings.located.place
        disks.append(OwnDisk(format_suffix(SYSTEM_DISK, generation), system, place, SYSTEM_DISK, generation))
    previous.extend(_build_previous(SYSTEM_DISK, vm, "", platform))
    # The order of the chart is the boot order, and the order of the devices in the guest: the system disk stays first.
    for key, entry in vm.get_entries("disks"):
        place = entry.key_place or entry.place
        disk = build_disk(entry, inherited_values, platform)
        generation = disk.get_plain("generation", 1)
        disks.append(OwnDisk(format_suffix(key, generation), disk, place, key, generation))
        previous.extend(_build_previous(key, disk, f"disks.{key}.", platform))
    return VmSettings(vm, tuple(disks), vm.get_items("attach"), tuple(previous))


def build_disk(disk: Located, inherited_values: dict[str, Located], platform: Platform) -> Settings:
    """Return the settings of a disk: the platform's defaults, what it inherits from its VM, and its own keys."""
    defaults = platform.disk_defaults
    settings = merge(Located({**defaults.mapping, **inherited_values}, defaults.place), disk, "disk")
    return infer_disk(Settings(Located(settings.data, disk.key_place or disk.place)), platform)


def _build_previous(key: str, settings: Settings, path: str, platform: Platform) -> Iterator[PreviousDisk]:
    """Yield the other generations of a disk that its settings, or those of its VM, keep."""
    for number, entry in settings.get_entries("previous"):
        if not GENERATION.fullmatch(number):  # the schema has reported the key
            continue
        generation = int(number)
        # It inherits nothing: what the VM says today describes the disk of today, and this one was made before.
        disk = build_disk(entry, {}, platform)
        place = entry.key_place or entry.place
        own_disk = OwnDisk(format_suffix(key, generation), disk, place, key, generation)
        of = disk.get_items("of")
        yield PreviousDisk(own_disk, of, frozenset(str(item.data) for item in of), f"{path}previous.{number}")
