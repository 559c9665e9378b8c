"""A merged environment as groups of instances: what each VM and each disk will be, still with every place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from vmgen.merge.inference import has_system_disk, infer_disk, infer_vm
from vmgen.merge.layers import DISK_SOURCES, Layered, drop_nulls, merge
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings, with_layer
from vmgen.problems import Place
from vmgen.read.located import Located

SYSTEM_DISK = "system"
# Keys that say which VMs there are, rather than what each is.
_INSTANCE_KEYS = ("count", "skip", "names", "name", "instances")
_NO_PLACE = Place("")


class OwnDisk(NamedTuple):
    """A disk that each VM of a group gets: `<vm>-<suffix>`."""

    suffix: str
    settings: Settings
    place: Place


class VmSettings(NamedTuple):
    """What one or more VMs of a group are: shared by all instances that nothing tells apart."""

    values: Settings
    disks: tuple[OwnDisk, ...]
    attachments: tuple[Located, ...]


class Instance(NamedTuple):
    """One VM: its name, its number in the group (None where it has none), and where the name was written."""

    name: str
    number: int | None
    settings: VmSettings
    place: Place


class Group(NamedTuple):
    """A group of VMs. `key` is its key and folder, `settings` what all its instances start from."""

    key: str
    place: Place
    located: Located
    settings: VmSettings
    instances: tuple[Instance, ...]

    def iter_overrides(self) -> Iterator[tuple[Instance, str]]:
        """The VMs that differ from the group, each with the path of what is written for it."""
        found = self.located.get("instances")
        written = found.mapping if found else {}
        for instance in self.instances if written else ():
            if instance.settings is not self.settings:
                label = str(instance.number) if str(instance.number) in written else instance.name
                yield instance, f"vms.{self.key}.instances.{label}"


class StandaloneDisk(NamedTuple):
    """A disk of the environment that belongs to no VM."""

    name: str
    settings: Settings
    place: Place


class _MergedFields(NamedTuple):
    name: str
    file: str
    platform: Platform
    settings: Settings
    groups: tuple[Group, ...]
    disks: tuple[StandaloneDisk, ...]


class Environment(_MergedFields):
    """An environment, merged: everything that rules look at."""

    def vm_settings(self) -> tuple[tuple[Group, VmSettings, str], ...]:
        """Each distinct set of VM settings that some VM has, once, with its group and the path that messages name."""
        return self._vm_settings

    def disk_settings(self) -> tuple[tuple[Settings, str, VmSettings | None], ...]:
        """Each distinct set of disk settings, system disks included, with its path."""
        return self._disk_settings

    @cached_property
    def _vm_settings(self) -> tuple[tuple[Group, VmSettings, str], ...]:
        return tuple(_iter_distinct(self.groups))

    @cached_property
    def _disk_settings(self) -> tuple[tuple[Settings, str, VmSettings | None], ...]:
        found: list[tuple[Settings, str, VmSettings | None]] = []
        for _, vm, path in self._vm_settings:
            system = has_system_disk(vm.values)
            for position, disk in enumerate(vm.disks):
                found.append((disk.settings, path if system and not position else f"{path}.disks.{disk.suffix}", vm))
        found.extend((alone.settings, f"disks.{alone.name}", None) for alone in self.disks)
        return tuple(found)


def _iter_distinct(groups: tuple[Group, ...]) -> Iterator[tuple[Group, VmSettings, str]]:
    for group in groups:
        own = list(group.iter_overrides())
        if len(own) < len(group.instances) or not group.instances:
            yield group, group.settings, f"vms.{group.key}"
        for instance, path in own:
            yield group, instance.settings, path


def merge_environment(layers: Layered, platform: Platform) -> Environment:
    """The environment that merged layers describe on a platform."""
    written, settings = Settings(layers.content), Settings(drop_nulls(layers.content))
    below = merge(with_layer(platform.defaults, "platform"), _as_mapping(written.get("defaults")), "group", nulls=True)
    groups = (_build_group(key, value, below, platform) for key, value in written.get_entries("vms"))
    disks = (
        StandaloneDisk(name, _build_disk(value, {}, platform), value.key_place or value.place)
        for name, value in settings.get_entries("disks")
    )
    return Environment(layers.name, layers.file, platform, settings, tuple(groups), tuple(disks))


def _as_mapping(value: Located | None) -> Located:
    return value if value and value.mapping else Located({}, value.place if value else _NO_PLACE)


def _build_group(key: str, written: Located, below: Located, platform: Platform) -> Group:
    merged = merge(below, written, "group", nulls=True)
    base = Settings(drop_nulls(Located(merged.data, written.place, written.key_place, overrides=written.overrides)))
    place = written.key_place or written.place
    values = {name: value for name, value in merged.mapping.items() if name not in _INSTANCE_KEYS}
    shared = _build_vm_settings(Settings(drop_nulls(Located(values, place))), platform)
    overrides = dict(Settings(merged).get_entries("instances"))
    instances = []
    for name, number, at in _generate_names(key, base, place):
        labels = (name,) if number is None else (str(number), name)
        own = [overrides[label] for label in labels if label in overrides]
        settings = _apply_overrides(values, own, place, platform) if own else shared
        instances.append(Instance(name, number, settings, at))
    return Group(key, place, base.located, shared, tuple(instances))


def _apply_overrides(values: dict[str, Located], own: list[Located], place: Place, platform: Platform) -> VmSettings:
    merged = Located(values, place)
    for override in own:
        merged = merge(merged, override, "group", nulls=True)
    return _build_vm_settings(Settings(drop_nulls(Located(merged.data, own[-1].key_place or place))), platform)


def _generate_names(key: str, base: Settings, place: Place) -> Iterator[tuple[str, int | None, Place]]:
    """The VMs of a group: by `names`, by `count` without the numbers to skip, or the one named as the group."""
    root = base.get_plain("name", key)
    if base.is_set("names"):
        for item in base.get_items("names"):
            yield item.data, None, item.place
    elif base.is_set("count"):
        skipped = set(base.get_plain("skip") or ())
        number, left = 0, base.get_plain("count") or 0
        while left:
            number += 1
            if number not in skipped:
                left -= 1
                yield f"{root}-{number}", number, base.find_place("count")
    else:
        yield root, None, place


def _build_vm_settings(settings: Settings, platform: Platform) -> VmSettings:
    complete = infer_vm(settings, platform)
    inherited = {name: value for name in ("storageClass", "protect") if (value := complete.get(name))}
    disks: list[OwnDisk] = []
    if has_system_disk(complete):
        disks.append(OwnDisk(SYSTEM_DISK, _build_system_disk(complete, platform), settings.located.place))
    for suffix, written in complete.get_entries("disks"):
        disks.append(OwnDisk(suffix, _build_disk(written, inherited, platform), written.key_place or written.place))
    return VmSettings(complete, tuple(disks), complete.get_items("attach"))


def _build_system_disk(vm: Settings, platform: Platform) -> Settings:
    kept = (*DISK_SOURCES, "storage", "storageClass", "protect")
    written = {name: vm.located.mapping[name] for name in kept if vm.is_set(name)}
    return _build_disk(Located(written, vm.located.place), {}, platform)


def _build_disk(written: Located, inherited: dict[str, Located], platform: Platform) -> Settings:
    lowest = with_layer(platform.disk_defaults, "platform")
    below = Located({**lowest.mapping, **inherited}, lowest.place)
    merged = merge(below, written, "disk")
    return infer_disk(Settings(Located(merged.data, written.key_place or written.place)), platform)
