"""Where everything came from that the template of an object is given: a way into it becomes located values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.expand.given import Given, disk_given, vm_given
from vmgen.expand.model import Disk, Resource, VirtualMachine
from vmgen.explain.user_data import Sources, UserDataSources
from vmgen.explain.watched import Way
from vmgen.merge.environment import SYSTEM, Environment, Group, Instance, OwnDisk
from vmgen.merge.settings import Settings
from vmgen.problems import Place
from vmgen.read.located import Located
from vmgen.read.overlay import SOURCES
from vmgen.read.project import Project


class ObjectSources(NamedTuple):
    """The sources of one object. `named` are those of its name, `counted` those that say that there is such an object;
    `disks` has the name and the bus of each disk of a VM; `derived` what no value of `given` holds: the user data."""

    named: Sources
    counted: Sources
    given: Given
    place: Place
    disks: tuple[tuple[Sources, Sources], ...] = ()
    derived: tuple[tuple[str, Sources], ...] = ()

    def at(self, way: Way) -> Sources:
        """The values that made the value at a way, the one that holds it first."""
        head, *below = way
        if head == "name":
            return self.named
        if head in ("disks", "diskNames"):
            if not below:
                return (Located(None, self.place, layer="no disks"),)
            names, bus = self.disks[int(below[0])]
            return bus if below[-1] == "bus" else names
        derived = dict(self.derived).get(str(head))
        return derived or (self._given(str(head), below),)

    def _given(self, head: str, below: list[str | int]) -> Located:
        found = self.given.get(head)
        for step in below:
            inner = found and (found.get(step) if isinstance(step, str) else found.items[step])
            if inner and found and isinstance(step, int):
                # Of a list that replaced a lower one, each item did.
                inner = inner._replace(under=inner.under or found.under)
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
        self._given: dict[int, Given] = {}

    def of(self, resource: Resource) -> ObjectSources:
        """The sources of an object of this environment."""
        if isinstance(resource, VirtualMachine):
            return self._machine(resource)
        if not resource.group:
            return self._standalone(resource)
        group, instance = self._instances[resource.group, resource.vm]
        own = next(each for each in instance.settings.disks if each.settings is resource.settings)
        given = self._disk_given(resource.settings, (instance.settings.values,))
        name = (*_named(group, instance), *_suffix(own, instance))
        return ObjectSources(name, (*_counted(group), *_made_by(own, instance)), given, own.place)

    def _machine(self, machine: VirtualMachine) -> ObjectSources:
        group, instance = self._instances[machine.group, machine.name]
        settings = instance.settings.values
        if id(settings) not in self._given:
            self._given[id(settings)] = vm_given(self._environment, settings)
        given = self._given[id(settings)]
        named, disks = _named(group, instance), tuple(_disks(group, instance))

        def of_vm(way: Way) -> Sources:
            if way[:1] == ("disks",) and len(way) > 1:
                return disks[int(way[1])][0]
            return named if way[:1] in (("name",), ("group",)) else _counted(group)

        text = self.user_data.of(group, instance, [disk.name for disk in machine.disks], of_vm)
        derived = [("cloudInit", text)] if text else []
        if machine.seed:
            derived.append(
                ("cloudInitSeed", (given["cloudInitSeed"]._replace(layer="derived from the user data", under=None), *text))
            )
        given = self._spared(machine, given, text)
        return ObjectSources(named, _counted(group), given, settings.located.place, disks, tuple(derived))

    def _spared(self, machine: VirtualMachine, given: Given, text: Sources) -> Given:
        """With the annotations that keep Flux away from `${…}` in the user data, where the machine has them."""
        found = given["annotations"]
        content = self._environment.platform.content.get("unsubstituted")
        own = machine.values["annotations"]
        added = {name: value for name, value in (content.mapping if content else {}).items() if name in own}
        place = text[0].place if text else found.place
        made = {
            name: Located(value.data, place, layer="the user data holds ${…}", under=value)
            for name, value in added.items()
            if not found.get(name)
        }
        return {**given, "annotations": Located({**found.mapping, **made}, found.place)} if made else given

    def _standalone(self, disk: Disk) -> ObjectSources:
        place = next(each.place for each in self._environment.disks if each.name == disk.name)
        written = self._environment.settings.get("disks")
        named = _keys(written.get(disk.name), disk.name) if written else ()
        return ObjectSources(named, (), self._disk_given(disk.settings, ()), place)

    def _disk_given(self, settings: Settings, above: tuple[Settings, ...]) -> Given:
        if id(settings) not in self._given:
            self._given[id(settings)] = disk_given(self._environment, settings, above)
        return self._given[id(settings)]


def _named(group: Group, instance: Instance) -> Sources:
    """What a VM's name is made of: the name that is written, or the group's base name."""
    written = group.written
    if instance.number is None and written.get("names"):
        return (Located(instance.name, instance.place),)
    name = written.get("name")
    return (name,) if name else _keys(written, group.key)


def _keys(written: Located | None, name: str) -> Sources:
    """Each key of a name that several layers may write: it goes only when all of them go."""
    found = []
    while written:
        if written.key:
            found.append(Located(name, written.key))
        written = written.under
    return tuple(found)


def _counted(group: Group) -> Sources:
    return tuple(found for key in ("count", "skip", "names") if (found := group.written.get(key)))


def _suffix(own: OwnDisk, instance: Instance) -> Sources:
    """The suffix of a disk's name, where somebody wrote it."""
    written = instance.settings.values.get("disks")
    given = own.suffix == SYSTEM and not (written and written.get(SYSTEM))
    return () if given or not written else _keys(written.get(own.suffix), own.suffix)


def _made_by(own: OwnDisk, instance: Instance) -> Sources:
    """What says that there is a system disk, where one value alone does: a source, or a size."""
    settings = instance.settings.values
    if own.suffix != SYSTEM or _suffix(own, instance):
        return ()
    found = [value for key in (*SOURCES, "storage") if (value := settings.get(key)) and not value.layer]
    return (Located(None, found[0].place, layer="makes the system disk"),) if len(found) == 1 else ()


def _disks(group: Group, instance: Instance) -> Iterator[tuple[Sources, Sources]]:
    """The sources of each disk's name and bus, in boot order."""
    for own in instance.settings.disks:
        bus = own.settings.get("bus") or Located("", own.place, layer="left to the profile")
        yield (*_named(group, instance), *_suffix(own, instance), *_made_by(own, instance)), (bus,)
    for item in instance.settings.attached:
        bus = item.get("bus") or Located("", item.place, layer="left to the profile")
        yield (item.mapping["name"],), (bus,)
