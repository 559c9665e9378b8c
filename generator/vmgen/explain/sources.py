"""Find the located values behind a path of the context that an object's template gets.

Most paths lead straight into the merged settings. Names, disks and cloud-init user data are made of several values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.check.disk_names import DiskIndex
from vmgen.cloud_init.fragments import is_template
from vmgen.cloud_init.per_vm import MergedUserData, TemplatedUserData
from vmgen.cloud_init.render import UserDataBuilder
from vmgen.cloud_init.shapes import only_writes_names
from vmgen.cloud_init.user_data import UserData
from vmgen.cloud_init.variables import USER_DATA_FILTERS, TemplateVariables, finalize_user_data, merge_vars
from vmgen.expand.model import Disk, Resource, VirtualMachine
from vmgen.expand.template_context import LocatedContext, build_disk_context, build_vm_context
from vmgen.explain.traced_values import TracedPaths, accept_tokens, to_tokens, trace_context
from vmgen.merge.environment import Environment, Group, Instance
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.own_disks import SYSTEM_DISK, OwnDisk, PreviousDisk
from vmgen.merge.settings import Settings
from vmgen.problems import Place, ProblemsError
from vmgen.read.located import KeyPath, Located, walk
from vmgen.read.repository import Project
from vmgen.read.templates import Templates

Sources = tuple[Located, ...]
# Finds the values behind a fact about a VM that a cloud-init template gets: ("name",), ("disks", 0).
VmSourceLookup = Callable[[KeyPath], Sources]


class ObjectSources(NamedTuple):
    """The values that one object was made from.

    `name_sources` make its name; `existence_sources` decide that it exists: a group's `count`, `skip`, `names`. `place` is
    where the object is defined. `disk_sources` holds the sources of the name and of the bus of each disk of a VM, in boot
    order, `derived_sources` those of context names that no value of `context` holds: the user data.
    """

    name_sources: Sources
    existence_sources: Sources
    context: LocatedContext
    place: Place
    disk_sources: tuple[tuple[Sources, Sources], ...] = ()
    derived_sources: tuple[tuple[str, Sources], ...] = ()

    def find_values(self, path: KeyPath) -> Sources:
        """Find the values that made the value at a path of the context. Never empty for a path that the template has read."""
        name, *steps = path
        if name == "name":
            return self.name_sources
        if name in ("disks", "diskNames"):
            if not steps:
                return (Located(None, self.place, layer="no disks"),)
            name_sources, bus_sources = self.disk_sources[int(steps[0])]
            return name_sources if steps[-1] in (steps[0], "name") else bus_sources
        return dict(self.derived_sources).get(str(name)) or (self._find_in_context(str(name), steps),)

    def _find_in_context(self, name: str, steps: list[str | int]) -> Located:
        value = self.context.get(name)
        for step in steps:
            child = value and (value.get(step) if isinstance(step, str) else value.items[step])
            if child and value and isinstance(step, int):
                # A list replaces a lower one as a whole, so each of its items overrides that list.
                child = child._replace(overrides=child.overrides or value.overrides)
            value = child
        return value or Located(None, self.place, layer="worked out")


class EnvironmentSources:
    """Finds the sources of the objects of one environment. What objects share is computed once."""

    def __init__(self, environment: Environment, project: Project) -> None:
        self.user_data = UserDataSources(environment, project)
        self._environment = environment
        self._disks = DiskIndex(environment)
        self._instances = {
            (group.key, instance.name): (group, instance) for group in environment.groups for instance in group.instances
        }
        self._contexts: dict[int, LocatedContext] = {}

    def get_sharing_key(self, resource: Resource) -> tuple[object, ...] | None:
        """Return a key that is equal for objects of a group whose sources are equal; None for an object with its own."""
        if not resource.group:
            return None
        group, instance = self._instances[
            resource.group, resource.name if isinstance(resource, VirtualMachine) else resource.vm
        ]
        if not self.user_data.are_shared(instance):
            return None
        place = instance.place if instance.number is None else None
        return (*resource.render_key, group.key, id(instance.settings), id(resource.settings), place)

    def find_instance(self, resource: Resource) -> Instance | None:
        """Return the VM of an object: itself, or that of its own disk; None for a standalone disk."""
        if not resource.group:
            return None
        return self._instances[resource.group, resource.name if isinstance(resource, VirtualMachine) else resource.vm][1]

    def find_object_sources(self, resource: Resource) -> ObjectSources:
        """Find the sources of an object of this environment."""
        if isinstance(resource, VirtualMachine):
            return self._find_vm_sources(resource)
        if resource.group:
            return self._find_disk_sources(resource)
        place = next(entry.place for entry in self._environment.disks if entry.name == resource.name)
        entries = self._environment.settings.get("disks")
        name_sources = _find_key_sources(entries.get(resource.name), resource.name) if entries else ()
        return ObjectSources(name_sources, (), self._build_disk_context(resource.settings, ()), place)

    def _find_vm_sources(self, machine: VirtualMachine) -> ObjectSources:
        group, instance = self._instances[machine.group, machine.name]
        settings = instance.settings.values
        if id(settings) not in self._contexts:
            self._contexts[id(settings)] = build_vm_context(self._environment, settings)
        context = self._contexts[id(settings)]
        name_sources, count_sources = _find_name_sources(group, instance), _find_count_sources(group)
        disk_sources = tuple(
            _find_attached_disk_sources(group, instance, self._disks, self._environment.platform.roles.disk_bus)
        )

        def find_vm_values(path: KeyPath) -> Sources:
            if path[:1] == ("disks",) and len(path) > 1:
                return disk_sources[int(path[1])][0]
            return name_sources if path[:1] in (("name",), ("group",)) else count_sources

        user_data = self.user_data.find_sources(group, instance, [disk.name for disk in machine.disks], find_vm_values)
        derived_values = [("cloudInit", user_data)] if user_data else []
        if machine.seed:
            seed = context["cloudInitSeed"]._replace(layer="derived from the user data", overrides=None)
            derived_values.append(("cloudInitSeed", (seed, *user_data)))
        context = self._add_flux_annotations(machine, context, user_data)
        return ObjectSources(name_sources, count_sources, context, settings.located.place, disk_sources, tuple(derived_values))

    def _add_flux_annotations(self, machine: VirtualMachine, context: LocatedContext, user_data: Sources) -> LocatedContext:
        """Add the annotations that stop Flux from substituting `${…}` in the user data, where the machine has them."""
        annotations = context["annotations"]
        platform_annotations = self._environment.platform.content.get("unsubstituted")
        place = user_data[0].place if user_data else annotations.place
        flux_annotations = {
            name: Located(value.data, place, layer="the user data holds ${…}", overrides=value)
            for name, value in (platform_annotations.mapping if platform_annotations else {}).items()
            if name in machine.values["annotations"] and not annotations.get(name)
        }
        return (
            {**context, "annotations": Located({**annotations.mapping, **flux_annotations}, annotations.place)}
            if flux_annotations
            else context
        )

    def _find_disk_sources(self, disk: Disk) -> ObjectSources:
        group, instance = self._instances[disk.group, disk.vm]
        if disk.is_previous:
            previous = next(each for each in instance.settings.previous if each.disk.settings is disk.settings)
            context = self._build_disk_context(disk.settings, ())
            name_sources = (*_find_name_sources(group, instance), *_find_previous_sources(previous, instance))
            # The `of` says which VMs have a disk of another generation.
            members = previous.disk.settings.get("of")
            existence_sources = (*_find_count_sources(group), *((members,) if members else ()))
            return ObjectSources(name_sources, existence_sources, context, previous.disk.place)
        own_disk = next(own_disk for own_disk in instance.settings.disks if own_disk.settings is disk.settings)
        name_sources = (*_find_name_sources(group, instance), *_find_suffix_sources(own_disk, instance))
        existence_sources = (*_find_count_sources(group), *_find_system_disk_sources(own_disk, instance))
        context = self._build_disk_context(disk.settings, (instance.settings.values,))
        return ObjectSources(name_sources, existence_sources, context, own_disk.place)

    def _build_disk_context(self, settings: Settings, outer: tuple[Settings, ...]) -> LocatedContext:
        if id(settings) not in self._contexts:
            self._contexts[id(settings)] = build_disk_context(self._environment, settings, outer)
        return self._contexts[id(settings)]


def _find_name_sources(group: Group, instance: Instance) -> Sources:
    """Find what makes a VM's name: an item of `names`, the group's `name`, or the group's key."""
    if instance.number is None and group.located.get("names"):
        return (Located(instance.name, instance.place),)
    name = group.located.get("name")
    return (name,) if name else _find_key_sources(group.located, group.key)


