"""A checked environment becomes its fleet: every VM and every disk, each with the values that its template is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vmgen.expand.cloud_init.facts import Facts
from vmgen.expand.cloud_init.forms import Forms, TemplateForm
from vmgen.expand.cloud_init.seed import AUTO, derived_seed
from vmgen.expand.cloud_init.substitution import is_substituted, spared
from vmgen.expand.cloud_init.user_data import UserData
from vmgen.expand.given import Given, disk_given, vm_given
from vmgen.expand.model import Attachment, Disk, Fleet, VirtualMachine
from vmgen.merge.environment import Environment, Group, OwnDisk, VmSettings
from vmgen.merge.settings import Settings
from vmgen.read.located import Located, plain


def fleet(environment: Environment, forms: Forms) -> Fleet:
    """All objects of an environment that passed its checks; `forms` makes their user data."""
    expansion = _Expansion(environment, forms)
    disks: list[Disk] = []
    machines: list[VirtualMachine] = []
    for group in environment.groups:
        expansion.add(group, disks, machines)
    for alone in environment.disks:
        values = expansion.disk_values(alone.settings, ())
        disks.append(Disk(alone.name, "", "", values, alone.settings))
    namespace = environment.settings.value("namespace")
    objects = (tuple(disks), tuple(machines), tuple(expansion.user_data))
    return Fleet(environment.name, environment.file, environment.platform, namespace, *objects)


class _Shared(NamedTuple):
    """What the VMs with one set of settings have in common."""

    values: Mapping[str, Any]
    spared: Mapping[str, Any]  # the same with Flux told to leave `${…}` alone
    own: tuple[tuple[OwnDisk, str, Mapping[str, Any]], ...]  # each with its bus and values
    attached: tuple[Attachment, ...]
    user_data: UserData | TemplateForm


class _Expansion:
    def __init__(self, environment: Environment, forms: Forms) -> None:
        self.environment = environment
        self.forms = forms
        self.facts = Facts(environment)
        self.user_data: list[UserData] = []
        self._shared: dict[int, _Shared] = {}
        self._values: dict[str, Mapping[str, Any]] = {}

    def add(self, group: Group, disks: list[Disk], machines: list[VirtualMachine]) -> None:
        """The VMs and the disks of a group."""
        paths = {id(instance.settings): path for instance, path in group.overridden()}
        for index, instance in enumerate(group.instances):
            shared = self._of(instance.settings, paths.get(id(instance.settings), f"vms.{group.key}"))
            attachments = []
            for own, bus, values in shared.own:
                name = f"{instance.name}-{own.suffix}"
                attachments.append(Attachment(name, bus))
                disks.append(Disk(name, group.key, instance.name, values, own.settings))
            attached = (*attachments, *shared.attached)
            machines.append(self._machine(group, index, shared, attached))

    def _machine(self, group: Group, index: int, shared: _Shared, attached: tuple[Attachment, ...]) -> VirtualMachine:
        instance = group.instances[index]
        user_data = shared.user_data
        if isinstance(user_data, TemplateForm):
            user_data = user_data.rendered(self.facts.of(group, index, [disk.name for disk in attached]))
            self.user_data.append(user_data)
        text = user_data.text
        seed = derived_seed(text) if shared.values.get("cloudInitSeed") == AUTO else ""
        values = shared.spared if is_substituted(text) else shared.values
        settings = instance.settings.values
        return VirtualMachine(instance.name, group.key, instance.number, values, attached, settings, text, seed)

    def _of(self, settings: VmSettings, path: str) -> _Shared:
        found = self._shared.get(id(settings))
        if found is None:
            found = self._shared[id(settings)] = self._share(settings, path)
            if isinstance(found.user_data, UserData) and (found.user_data.text or found.user_data.problems):
                self.user_data.append(found.user_data)
        return found

    def _share(self, settings: VmSettings, path: str) -> _Shared:
        vm = settings.values
        given = vm_given(self.environment, vm)
        values = self._once(_plain(given))
        own = tuple((disk, disk.settings.value("bus", ""), self.disk_values(disk.settings, (vm,))) for disk in settings.disks)
        attached = tuple(Attachment(item.value("name"), item.value("bus", "")) for item in settings.attached)
        user_data = self.forms.user_data(vm, f"{path}.cloudInit")
        return _Shared(values, self._once(spared(values, self.environment.platform)), own, attached, user_data)

    def _once(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Equal values as one value: the groups that have them are then one shape to render."""
        return self._values.setdefault(repr(values), values)

    def disk_values(self, disk: Settings, above: tuple[Settings, ...]) -> Mapping[str, Any]:
        """What the template of a disk is given, but for its name. `above` are the settings whose labels it takes on."""
        return self._once(_plain(disk_given(self.environment, disk, above)))


def _plain(given: Given) -> dict[str, Any]:
    return {name: _sorted(value) for name, value in given.items()}


def _sorted(value: Located) -> Any:
    """The plain value, mappings sorted by key: the order of keys in the source is no change."""
    return _sorted_plain(plain(value))


def _sorted_plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _sorted_plain(data[key]) for key in sorted(data)}
    return [_sorted_plain(item) for item in data] if isinstance(data, list) else data
