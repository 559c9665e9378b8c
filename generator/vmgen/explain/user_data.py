"""What the user data of a VM is made of: the values, fragments and templates behind the text of its cloud-init."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vmgen.expand.cloud_init.facts import TemplateVariables, merge_vars
from vmgen.expand.cloud_init.forms import TemplatedUserData, UserDataBuilder
from vmgen.expand.cloud_init.values import USER_DATA_FILTERS, finalize_user_data
from vmgen.explain.watched import TracedPaths, ValuePath, to_tokens, trace_value
from vmgen.merge.environment import Environment, Group, Instance
from vmgen.problems import Place, ProblemsError
from vmgen.read.located import Located, walk
from vmgen.read.project import Project
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
        for _, settings, _ in self._environment.vm_settings():
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