def _find_key_sources(value: Located | None, name: str) -> Sources:
    """Find a key in each layer that has it: the object exists until all of them are removed."""
    sources = []
    while value:
        if value.key_place:
            sources.append(Located(name, value.key_place))
        value = value.overrides
    return tuple(sources)


def _find_count_sources(group: Group) -> Sources:
    return tuple(value for key in ("count", "skip", "names") if (value := group.located.get(key)))


def _find_disk_entry(own_disk: OwnDisk, instance: Instance) -> Located | None:
    """Find the entry of a disk under `disks`; a system disk has one only where the VM itself has no source."""
    entries = instance.settings.values.get("disks")
    return entries.get(own_disk.key) if entries else None


def _find_suffix_sources(own_disk: OwnDisk, instance: Instance) -> Sources:
    """Find the key of a disk under `disks`, and its generation; only the generation for a system disk without a key."""
    entry = _find_disk_entry(own_disk, instance)
    generation = entry.get("generation") if entry else instance.settings.values.get("system")
    sources = _find_key_sources(entry, own_disk.key)
    return (*sources, generation) if generation else sources


def _find_previous_sources(previous: PreviousDisk, instance: Instance) -> Sources:
    """Find the keys that make the end of the name of a disk of another generation."""
    value = instance.settings.values.located
    sources: list[Located] = []
    for key in previous.path.split("."):
        value = value.mapping[key]
        if key not in ("disks", "previous"):
            sources += _find_key_sources(value, key)
    return tuple(sources)


