"""A merged environment as groups of VMs and disks with their effective settings, each value with its place."""

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.merge.inference import has_system_disk
from vmgen.merge.layers import Layered, drop_nulls, merge
from vmgen.merge.own_disks import OwnDisk, PreviousDisk, VmSettings, build_disk, build_vm_settings
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings
from vmgen.problems import Place
from vmgen.read.located import Located, format_path

# Keys that list the VMs of a group, rather than describe each of them.
INSTANCE_KEYS = ("count", "skip", "names", "name", "instances")


class Instance(NamedTuple):
    """One VM: its name, its number from 1 (None if the group has no `count`), and the place that gives the name."""

    name: str
    number: int | None
    settings: VmSettings
    place: Place

    @property
    def labels(self) -> tuple[str, ...]:
        """What `instances:` and `of:` call the VM: its number if it has one, and its name."""
        return (self.name,) if self.number is None else (str(self.number), self.name)

    @property
    def label(self) -> int | str:
        """What vmgen writes for the VM into `instances:` and `of:`."""
        return self.name if self.number is None else self.number

    @property
    def previous(self) -> tuple[PreviousDisk, ...]:
        """The entries of other generations of its disks that are kept for this VM, attached to none."""
        entries = self.settings.previous
        return tuple(entry for entry in entries if not entry.labels.isdisjoint(self.labels)) if entries else ()

    @property
    def previous_disks(self) -> tuple[OwnDisk, ...]:
        """The disks of these entries."""
        return tuple(entry.disk for entry in self.previous) if self.settings.previous else ()


class Group(NamedTuple):
    """A group of VMs. `key` is its key and folder, `settings` those of an instance without overrides."""

    key: str
    place: Place
    located: Located
    settings: VmSettings
    instances: tuple[Instance, ...]

    def iter_overrides(self) -> Iterator[tuple[Instance, str]]:
        """Yield the instances with overrides, each with the key path of its override."""
        for instance in self.instances if self.located.get("instances") else ():
            if instance.settings is not self.settings:
                yield instance, format_path(self.get_override_path(instance))

    def find_override(self, instance: Instance) -> Located | None:
        """Return the override of an instance; None if it has none."""
        overrides = self.located.get("instances")
        return overrides.get(self.get_override_path(instance)[-1]) if overrides else None

    def get_override_path(self, instance: Instance) -> tuple[str, ...]:
        """Return the key path where the override of an instance is, or would be written."""
        overrides = self.located.get("instances")
        labels = (label for label in instance.labels if overrides and label in overrides.mapping)
        return ("vms", self.key, "instances", next(labels, instance.labels[0]))


class StandaloneDisk(NamedTuple):
    """A disk of the environment that belongs to no VM."""

    name: str
    settings: Settings
    place: Place


class Environment(NamedTuple):
    """A merged environment, the input of rules and templates.

    `vm_settings` has each distinct settings object that a VM uses, with its group and its key path. `disk_settings` has
    the settings of each disk, system disks included, with its key path and the settings of its VM (None if standalone).
    `previous_settings` has those of earlier generations, which inherit nothing and so have no VM.
    """

    name: str
    file: str
    platform: Platform
    settings: Settings
    groups: tuple[Group, ...]
    disks: tuple[StandaloneDisk, ...]
    vm_settings: tuple[tuple[Group, VmSettings, str], ...]
    disk_settings: tuple[tuple[Settings, str, VmSettings | None], ...]
    previous_settings: tuple[tuple[Settings, str, VmSettings | None], ...]

    @property
    def all_disk_settings(self) -> tuple[tuple[Settings, str, VmSettings | None], ...]:
        """The settings of each disk, previous ones included: their keys are checked, not that they could be made today."""
        return (*self.disk_settings, *self.previous_settings)


