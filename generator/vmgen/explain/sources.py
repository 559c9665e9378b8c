"""What the user data of a VM is made of: the values, fragments and templates behind the text of its cloud-init.

Where everything came from that the template of an object is given: a way into it becomes located values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.cloud_init.render import TemplatedUserData, UserDataBuilder
from vmgen.cloud_init.variables import USER_DATA_FILTERS, TemplateVariables, finalize_user_data, merge_vars
from vmgen.expand.model import Disk, Resource, VirtualMachine
from vmgen.expand.template_context import LocatedContext, build_disk_context, build_vm_context
from vmgen.explain.trace import TracedPaths, ValuePath, to_tokens, trace_value
from vmgen.merge.environment import SYSTEM_DISK, Environment, Group, Instance, OwnDisk
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.settings import Settings
from vmgen.problems import Place, ProblemsError
from vmgen.read.located import Located, walk
from vmgen.read.repository import Project
from vmgen.read.templates import Templates

Sources = tuple[Located, ...]
# The values that made a fact about a VM, by its way: ("name",), ("disks", 0).
VmSourceLookup = Callable[[ValuePath], Sources]


def find_leaf_values(value: Located) -> Sources:
    """What a text is made of: the value, or if that has values below, those."""
    below = tuple(item for _, item in walk(value) if not isinstance(item.data, dict | tuple))
    return below or (value,)


class UserDataSources:
    """Finds them for the VMs of one environment."""

    def __init__(self, environment: Environment, project: Project) -> None:
        self._environment = environment
        self._builder = UserDataBuilder(project)
        self._variables = TemplateVariables(environment)
        self._used_paths: set[ValuePath] = set()
        filters = {name: _wrap_filter(function) for name, function in USER_DATA_FILTERS.items()}
        self._templates = Templates(project, lambda value: finalize_user_data(to_tokens(value)), filters, plain=True)

    def find_sources(self, group: Group, instance: Instance, disks: list[str], of_vm: VmSourceLookup) -> Sources:
        """The sources of one VM's user data, `disks` being the names of its disks."""
        found = instance.settings.values.get("cloudInit")
        if found is None:
            return ()
        if "merge" in found.mapping:
            listed = found.mapping["merge"]
            names = [Located(item.data, item.place, layer="names a fragment") for item in listed.items if not item.mapping]
            return (*find_leaf_values(self._merge(listed)), *names)
        if "template" in found.mapping:
            return tuple(self._find_template_sources(found, group, instance, disks, of_vm))
        return find_leaf_values(found)

    def merge_fragments(self) -> Iterator[Located]:
        """The fragments that the environment merges."""
        for _, settings, _ in self._environment.vm_settings:
            found = settings.values.get("cloudInit")
            if found and "merge" in found.mapping:
                yield self._merge(found.mapping["merge"])

    def _merge(self, listed: Located) -> Located:
        return self._builder.fragments.merge(listed, "", [])

    def _find_template_sources(
        self, found: Located, group: Group, instance: Instance, disks: list[str], of_vm: VmSourceLookup
    ) -> Iterator[Located]:
        named = found.mapping["template"]
        form = self._builder.build(instance.settings.values, "")
        name = form.name if isinstance(form, TemplatedUserData) else f"cloud-init/{named.data}"
        for file in self._templates.find_referenced(name):
            if file and self._templates.project.find_template(file):
                yield Located(None, Place(self._templates.read_source(file)[1]), layer="template of the user data")
        yield Located(named.data, named.place, layer="names the template")
        if isinstance(form, TemplatedUserData):
            facts = self._variables.build(group, group.instances.index(instance), disks)
            variables = merge_vars(self._environment, instance.settings.values)
            for way in self._find_used_paths(name, facts):
                yield from self._find_variable_sources(way, variables, of_vm)

    def _find_used_paths(self, name: str, facts: Mapping[str, Any]) -> list[ValuePath]:
        """The facts that a template writes or asks about; all of them where it does with them what cannot be watched."""
        self._used_paths = set()
        try:
            self._templates.render(name, {key: trace_value(value, (key,), self) for key, value in facts.items()})
        except ProblemsError:
            self._used_paths = {way for key, value in facts.items() for way in _list_value_paths(value, (key,))}
        return sorted(self._used_paths, key=str)

    def render_token(self, ways: TracedPaths) -> str:
        """A watched fact is written."""
        self._used_paths.update(ways)
        return "0"

    def record_read(self, ways: TracedPaths) -> None:
        """A watched fact decides something."""
        self._used_paths.update(ways)

    def _find_variable_sources(self, way: ValuePath, variables: Located, of_vm: VmSourceLookup) -> Iterator[Located]:
        head, *below = way
        if head == "vm" and below[:1] != ["namespace"]:
            yield from of_vm(tuple(below))
        elif head == "vars":
            yield from _find_values_at(variables, below)
        else:
            found = self._environment.settings.get(str(below[0])) if below else None
            if found and below != ["name"]:
                yield from _find_values_at(found, below[1:])