def _find_system_disk_sources(own_disk: OwnDisk, instance: Instance) -> Sources:
    """Find the one setting, a source or a size, that makes the system disk; empty if several do or a rule did."""
    if own_disk.key != SYSTEM_DISK or _find_disk_entry(own_disk, instance):
        return ()
    settings = instance.settings.values
    values = [value for key in (*DISK_SOURCES, "storage") if (value := settings.get(key)) and not value.layer]
    return (Located(None, values[0].place, layer="makes the system disk"),) if len(values) == 1 else ()


def _find_attached_disk_sources(
    group: Group, instance: Instance, disks: DiskIndex, bus_name: str
) -> Iterator[tuple[Sources, Sources]]:
    """Find the sources of the name and of the bus of each disk, in boot order."""
    for own_disk in instance.settings.disks:
        disk_sources = (*_find_suffix_sources(own_disk, instance), *_find_system_disk_sources(own_disk, instance))
        name_sources = (*_find_name_sources(group, instance), *disk_sources)
        yield name_sources, (own_disk.settings.get(bus_name) or Located("", own_disk.place, layer="left to the profile"),)
    for item in instance.settings.attachments:
        disk = None if item.get(bus_name) else disks.get(item.get_plain("name"))
        bus = item.get(bus_name) or (disk.settings.get(bus_name) if disk else None)
        buses = (bus or Located("", item.place, layer="left to the profile"),)
        # The attachment has the bus of the disk of this name.
        disk_location = (Located(None, disk.settings.located.place, layer="the attached disk"),) if disk else ()
        yield (item.mapping["name"],), (*buses, *disk_location)


