"""Expand a checked environment into its fleet: every VM and every disk, with the values for its template."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from vmgen.check.disk_names import DiskIndex
from vmgen.cloud_init.user_data import UserData
from vmgen.cloud_init.vm_values import AUTO_SEED, derive_seed, disable_flux_substitution, is_substituted
from vmgen.cloud_init.windows import is_windows
from vmgen.expand.model import Attachment, Disk, Fleet, VirtualMachine
from vmgen.expand.template_context import LocatedContext, build_disk_context, build_vm_context
from vmgen.merge.environment import Environment, Group
from vmgen.merge.number_ranges import NumberRange, find_range, find_range_length, get_shard_size
from vmgen.merge.own_disks import OwnDisk, VmSettings
from vmgen.merge.settings import Settings, contains_invalid
from vmgen.read.located import INVALID, Located, to_plain
from vmgen.read.schema import load_builtin_schema

if TYPE_CHECKING:
    from vmgen.cloud_init.per_vm import MergedUserData, TemplatedUserData
    from vmgen.cloud_init.render import UserDataBuilder
    from vmgen.cloud_init.shapes import UserDataRenderer

# What these keys hold reaches no manifest.
_KEYS_BESIDE_MANIFESTS = frozenset({"budget", "delivery", "policy", "prices", "retire"})
_INHERITED_KEYS = frozenset({"labels", "annotations"})
_KEYS_OF_OBJECTS = ("vms", "disks")


def build_fleet(environment: Environment, user_data_builder: UserDataBuilder | None, *, verify_all: bool = False) -> Fleet:
    """Build all objects of an environment that passed its checks. With `verify_all`, each text is rendered by itself.

    Without a builder no VM has user data, which is enough to count and list the objects.
    """
    builder = _FleetBuilder(environment, user_data_builder, verify_all=verify_all)
    for group in environment.groups:
        builder.add_group(group)
    for disk in environment.disks:
        builder.disks.append(Disk(disk.name, "", "", builder.build_disk_values(disk.settings, ()), disk.settings))
    objects = (tuple(builder.disks), tuple(builder.machines), tuple(builder.user_data))
    namespace = environment.settings.get_plain("namespace")
    return Fleet(environment.name, environment.file, environment.platform, namespace, *objects)


class _SharedVmData(NamedTuple):
    """The data that all VMs with one set of settings share."""

    values: Mapping[str, Any]
    unsubstituted_values: Mapping[str, Any]  # with the annotations that keep Flux from `${...}`
    own_disks: tuple[tuple[OwnDisk, str, Mapping[str, Any]], ...]  # each with its bus and values
    attachments: tuple[Attachment, ...]
    user_data: UserData | TemplatedUserData | MergedUserData
    is_windows: bool


class _FleetBuilder:
    def __init__(self, environment: Environment, user_data_builder: UserDataBuilder | None, *, verify_all: bool) -> None:
        self.environment = environment
        self.user_data_builder = user_data_builder
        self.verify_all = verify_all
        self.disks: list[Disk] = []
        self.machines: list[VirtualMachine] = []
        self.user_data: list[UserData] = []
        self._shared: dict[int, _SharedVmData] = {}
        self._previous_values: dict[int, Mapping[str, Any]] = {}
        self._disks = DiskIndex(environment)
        self._bus = environment.platform.roles.disk_bus
        self._shard_size = get_shard_size(environment)
        self._intern_table: dict[str, Mapping[str, Any]] = {}
        self._values: dict[tuple[object, ...], Mapping[str, Any]] = {}

    @cached_property
    def user_data_renderer(self) -> UserDataRenderer:
        """The renderer of the templates of user data. A fleet without any does not import a library of templates."""
        from vmgen.cloud_init.shapes import UserDataRenderer

        return UserDataRenderer(self.environment, verify_all=self.verify_all)

    def add_group(self, group: Group) -> None:
        """Add the VMs of a group and their own disks."""
        override_paths = {id(instance.settings): path for instance, path in group.iter_overrides()}
        range_length = find_range_length(group, self._shard_size)
        for index, instance in enumerate(group.instances):
            shared = self._get_shared(instance.settings, override_paths.get(id(instance.settings), f"vms.{group.key}"))
            numbers = find_range(instance.number, range_length)
            attachments = []
            for own_disk, bus, values in shared.own_disks:
                name = f"{instance.name}-{own_disk.suffix}"
                attachments.append(Attachment(name, bus))
                self.disks.append(Disk(name, group.key, instance.name, values, own_disk.settings, numbers=numbers))
            self._add_previous_disks(group, index, numbers)
            self._add_machine(group, index, shared, (*attachments, *shared.attachments), numbers)

    def _add_previous_disks(self, group: Group, index: int, numbers: NumberRange | None) -> None:
        """Add the disks that are kept for a VM. They inherit nothing from it, so that no later change of it reaches them."""
        instance = group.instances[index]
        for disk in instance.previous_disks:
            key = id(disk.settings)
            if key not in self._previous_values:
                self._previous_values[key] = self.build_disk_values(disk.settings, ())
            name, values = f"{instance.name}-{disk.suffix}", self._previous_values[key]
            self.disks.append(Disk(name, group.key, instance.name, values, disk.settings, is_previous=True, numbers=numbers))

    def _add_machine(
        self,
        group: Group,
        index: int,
        shared: _SharedVmData,
        disks: tuple[Attachment, ...],
        numbers: NumberRange | None,
    ) -> None:
        instance = group.instances[index]
        user_data = shared.user_data
        if not isinstance(user_data, UserData):
            user_data = self.user_data_renderer.render(user_data, group, index, [disk.name for disk in disks])
            if shared.is_windows:
                user_data = user_data._replace(for_windows=True)
            self.user_data.append(user_data)
        text = user_data.text
        values = shared.unsubstituted_values if is_substituted(text) else shared.values
        seed = derive_seed(text) if values.get("cloudInitSeed") == AUTO_SEED else ""
        settings = instance.settings.values
        self.machines.append(
            VirtualMachine(instance.name, group.key, instance.number, values, disks, settings, text, seed, numbers)
        )

    def build_disk_values(self, disk: Settings, levels: tuple[Settings, ...]) -> Mapping[str, Any]:
        """Return the values for the template of a disk, without its name. Labels come from the inherited settings too."""
        key = (_get_value_key(disk), *(_get_value_key(level, _INHERITED_KEYS) for level in levels))
        if key not in self._values:
            self._values[key] = self._intern(_to_plain_values(build_disk_context(self.environment, disk, levels)))
        return self._values[key]

    def _get_shared(self, settings: VmSettings, path: str) -> _SharedVmData:
        shared = self._shared.get(id(settings))
        if shared is None:
            shared = self._shared[id(settings)] = self._build_shared(settings, path)
            if isinstance(shared.user_data, UserData) and (shared.user_data.text or shared.user_data.problems):
                self.user_data.append(shared.user_data)
        return shared

    def _build_shared(self, settings: VmSettings, path: str) -> _SharedVmData:
        vm = settings.values
        values = self._build_vm_values(vm)
        unsubstituted_values = self._intern(disable_flux_substitution(values, self.environment.platform))
        own_disks = tuple(
            (disk, disk.settings.get_plain(self._bus, ""), self.build_disk_values(disk.settings, (vm,)))
            for disk in settings.disks
        )
        attachments = tuple(self._build_attachment(item) for item in settings.attachments)
        builder = self.user_data_builder
        user_data = builder.build(vm, f"{path}.cloudInit") if builder else UserData("")
        for_windows = is_windows(vm, self.environment.platform)
        if isinstance(user_data, UserData):
            user_data = user_data._replace(for_windows=for_windows)
        return _SharedVmData(values, unsubstituted_values, own_disks, attachments, user_data, for_windows)

    def _build_vm_values(self, vm: Settings) -> Mapping[str, Any]:
        key = _get_value_key(vm)
        if key not in self._values:
            self._values[key] = self._intern(_to_plain_values(build_vm_context(self.environment, vm)))
        return self._values[key]

    def _build_attachment(self, item: Located) -> Attachment:
        """Return an attachment; its bus is the disk's own where the attachment names none."""
        name = item.get_plain("name")
        disk = self._disks.get(name)
        return Attachment(name, item.get_plain(self._bus) or (disk.settings.get_plain(self._bus, "") if disk else ""))

    def _intern(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return one object for equal values, since what shares it is rendered once (`render_key`)."""
        # By the text: mappings cannot be hashed, and their keys are sorted by now.
        return self._intern_table.setdefault(repr(values), values)


def _get_value_key(settings: Settings, names: Collection[str] = ()) -> tuple[object, ...]:
    """Return a key of the values of settings, or of some of them, wherever they are written.

    An override leaves most values of its group as they are: a mapping or list of the same settings is the same object.
    """
    mapping = settings.located.mapping
    return tuple(
        (name, type(data), data if isinstance(data, str) else id(data))
        for name, value in mapping.items()
        if not names or name in names
        for data in (value.data,)
    )


def _to_plain_values(context: LocatedContext) -> dict[str, Any]:
    """Return the plain values, mappings sorted: the order of keys in the source must not change a manifest."""
    return {name: _sort_keys(to_plain(value)) for name, value in context.items()}


def _sort_keys(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _sort_keys(data[key]) for key in sorted(data)}
    return [_sort_keys(item) for item in data] if isinstance(data, list) else data


class Omissions(NamedTuple):
    """The groups and standalone disks of an environment that cannot be expanded, by their keys.

    The folder of a group is its key, so the committed files there cannot be compared either.
    """

    groups: frozenset[str] = frozenset()
    disks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.groups or self.disks)

    def __or__(self, other: Omissions) -> Omissions:
        return Omissions(self.groups | other.groups, self.disks | other.disks)

    def covers(self, path: str) -> bool:
        """Return true for the path of a manifest, below `manifests/`, that is left out with its group or disk."""
        names = path.split("/")[2:]  # behind the environment and the folder of the kind
        return names[0] in self.groups if len(names) > 1 else bool(names) and names[0].partition(".")[0] in self.disks


def select_expandable(environment: Environment) -> tuple[Environment, Omissions] | None:
    """Return the environment without what cannot be expanded; None if a wrong value reaches all of its objects."""
    content = environment.settings.located.mapping
    reaching = load_builtin_schema("environment").document["properties"].keys() - _KEYS_BESIDE_MANIFESTS
    shared = [value for key, value in content.items() if key in reaching and key not in _KEYS_OF_OBJECTS]
    if any(map(contains_invalid, shared)) or any(content[key].data is INVALID for key in _KEYS_OF_OBJECTS if key in content):
        return None
    entries = (content[key].mapping if key in content else {} for key in _KEYS_OF_OBJECTS)
    omissions = Omissions(*(frozenset(name for name, value in each.items() if contains_invalid(value)) for each in entries))
    return omit(environment, omissions), omissions


def omit(environment: Environment, omissions: Omissions) -> Environment:
    """Return the environment without some groups and standalone disks."""
    return environment._replace(
        groups=tuple(group for group in environment.groups if group.key not in omissions.groups),
        disks=tuple(disk for disk in environment.disks if disk.name not in omissions.disks),
    )


def split(environment: Environment) -> Iterator[tuple[Environment, Omissions]]:
    """Yield the environment with each of its groups and standalone disks alone, and that as what to leave out."""
    for group in environment.groups:
        yield environment._replace(groups=(group,), disks=()), Omissions(groups=frozenset({group.key}))
    for disk in environment.disks:
        yield environment._replace(groups=(), disks=(disk,)), Omissions(disks=frozenset({disk.name}))
