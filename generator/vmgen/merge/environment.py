"""A merged environment as groups of instances: what each VM and each disk will be, still with every place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from vmgen.merge.inference import has_system_disk, inferred, inferred_disk
from vmgen.merge.layers import Layered
from vmgen.merge.settings import Settings, marked
from vmgen.problems import Place
from vmgen.read.located import Located
from vmgen.read.overlay import SOURCES, overlaid, settled
from vmgen.read.platform import Platform

SYSTEM = "system"
# Keys that say which VMs there are, rather than what each is.
_STRUCTURE = ("count", "skip", "names", "name", "instances")
_NOWHERE = Place("")


class OwnDisk(NamedTuple):
    """A disk that each VM of a group gets: `<vm>-<suffix>`."""

    suffix: str
    settings: Settings
    place: Place


class VmSettings(NamedTuple):
    """What one or more VMs of a group are: shared by all instances that nothing tells apart."""

    values: Settings
    disks: tuple[OwnDisk, ...]
    attached: tuple[Located, ...]


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
    written: Located
    settings: VmSettings
    instances: tuple[Instance, ...]

    def overridden(self) -> Iterator[tuple[Instance, str]]:
        """The VMs that differ from the group, each with the path of what is written for it."""
        found = self.written.get("instances")
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


class _Merged(NamedTuple):
    name: str
    file: str
    platform: Platform
    settings: Settings
    groups: tuple[Group, ...]
    disks: tuple[StandaloneDisk, ...]


class Environment(_Merged):
    """An environment, merged: everything that rules look at."""

    def vm_settings(self) -> tuple[tuple[Group, VmSettings, str], ...]:
        """Each distinct set of VM settings that some VM has, once, with its group and the path that messages name."""
        return self._vms

    def disk_settings(self) -> tuple[tuple[Settings, str, VmSettings | None], ...]:
        """Each distinct set of disk settings, system disks included, with its path."""
        return self._disks

    @cached_property
    def _vms(self) -> tuple[tuple[Group, VmSettings, str], ...]:
        return tuple(_distinct(self.groups))

    @cached_property
    def _disks(self) -> tuple[tuple[Settings, str, VmSettings | None], ...]:
        found: list[tuple[Settings, str, VmSettings | None]] = []
        for _, vm, path in self._vms:
            system = has_system_disk(vm.values)
            for position, disk in enumerate(vm.disks):
                found.append((disk.settings, path if system and not position else f"{path}.disks.{disk.suffix}", vm))
        found.extend((alone.settings, f"disks.{alone.name}", None) for alone in self.disks)
        return tuple(found)


def _distinct(groups: tuple[Group, ...]) -> Iterator[tuple[Group, VmSettings, str]]:
    for group in groups:
        own = list(group.overridden())
        if len(own) < len(group.instances) or not group.instances:
            yield group, group.settings, f"vms.{group.key}"
        for instance, path in own:
            yield group, instance.settings, path


def environment(layers: Layered, platform: Platform) -> Environment:
    """The environment that merged layers describe on a platform."""
    written, settings = Settings(layers.content), Settings(settled(layers.content))
    below = overlaid(marked(platform.defaults, "platform"), _mapping(written.get("defaults")), "group", nulls=True)
    groups = (_group(key, value, below, platform) for key, value in written.entries("vms"))
    disks = (
        StandaloneDisk(name, _disk(value, {}, platform), value.key or value.place) for name, value in settings.entries("disks")
    )
    return Environment(layers.name, layers.file, platform, settings, tuple(groups), tuple(disks))


def _mapping(value: Located | None) -> Located:
    return value if value and value.mapping else Located({}, value.place if value else _NOWHERE)


def _group(key: str, written: Located, below: Located, platform: Platform) -> Group:
    merged = overlaid(below, written, "group", nulls=True)
    base = Settings(settled(Located(merged.data, written.place, written.key, under=written.under)))
    place = written.key or written.place
    values = {name: value for name, value in merged.mapping.items() if name not in _STRUCTURE}
    shared = _vm_settings(Settings(settled(Located(values, place))), platform)
    overrides = dict(Settings(merged).entries("instances"))
    instances = []
    for name, number, at in _names(key, base, place):
        labels = (name,) if number is None else (str(number), name)
        own = [overrides[label] for label in labels if label in overrides]
        settings = _overridden(values, own, place, platform) if own else shared
        instances.append(Instance(name, number, settings, at))
    return Group(key, place, base.located, shared, tuple(instances))


def _overridden(values: dict[str, Located], own: list[Located], place: Place, platform: Platform) -> VmSettings:
    merged = Located(values, place)
    for override in own:
        merged = overlaid(merged, override, "group", nulls=True)
    return _vm_settings(Settings(settled(Located(merged.data, own[-1].key or place))), platform)


def _names(key: str, base: Settings, place: Place) -> Iterator[tuple[str, int | None, Place]]:
    """The VMs of a group: by `names`, by `count` without the numbers to skip, or the one named as the group."""
    root = base.value("name", key)
    if base.written("names"):
        for item in base.items("names"):
            yield item.data, None, item.place
    elif base.written("count"):
        skipped = set(base.value("skip") or ())
        number, left = 0, base.value("count") or 0
        while left:
            number += 1
            if number not in skipped:
                left -= 1
                yield f"{root}-{number}", number, base.place("count")
    else:
        yield root, None, place


def _vm_settings(settings: Settings, platform: Platform) -> VmSettings:
    complete = inferred(settings, platform)
    inherited = {name: value for name in ("storageClass", "protect") if (value := complete.get(name))}
    disks: list[OwnDisk] = []
    if has_system_disk(complete):
        disks.append(OwnDisk(SYSTEM, _system_disk(complete, platform), settings.located.place))
    for suffix, written in complete.entries("disks"):
        disks.append(OwnDisk(suffix, _disk(written, inherited, platform), written.key or written.place))
    return VmSettings(complete, tuple(disks), complete.items("attach"))


def _system_disk(vm: Settings, platform: Platform) -> Settings:
    kept = (*SOURCES, "storage", "storageClass", "protect")
    written = {name: vm.located.mapping[name] for name in kept if vm.written(name)}
    return _disk(Located(written, vm.located.place), {}, platform)


def _disk(written: Located, inherited: dict[str, Located], platform: Platform) -> Settings:
    lowest = marked(platform.disk_defaults, "platform")
    below = Located({**lowest.mapping, **inherited}, lowest.place)
    merged = overlaid(below, written, "disk")
    return inferred_disk(Settings(Located(merged.data, written.key or written.place)), platform)