class UserDataSources:
    """Finds the values, fragments and templates behind the cloud-init user data of VMs of one environment."""

    def __init__(self, environment: Environment, project: Project) -> None:
        self._environment = environment
        self._builder = UserDataBuilder(project)
        self._variables = TemplateVariables(environment)
        self._indexes = {id(instance): index for group in environment.groups for index, instance in enumerate(group.instances)}
        self._shared: dict[int, bool] = {}
        self._files: dict[str, tuple[Located, ...]] = {}
        self._used_paths: set[KeyPath] = set()
        filters = {name: accept_tokens(function) for name, function in USER_DATA_FILTERS.items()}
        self._templates = Templates(project, lambda value: finalize_user_data(to_tokens(value)), filters, plain=True)

    def are_shared(self, instance: Instance) -> bool:
        """Return whether all VMs with the settings of one have the same sources of user data."""
        key = id(instance.settings)
        if key not in self._shared:
            self._shared[key] = only_writes_names(self._builder.build(instance.settings.values, ""))
        return self._shared[key]

    def find_sources(self, group: Group, instance: Instance, disks: list[str], find_vm_values: VmSourceLookup) -> Sources:
        """Find the sources of a VM's user data, empty if it has none. `disks` are the names of the VM's disks."""
        cloud_init = instance.settings.values.get("cloudInit")
        if cloud_init is None:
            return ()
        user_data = self._builder.build(instance.settings.values, "")
        if "merge" not in cloud_init.mapping:
            if not is_template(cloud_init):
                return _list_scalars(cloud_init)
            return tuple(self._find_template_sources(cloud_init, user_data, group, instance, disks, find_vm_values))
        entries = cloud_init.mapping["merge"]
        sources = list(_list_scalars(self._merge(entries)))
        sources += [Located(item.data, item.place, layer="names a fragment") for item in entries.items if not item.mapping]
        templates = user_data.templates if isinstance(user_data, MergedUserData) else {}
        for index, template in templates.items():
            sources += self._find_template_sources(entries.items[index], template, group, instance, disks, find_vm_values)
        return tuple(sources)

    def merge_fragments(self) -> Iterator[Located]:
        """Merge the fragments that each `cloudInit.merge` of the environment lists."""
        for _, settings, _ in self._environment.vm_settings:
            cloud_init = settings.values.get("cloudInit")
            if cloud_init and "merge" in cloud_init.mapping:
                yield self._merge(cloud_init.mapping["merge"])

    def _merge(self, entries: Located) -> Located:
        return self._builder.fragments.merge(entries, "", [])

    def _find_template_sources(
        self,
        call: Located,
        user_data: UserData | TemplatedUserData | MergedUserData,
        group: Group,
        instance: Instance,
        disks: list[str],
        find_vm_values: VmSourceLookup,
    ) -> Iterator[Located]:
        """Find the sources of a `{template: ...}` or `{text: ...}`, which the user data is built from."""
        written_name = call.get("template") or call.mapping["text"]
        is_inline = "template" not in call.mapping
        name = user_data.name if isinstance(user_data, TemplatedUserData) else f"cloud-init/{written_name.data}"
        if is_inline:
            yield written_name
            if isinstance(user_data, TemplatedUserData):
                self._templates.add_source(name, user_data.source, user_data.display_path)
        if not is_inline or isinstance(user_data, TemplatedUserData):
            yield from self._find_files(name)
        if not is_inline:
            yield Located(written_name.data, written_name.place, layer="names the template")
        if isinstance(user_data, TemplatedUserData):
            context = self._variables.build(group, self._indexes[id(instance)], disks)
            variables = merge_vars(self._environment, instance.settings.values)
            for path in self._find_used_paths(name, context):
                yield from self._find_variable_sources(path, variables, find_vm_values)

    def _find_files(self, name: str) -> tuple[Located, ...]:
        """Find the files of a template and of those that it includes, once for each template."""
        if name not in self._files:
            files = [
                file for file in self._templates.find_referenced(name) if file and self._templates.project.find_template(file)
            ]
            places = [Place(self._templates.read_source(file)[1]) for file in files]
            self._files[name] = tuple(Located(None, place, layer="template of the user data") for place in places)
        return self._files[name]

    def _find_used_paths(self, name: str, context: Mapping[str, Any]) -> list[KeyPath]:
        """Find the paths that a template writes or reads; all paths if it cannot be rendered with traced values."""
        self._used_paths = set()
        try:
            self._templates.render(name, trace_context(context, self))
        # A traced value is no real one: a template that asks for its length or type can fail.
        except ProblemsError:
            self._used_paths = set(_list_scalar_paths(context, ()))
        return sorted(self._used_paths, key=str)

    def render_token(self, paths: TracedPaths) -> str:
        """Record that the values are written. The text does not matter; a number can stand in most places."""
        self._used_paths.update(paths)
        return "0"

    def record_read(self, paths: TracedPaths) -> None:
        """Record that the template decides something by the values."""
        self._used_paths.update(paths)

    def _find_variable_sources(self, path: KeyPath, variables: Located, find_vm_values: VmSourceLookup) -> Iterable[Located]:
        name, *steps = path
        if name == "vm" and steps[:1] != ["namespace"]:
            return find_vm_values(tuple(steps))
        if name == "vars":
            return _find_values_at(variables, steps)
        setting = self._environment.settings.get(str(steps[0])) if steps else None
        return _find_values_at(setting, steps[1:]) if setting and steps != ["name"] else ()


def _find_values_at(value: Located, steps: list[str | int]) -> Sources:
    """Find the values at a path, or at as much of it as exists."""
    for step in steps:
        child = value.get(step) if isinstance(step, str) else value.items[step] if step < len(value.items) else None
        if child is None:
            break
        value = child
    return _list_scalars(value)


def _list_scalars(value: Located) -> Sources:
    """Find the scalars below a value; the value itself if there are none."""
    return tuple(leaf for _, leaf in walk(value) if not isinstance(leaf.data, dict | tuple)) or (value,)


def _list_scalar_paths(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _list_scalar_paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _list_scalar_paths(item, (*path, index))
    else:
        yield path