def _find_values_at(value: Located, way: list[str | int]) -> Iterator[Located]:
    for step in way:
        inner = value.get(step) if isinstance(step, str) else value.items[step] if step < len(value.items) else None
        if inner is None:
            break
        value = inner
    yield from find_leaf_values(value)


def _list_value_paths(value: Any, way: ValuePath) -> Iterator[ValuePath]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _list_value_paths(item, (*way, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _list_value_paths(item, (*way, index))
    else:
        yield way


def _wrap_filter(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, *arguments, **named: function(to_tokens(value), *arguments, **named)


class ObjectSources(NamedTuple):
    """The sources of one object. `named` are those of its name, `counted` those that say that there is such an object;
    `disks` has the name and the bus of each disk of a VM; `derived` what no value of `given` holds: the user data."""

    name_sources: Sources
    existence_sources: Sources
    context: LocatedContext
    place: Place
    disk_sources: tuple[tuple[Sources, Sources], ...] = ()
    derived_sources: tuple[tuple[str, Sources], ...] = ()

    def find_values(self, way: ValuePath) -> Sources:
        """The values that made the value at a way, the one that holds it first."""
        head, *below = way
        if head == "name":
            return self.name_sources
        if head in ("disks", "diskNames"):
            if not below:
                return (Located(None, self.place, layer="no disks"),)
            names, bus = self.disk_sources[int(below[0])]
            return bus if below[-1] == "bus" else names
        derived = dict(self.derived_sources).get(str(head))
        return derived or (self._find_in_context(str(head), below),)

    def _find_in_context(self, head: str, below: list[str | int]) -> Located:
        found = self.context.get(head)
        for step in below:
            inner = found and (found.get(step) if isinstance(step, str) else found.items[step])
            if inner and found and isinstance(step, int):
                # Of a list that replaced a lower one, each item did.
                inner = inner._replace(overrides=inner.overrides or found.overrides)
            found = inner
        return found or Located(None, self.place, layer="worked out")


class EnvironmentSources:
    """The sources of the objects of one environment; what objects share is worked out once."""

    def __init__(self, environment: Environment, project: Project) -> None:
        self._environment = environment
        self.user_data = UserDataSources(environment, project)
        self._instances = {
            (group.key, instance.name): (group, instance) for group in environment.groups for instance in group.instances
        }
        self._contexts: dict[int, LocatedContext] = {}

    def find_object_sources(self, resource: Resource) -> ObjectSources:
        """The sources of an object of this environment."""
        if isinstance(resource, VirtualMachine):
            return self._build_vm_sources(resource)
        if not resource.group:
            return self._build_standalone_sources(resource)
        group, instance = self._instances[resource.group, resource.vm]
        own = next(each for each in instance.settings.disks if each.settings is resource.settings)
        given = self._build_disk_context(resource.settings, (instance.settings.values,))
        name = (*_find_name_sources(group, instance), *_find_suffix_sources(own, instance))
        return ObjectSources(name, (*_find_count_sources(group), *_find_system_disk_source(own, instance)), given, own.place)

    def _build_vm_sources(self, machine: VirtualMachine) -> ObjectSources:
        group, instance = self._instances[machine.group, machine.name]
        settings = instance.settings.values
        if id(settings) not in self._contexts:
            self._contexts[id(settings)] = build_vm_context(self._environment, settings)
        given = self._contexts[id(settings)]
        named, disks = _find_name_sources(group, instance), tuple(_find_disk_sources(group, instance))

        def of_vm(way: ValuePath) -> Sources:
            if way[:1] == ("disks",) and len(way) > 1:
                return disks[int(way[1])][0]
            return named if way[:1] in (("name",), ("group",)) else _find_count_sources(group)

        text = self.user_data.find_sources(group, instance, [disk.name for disk in machine.disks], of_vm)
        derived = [("cloudInit", text)] if text else []
        if machine.seed:
            derived.append(
                ("cloudInitSeed", (given["cloudInitSeed"]._replace(layer="derived from the user data", overrides=None), *text))
            )
        given = self._add_flux_annotations(machine, given, text)
        return ObjectSources(named, _find_count_sources(group), given, settings.located.place, disks, tuple(derived))

    def _add_flux_annotations(self, machine: VirtualMachine, given: LocatedContext, text: Sources) -> LocatedContext:
        """With the annotations that keep Flux away from `${…}` in the user data, where the machine has them."""
        found = given["annotations"]
        content = self._environment.platform.content.get("unsubstituted")
        own = machine.values["annotations"]
        added = {name: value for name, value in (content.mapping if content else {}).items() if name in own}
        place = text[0].place if text else found.place
        made = {
            name: Located(value.data, place, layer="the user data holds ${…}", overrides=value)
            for name, value in added.items()
            if not found.get(name)
        }
        return {**given, "annotations": Located({**found.mapping, **made}, found.place)} if made else given

    def _build_standalone_sources(self, disk: Disk) -> ObjectSources:
        place = next(each.place for each in self._environment.disks if each.name == disk.name)
        written = self._environment.settings.get("disks")
        named = _find_key_sources(written.get(disk.name), disk.name) if written else ()
        return ObjectSources(named, (), self._build_disk_context(disk.settings, ()), place)

    def _build_disk_context(self, settings: Settings, above: tuple[Settings, ...]) -> LocatedContext:
        if id(settings) not in self._contexts:
            self._contexts[id(settings)] = build_disk_context(self._environment, settings, above)
        return self._contexts[id(settings)]


def _find_name_sources(group: Group, instance: Instance) -> Sources:
    """What a VM's name is made of: the name that is written, or the group's base name."""
    written = group.located
    if instance.number is None and written.get("names"):
        return (Located(instance.name, instance.place),)
    name = written.get("name")
    return (name,) if name else _find_key_sources(written, group.key)


def _find_key_sources(written: Located | None, name: str) -> Sources:
    """Each key of a name that several layers may write: it goes only when all of them go."""
    found = []
    while written:
        if written.key_place:
            found.append(Located(name, written.key_place))
        written = written.overrides
    return tuple(found)


def _find_count_sources(group: Group) -> Sources:
    return tuple(found for key in ("count", "skip", "names") if (found := group.located.get(key)))


def _find_suffix_sources(own: OwnDisk, instance: Instance) -> Sources:
    """The suffix of a disk's name, where somebody wrote it."""
    written = instance.settings.values.get("disks")
    given = own.suffix == SYSTEM_DISK and not (written and written.get(SYSTEM_DISK))
    return () if given or not written else _find_key_sources(written.get(own.suffix), own.suffix)


def _find_system_disk_source(own: OwnDisk, instance: Instance) -> Sources:
    """What says that there is a system disk, where one value alone does: a source, or a size."""
    settings = instance.settings.values
    if own.suffix != SYSTEM_DISK or _find_suffix_sources(own, instance):
        return ()
    found = [value for key in (*DISK_SOURCES, "storage") if (value := settings.get(key)) and not value.layer]
    return (Located(None, found[0].place, layer="makes the system disk"),) if len(found) == 1 else ()


def _find_disk_sources(group: Group, instance: Instance) -> Iterator[tuple[Sources, Sources]]:
    """The sources of each disk's name and bus, in boot order."""
    for own in instance.settings.disks:
        bus = own.settings.get("bus") or Located("", own.place, layer="left to the profile")
        yield (
            (
                *_find_name_sources(group, instance),
                *_find_suffix_sources(own, instance),
                *_find_system_disk_source(own, instance),
            ),
            (bus,),
        )
    for item in instance.settings.attachments:
        bus = item.get("bus") or Located("", item.place, layer="left to the profile")
        yield (item.mapping["name"],), (bus,)
