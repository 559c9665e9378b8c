"""What the user data of a VM is made of: the values, fragments and templates behind the text of its cloud-init."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vmgen.expand.cloud_init.facts import Facts, located_vars
from vmgen.expand.cloud_init.forms import Forms, TemplateForm
from vmgen.expand.cloud_init.values import FILTERS, written
from vmgen.explain.watched import Way, Ways, tokens, watched
from vmgen.merge.environment import Environment, Group, Instance
from vmgen.problems import Place, Refused
from vmgen.read.located import Located, walk
from vmgen.read.project import Project
from vmgen.read.templates import Templates

Sources = tuple[Located, ...]
# The values that made a fact about a VM, by its way: ("name",), ("disks", 0).
OfVm = Callable[[Way], Sources]


def texts(value: Located) -> Sources:
    """What a text is made of: the value, or if that has values below, those."""
    below = tuple(item for _, item in walk(value) if not isinstance(item.data, dict | tuple))
    return below or (value,)


class UserDataSources:
    """Finds them for the VMs of one environment."""

    def __init__(self, environment: Environment, project: Project) -> None:
        self._environment = environment
        self._forms = Forms(project)
        self._facts = Facts(environment)
        self._used: set[Way] = set()
        filters = {name: _on_tokens(function) for name, function in FILTERS.items()}
        self._templates = Templates(project, lambda value: written(tokens(value)), filters, plain=True)

    def of(self, group: Group, instance: Instance, disks: list[str], of_vm: OfVm) -> Sources:
        """The sources of one VM's user data, `disks` being the names of its disks."""
        found = instance.settings.values.get("cloudInit")
        if found is None:
            return ()
        if "merge" in found.mapping:
            listed = found.mapping["merge"]
            names = [Located(item.data, item.place, layer="names a fragment") for item in listed.items if not item.mapping]
            return (*texts(self._merged(listed)), *names)
        if "template" in found.mapping:
            return tuple(self._of_template(found, group, instance, disks, of_vm))
        return texts(found)

    def fragments(self) -> Iterator[Located]:
        """The fragments that the environment merges."""
        for _, settings, _ in self._environment.vm_settings():
            found = settings.values.get("cloudInit")
            if found and "merge" in found.mapping:
                yield self._merged(found.mapping["merge"])

    def _merged(self, listed: Located) -> Located:
        return self._forms.fragments.merged(listed, "", [])

    def _of_template(
        self, found: Located, group: Group, instance: Instance, disks: list[str], of_vm: OfVm
    ) -> Iterator[Located]:
        named = found.mapping["template"]
        form = self._forms.user_data(instance.settings.values, "")
        name = form.name if isinstance(form, TemplateForm) else f"cloud-init/{named.data}"
        for file in self._templates.referenced(name):
            if file and self._templates.project.template(file):
                yield Located(None, Place(self._templates.source(file)[1]), layer="template of the user data")
        yield Located(named.data, named.place, layer="names the template")
        if isinstance(form, TemplateForm):
            facts = self._facts.of(group, group.instances.index(instance), disks)
            variables = located_vars(self._environment, instance.settings.values)
            for way in self._uses(name, facts):
                yield from self._of_fact(way, variables, of_vm)

    def _uses(self, name: str, facts: Mapping[str, Any]) -> list[Way]:
        """The facts that a template writes or asks about; all of them where it does with them what cannot be watched."""
        self._used = set()
        try:
            self._templates.render(name, {key: watched(value, (key,), self) for key, value in facts.items()})
        except Refused:
            self._used = {way for key, value in facts.items() for way in _ways(value, (key,))}
        return sorted(self._used, key=str)

    def token(self, ways: Ways) -> str:
        """A watched fact is written."""
        self._used.update(ways)
        return "0"

    def read(self, ways: Ways) -> None:
        """A watched fact decides something."""
        self._used.update(ways)

    def _of_fact(self, way: Way, variables: Located, of_vm: OfVm) -> Iterator[Located]:
        head, *below = way
        if head == "vm" and below[:1] != ["namespace"]:
            yield from of_vm(tuple(below))
        elif head == "vars":
            yield from _at(variables, below)
        else:
            found = self._environment.settings.get(str(below[0])) if below else None
            if found and below != ["name"]:
                yield from _at(found, below[1:])


def _at(value: Located, way: list[str | int]) -> Iterator[Located]:
    for step in way:
        inner = value.get(step) if isinstance(step, str) else value.items[step] if step < len(value.items) else None
        if inner is None:
            break
        value = inner
    yield from texts(value)


def _ways(value: Any, way: Way) -> Iterator[Way]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _ways(item, (*way, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _ways(item, (*way, index))
    else:
        yield way


def _on_tokens(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, *arguments, **named: function(tokens(value), *arguments, **named)
