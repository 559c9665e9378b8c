"""A checked environment becomes its fleet: every VM and every disk, each with the values that its template is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generator.expand.cloud_init.forms import cloud_init_text
from generator.expand.model import Attachment, Disk, Fleet, VirtualMachine
from generator.merge.environment import Environment, Group, OwnDisk, VmSettings
from generator.merge.settings import Settings
from generator.read.located import Located, plain
from generator.read.overlay import SOURCES

# Keys that say how disks are made or guarded; the rest of a group's settings goes to its template by name.
_NOT_THE_VMS = frozenset(
    (*SOURCES, "storage", "storageClass", "disks", "attach", "protect", "vars", "labels", "annotations", "cloudInit")
)


def fleet(environment: Environment) -> Fleet:
    """All objects of an environment that passed its checks."""
    expansion = _Expansion(environment)
    disks: list[Disk] = []
    machines: list[VirtualMachine] = []
    for group in environment.groups:
        expansion.add(group, disks, machines)
    for alone in environment.disks:
        values = expansion.disk_values(alone.settings, ())
        disks.append(Disk(alone.name, "", "", values, alone.settings))
    namespace = environment.settings.value("namespace")
    return Fleet(environment.name, environment.file, environment.platform, namespace, tuple(disks), tuple(machines))


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the VMs with one set of settings have in common."""

    values: Mapping[str, Any]
    own: tuple[tuple[OwnDisk, Mapping[str, Any]], ...]
    attached: tuple[Attachment, ...]
    cloud_init: str


class _Expansion:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._shared: dict[int, _Shared] = {}

    def add(self, group: Group, disks: list[Disk], machines: list[VirtualMachine]) -> None:
        """The VMs and the disks of a group."""
        for instance in group.instances:
            shared = self._of(instance.settings)
            attachments = []
            for own, values in shared.own:
                name = f"{instance.name}-{own.suffix}"
                attachments.append(Attachment(name, own.settings.value("bus", "")))
                disks.append(Disk(name, group.key, instance.name, values, own.settings))
            attached = (*attachments, *shared.attached)
            settings = instance.settings.values
            machines.append(
                VirtualMachine(instance.name, group.key, instance.number, shared.values, attached, settings, shared.cloud_init)
            )

    def _of(self, settings: VmSettings) -> _Shared:
        found = self._shared.get(id(settings))
        if found is None:
            found = self._shared[id(settings)] = self._share(settings)
        return found

    def _share(self, settings: VmSettings) -> _Shared:
        vm = settings.values
        values = {name: _sorted(value) for name, value in vm.located.mapping.items() if name not in _NOT_THE_VMS}
        values |= {"instanceProfile": "", **values, **self._metadata(vm)}
        own = tuple((disk, self.disk_values(disk.settings, (vm,))) for disk in settings.disks)
        attached = tuple(Attachment(item.value("name"), item.value("bus", "")) for item in settings.attached)
        return _Shared(values, own, attached, cloud_init_text(vm))

    def disk_values(self, disk: Settings, above: tuple[Settings, ...]) -> dict[str, Any]:
        """What the template of a disk is given, but for its name. `above` are the settings whose labels it takes on."""
        values = {
            name: _sorted(value)
            for name, value in disk.located.mapping.items()
            if name not in (*SOURCES, "protect", "labels", "annotations")
        }
        values["source"] = self._source(disk)
        values |= self._metadata(*above, disk)
        values["annotations"] = self._guarded(disk, values["annotations"])
        return values

    def _source(self, disk: Settings) -> dict[str, Any]:
        for name, value in disk.located.mapping.items():
            if name == "image":
                return {"image": {"name": self.environment.platform.catalog.image_names.get(value.data, value.data)}}
            if name == "url":
                return {"http": {"url": value.data}}
            if name == "clone":
                return {"disk": {"name": value.data}}
            if name == "upload":
                return {"upload": {}}
        return {}

    def _metadata(self, *levels: Settings) -> dict[str, Any]:
        settings = (self.environment.settings, *levels)
        merged: dict[str, dict[str, str]] = {}
        for kind in ("labels", "annotations"):
            both = {name: value.data for level in settings for name, value in level.entries(kind)}
            merged[kind] = dict(sorted(both.items()))
        return {"namespace": self.environment.settings.value("namespace"), **merged}

    def _guarded(self, disk: Settings, written: Mapping[str, str]) -> dict[str, str]:
        """The annotations of a disk with those that order and protect it; what the user wrote wins."""
        platform = self.environment.platform
        protection = platform.data("protection")["protected" if disk.value("protect", True) else "unprotected"]
        return dict(sorted({**platform.data("order"), **protection, **written}.items()))


def _sorted(value: Located) -> Any:
    """The plain value, mappings sorted by key: the order of keys in the source is no change."""
    return _sorted_plain(plain(value))


def _sorted_plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _sorted_plain(data[key]) for key in sorted(data)}
    return [_sorted_plain(item) for item in data] if isinstance(data, list) else data
