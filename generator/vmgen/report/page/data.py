"""What the page is given: the fleet as compact rows, with everything that repeats in a table of its own.

Nothing here may be a secret: manifests are made of masked values, and origins name places, never values.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from vmgen.check.totals import total
from vmgen.compare.plan import Plan
from vmgen.expand.model import Disk, Fleet, Resource, VirtualMachine
from vmgen.masking import shown
from vmgen.quantities import mebibytes
from vmgen.read.project import Project
from vmgen.render.manifests import path_of
from vmgen.report.fleet import exposure, source, state
from vmgen.report.page.changes import changes_data
from vmgen.report.page.made import Made
from vmgen.report.page.manifests import Manifests
from vmgen.report.page.origins import Origins
from vmgen.report.totals import Summary, all_costs, as_data, machine_totals, summary, summary_data

# The order of the numbers and texts in a row; the page finds them by these names.
VM_COLUMNS = (
    "environment",
    "name",
    "group",
    "type",
    "cpu",
    "memory",
    "storage",
    "image",
    "exposure",
    "state",
    "disks",
    "labels",
    "path",
    "manifest",
    "origins",
)
DISK_COLUMNS = (
    "environment",
    "name",
    "group",
    "vm",
    "source",
    "storage",
    "class",
    "optical",
    "protected",
    "labels",
    "path",
    "manifest",
    "origins",
)


class Table:
    """Things that repeat, each kept once; a row has the number."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, item: Any, key: Hashable = None) -> int:
        """The number of a thing; `key` stands for it where it cannot be looked up itself."""
        key = item if key is None else key
        if key not in self._numbers:
            self._numbers[key] = len(self.items)
            self.items.append(item)
        return self._numbers[key]


def page_data(project: Project, made: Sequence[Made], plan: Plan | None = None) -> dict[str, Any]:
    """The whole fleet, as the page's script reads it."""
    rows = _Rows(project)
    sums = [summary(each.environment, each.fleet, each.fleet.machines, each.fleet.disks) for each in made]
    for index, each in enumerate(made):
        rows.add(index, each)
    return {
        "version": 1,
        "environments": [_environment(each, sums_) for each, sums_ in zip(made, sums)],
        "totals": as_data(total(each.all for each in sums)),
        "cost": str(all_costs(sums)),
        "columns": {"vms": VM_COLUMNS, "disks": DISK_COLUMNS},
        "vms": rows.vms,
        "disks": rows.disks,
        "labels": rows.labels.items,
        "manifests": rows.manifests.items,
        "origins": rows.origins.items,
        "changes": changes_data(plan) if plan else None,
    }


def _environment(each: Made, sums: Summary) -> dict[str, Any]:
    places = {group.key: str(group.place) for group in each.environment.groups}
    data = summary_data(sums)
    groups = [{**group, "place": places.get(group["group"], "")} for group in data["groups"]]
    return {
        **data,
        "file": each.fleet.file,
        "platform": each.fleet.platform.data("title"),
        "namespace": each.fleet.namespace,
        "groups": groups,
        "cost": str(sums.cost) if sums.cost else "",
        "unpriced": list(sums.cost.unpriced) if sums.cost else [],
    }


class _Rows:
    def __init__(self, project: Project) -> None:
        self.vms: list[list[Any]] = []
        self.disks: list[list[Any]] = []
        self.labels = Table()
        self.manifests = Table()
        self.origins = Table()
        self._project = project
        self._origins_of: dict[tuple[object, ...], int] = {}

    def add(self, index: int, each: Made) -> None:
        """The rows of one environment. VMs name their disks by the numbers of the disks' rows."""
        manifests, origins = Manifests(self._project, each.fleet), Origins(self._project, each)
        numbers: dict[str, int] = {}
        for disk in each.fleet.disks:
            numbers[disk.name] = len(self.disks)
            self.disks.append([index, *_disk(disk), *self._common(disk, each.fleet, manifests, origins)])
        sizes = {disk.name: mebibytes(disk.values["storage"]) for disk in each.fleet.disks}
        for machine in each.fleet.machines:
            storage = sum(sizes.get(disk.name, 0) for disk in machine.disks)
            attached = [numbers.get(disk.name, disk.name) for disk in machine.disks]
            common = self._common(machine, each.fleet, manifests, origins)
            self.vms.append([index, *_machine(machine, each.fleet, storage), attached, *common])

    def _common(self, resource: Resource, fleet: Fleet, manifests: Manifests, origins: Origins) -> Iterable[Any]:
        labels = shown(dict(resource.values["labels"]))
        shape = (resource.kind, id(resource.values), len(getattr(resource, "disks", ())))
        if shape not in self._origins_of:
            found = origins.of(resource)
            self._origins_of[shape] = self.origins.number(found, str(found))
        yield self.labels.number(labels, str(labels))
        yield path_of(fleet, resource)
        yield self.manifests.number(manifests.form(resource))
        yield self._origins_of[shape]


def _machine(machine: VirtualMachine, fleet: Fleet, storage: int) -> Iterable[Any]:
    asked = machine_totals(machine, fleet)
    values = machine.values
    image = machine.settings.value("image", "")
    yield from (machine.name, machine.group, values["instanceType"], asked.cpu, asked.memory, storage, image)
    yield from (exposure(machine), state(machine))


def _disk(disk: Disk) -> Iterable[Any]:
    values = disk.values
    protected = bool(disk.settings.value("protect", True))
    yield from (disk.name, disk.group, disk.vm, shown(source(disk)), mebibytes(values["storage"]), values["storageClass"])
    yield from (bool(values["optical"]), protected)
