"""A checked environment becomes its fleet: every VM and every disk, each with the values that its template is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vmgen.cloud_init.render import (
    AUTO_SEED,
    TemplatedUserData,
    UserDataBuilder,
    derive_seed,
    disable_flux_substitution,
    is_substituted,
)
from vmgen.cloud_init.user_data import UserData
from vmgen.cloud_init.variables import TemplateVariables
from vmgen.expand.model import Attachment, Disk, Fleet, VirtualMachine
from vmgen.expand.template_context import LocatedContext, build_disk_context, build_vm_context
from vmgen.merge.environment import Environment, Group, OwnDisk, VmSettings
from vmgen.merge.settings import Settings
from vmgen.read.located import Located, to_plain


def build_fleet(environment: Environment, forms: UserDataBuilder) -> Fleet:
    """All objects of an environment that passed its checks; `forms` makes their user data."""
    expansion = _FleetBuilder(environment, forms)
    disks: list[Disk] = []
    machines: list[VirtualMachine] = []
    for group in environment.groups:
        expansion.add_group(group, disks, machines)
    for alone in environment.disks:
        values = expansion.build_disk_values(alone.settings, ())
        disks.append(Disk(alone.name, "", "", values, alone.settings))
    namespace = environment.settings.get_plain("namespace")
    objects = (tuple(disks), tuple(machines), tuple(expansion.user_data))
    return Fleet(environment.name, environment.file, environment.platform, namespace, *objects)


class _SharedVmData(NamedTuple):
    """What the VMs with one set of settings have in common."""

    values: Mapping[str, Any]
    unsubstituted_values: Mapping[str, Any]  # the same with Flux told to leave `${…}` alone
    own_disks: tuple[tuple[OwnDisk, str, Mapping[str, Any]], ...]  # each with its bus and values
    attachments: tuple[Attachment, ...]
    user_data: UserData | TemplatedUserData


class _FleetBuilder:
    def __init__(self, environment: Environment, forms: UserDataBuilder) -> None:
        self.environment = environment
        self.user_data_builder = forms
        self.template_variables = TemplateVariables(environment)
        self.user_data: list[UserData] = []
        self._shared: dict[int, _SharedVmData] = {}
        self._interned: dict[str, Mapping[str, Any]] = {}

    def add_group(self, group: Group, disks: list[Disk], machines: list[VirtualMachine]) -> None:
        """The VMs and the disks of a group."""
        paths = {id(instance.settings): path for instance, path in group.iter_overrides()}
        for index, instance in enumerate(group.instances):
            shared = self._get_shared(instance.settings, paths.get(id(instance.settings), f"vms.{group.key}"))
            attachments = []
            for own, bus, values in shared.own_disks:
                name = f"{instance.name}-{own.suffix}"
                attachments.append(Attachment(name, bus))
                disks.append(Disk(name, group.key, instance.name, values, own.settings))
            attached = (*attachments, *shared.attachments)
            machines.append(self._build_machine(group, index, shared, attached))

    def _build_machine(
        self, group: Group, index: int, shared: _SharedVmData, attached: tuple[Attachment, ...]
    ) -> VirtualMachine:
        instance = group.instances[index]
        user_data = shared.user_data
        if isinstance(user_data, TemplatedUserData):
            user_data = user_data.render(self.template_variables.build(group, index, [disk.name for disk in attached]))
            self.user_data.append(user_data)
        text = user_data.text
        seed = derive_seed(text) if shared.values.get("cloudInitSeed") == AUTO_SEED else ""
        values = shared.unsubstituted_values if is_substituted(text) else shared.values
        settings = instance.settings.values
        return VirtualMachine(instance.name, group.key, instance.number, values, attached, settings, text, seed)

    def _get_shared(self, settings: VmSettings, path: str) -> _SharedVmData:
        found = self._shared.get(id(settings))
        if found is None:
            found = self._shared[id(settings)] = self._build_shared(settings, path)
            if isinstance(found.user_data, UserData) and (found.user_data.text or found.user_data.problems):
                self.user_data.append(found.user_data)
        return found

    def _build_shared(self, settings: VmSettings, path: str) -> _SharedVmData:
        vm = settings.values
        given = build_vm_context(self.environment, vm)
        values = self._intern(_to_plain_values(given))
        own = tuple(
            (disk, disk.settings.get_plain("bus", ""), self.build_disk_values(disk.settings, (vm,))) for disk in settings.disks
        )
        attached = tuple(Attachment(item.get_plain("name"), item.get_plain("bus", "")) for item in settings.attachments)
        user_data = self.user_data_builder.build(vm, f"{path}.cloudInit")
        return _SharedVmData(
            values, self._intern(disable_flux_substitution(values, self.environment.platform)), own, attached, user_data
        )

    def _intern(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Equal values as one value: the groups that have them are then one shape to render."""
        return self._interned.setdefault(repr(values), values)

    def build_disk_values(self, disk: Settings, above: tuple[Settings, ...]) -> Mapping[str, Any]:
        """What the template of a disk is given, but for its name. `above` are the settings whose labels it takes on."""
        return self._intern(_to_plain_values(build_disk_context(self.environment, disk, above)))


def _to_plain_values(given: LocatedContext) -> dict[str, Any]:
    return {name: _to_sorted_plain(value) for name, value in given.items()}


def _to_sorted_plain(value: Located) -> Any:
    """The plain value, mappings sorted by key: the order of keys in the source is no change."""
    return _sort_keys(to_plain(value))


def _sort_keys(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _sort_keys(data[key]) for key in sorted(data)}
    return [_sort_keys(item) for item in data] if isinstance(data, list) else data