def merge_environment(layers: Layered, platform: Platform) -> Environment:
    """Return the environment that merged layers describe on a platform.

    The settings of a VM are, from lowest to highest: the platform's defaults, `defaults:`, the group, its `instances:`.
    """
    content, settings = Settings(layers.content), Settings(drop_nulls(layers.content))
    defaults = content.get("defaults")
    base = platform.defaults
    if defaults and defaults.mapping:
        base = merge(base, defaults, "group", nulls=True)
    groups = tuple(_build_group(key, group, base, platform) for key, group in content.get_entries("vms"))
    disks = tuple(
        StandaloneDisk(name, build_disk(disk, {}, platform), disk.key_place or disk.place)
        for name, disk in settings.get_entries("disks")
    )
    vm_settings = tuple(_iter_vm_settings(groups))
    disk_settings = tuple(_iter_disk_settings(vm_settings, disks))
    previous = tuple(
        (entry.disk.settings, f"{path}.{entry.path}", None) for _, vm, path in vm_settings for entry in vm.previous
    )
    return Environment(layers.name, layers.file, platform, settings, groups, disks, vm_settings, disk_settings, previous)


def _build_group(key: str, group: Located, base: Located, platform: Platform) -> Group:
    group_settings = merge(base, group, "group", nulls=True)
    settings = Settings(drop_nulls(Located(group_settings.data, group.place, group.key_place, overrides=group.overrides)))
    place = group.key_place or group.place
    shared_values = Located({name: value for name, value in group_settings.mapping.items() if name not in INSTANCE_KEYS}, place)
    shared = build_vm_settings(Settings(drop_nulls(shared_values)), platform)
    overrides = dict(Settings(group_settings).get_entries("instances"))
    instances = []
    for name, number, name_place in expand_names(key, settings, place):
        instance = Instance(name, number, shared, name_place)
        # Instances without an override keep the one object `shared`, by which they are rendered and checked once.
        own = [overrides[label] for label in instance.labels if label in overrides]
        instances.append(instance._replace(settings=_apply_overrides(shared_values, own, platform)) if own else instance)
    return Group(key, place, settings.located, shared, tuple(instances))


def expand_names(key: str, group: Settings, place: Place) -> Iterator[tuple[str, int | None, Place]]:
    """Yield the name, number and place of each VM of a group; `key` and `place` are those of the group.

    `names:` lists the names. `count:` numbers the VMs from 1, and the numbers in `skip:` are left out without making the
    group smaller: `count: 2, skip: [1]` gives `web-2` and `web-3`. Otherwise the group is one VM of its own name.
    """
    root = group.get_plain("name", key)
    if group.is_set("names"):
        for item in group.get_items("names"):
            yield item.text, None, item.place
    elif group.is_set("count"):
        # A number is never given to another VM: the name is the identity of the disk, and of the data on it.
        # See docs/decisions.md#skip-does-not-change-count.
        skipped_numbers = set(group.get_plain("skip") or ())
        number, remaining = 0, group.get_plain("count") or 0
        while remaining:
            number += 1
            if number not in skipped_numbers:
                remaining -= 1
                yield f"{root}-{number}", number, group.find_place("count")
    else:
        yield root, None, place


def _apply_overrides(shared_values: Located, overrides: list[Located], platform: Platform) -> VmSettings:
    own_values = shared_values
    for override in overrides:
        own_values = merge(own_values, override, "group", nulls=True)
    # The line of the override, where a reader can do something about a problem of this VM.
    values = Located(own_values.data, overrides[-1].key_place or shared_values.place)
    return build_vm_settings(Settings(drop_nulls(values)), platform)


def _iter_vm_settings(groups: tuple[Group, ...]) -> Iterator[tuple[Group, VmSettings, str]]:
    for group in groups:
        overrides = list(group.iter_overrides())
        # A group whose VMs all have overrides uses its own settings for none, but an empty one is still checked.
        if len(overrides) < len(group.instances) or not group.instances:
            yield group, group.settings, f"vms.{group.key}"
        for instance, path in overrides:
            yield group, instance.settings, path


def _iter_disk_settings(
    vm_settings: tuple[tuple[Group, VmSettings, str], ...], standalone: tuple[StandaloneDisk, ...]
) -> Iterator[tuple[Settings, str, VmSettings | None]]:
    for _, vm, path in vm_settings:
        for index, disk in enumerate(vm.disks):
            is_system = index == 0 and has_system_disk(vm.values)
            yield disk.settings, path if is_system else f"{path}.disks.{disk.key}", vm
    for standalone_disk in standalone:
        yield standalone_disk.settings, f"disks.{standalone_disk.name}", None
