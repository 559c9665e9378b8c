"""What the page is given: the fleet as compact rows, with everything that repeats in a table of its own.

Nothing here may be a secret: manifests are made of masked values, and origins name places, never values.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from vmgen.check.totals import sum_totals
from vmgen.compare.plan import Plan
from vmgen.expand.model import Disk, Fleet, Resource, VirtualMachine
from vmgen.masking import redact
from vmgen.quantities import parse_size
from vmgen.read.project import Project
from vmgen.render.manifests import get_manifest_path
from vmgen.report.fleet import describe_exposure, describe_source, describe_state
from vmgen.report.page.changes import build_changes
from vmgen.report.page.made import PageEnvironment
from vmgen.report.page.manifests import RedactedManifests
from vmgen.report.page.origins import PageOrigins
from vmgen.report.totals import (
    EnvironmentSummary,
    compute_machine_totals,
    sum_costs,
    summarize_environment,
    summary_to_dict,
    totals_to_dict,
)

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


class InternTable:
    """Things that repeat, each kept once; a row has the number."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._indexes: dict[Hashable, int] = {}

    def intern(self, item: Any, key: Hashable = None) -> int:
        """The number of a thing; `key` stands for it where it cannot be looked up itself."""
        key = item if key is None else key
        if key not in self._indexes:
            self._indexes[key] = len(self.items)
            self.items.append(item)
        return self._indexes[key]


def build_page_data(project: Project, made: Sequence[PageEnvironment], plan: Plan | None = None) -> dict[str, Any]:
    """The whole fleet, as the page's script reads it."""
    rows = _RowBuilder(project)
    sums = [summarize_environment(each.environment, each.fleet, each.fleet.machines, each.fleet.disks) for each in made]
    for index, each in enumerate(made):
        rows.add_environment(index, each)
    return {
        "version": 1,
        "environments": [_environment_to_dict(each, sums_) for each, sums_ in zip(made, sums)],
        "totals": totals_to_dict(sum_totals(each.total for each in sums)),
        "cost": str(sum_costs(sums)),
        "columns": {"vms": VM_COLUMNS, "disks": DISK_COLUMNS},
        "vms": rows.vms,
        "disks": rows.disks,
        "labels": rows.labels.items,
        "manifests": rows.manifests.items,
        "origins": rows.origins.items,
        "changes": build_changes(plan) if plan else None,
    }


def _environment_to_dict(each: PageEnvironment, sums: EnvironmentSummary) -> dict[str, Any]:
    places = {group.key: str(group.place) for group in each.environment.groups}
    data = summary_to_dict(sums)
    groups = [{**group, "place": places.get(group["group"], "")} for group in data["groups"]]
    return {
        **data,
        "file": each.fleet.file,
        "platform": each.fleet.platform.get_section("title"),
        "namespace": each.fleet.namespace,
        "groups": groups,
        "cost": str(sums.cost) if sums.cost else "",
        "unpriced": list(sums.cost.unpriced) if sums.cost else [],
    }


class _RowBuilder:
    def __init__(self, project: Project) -> None:
        self.vms: list[list[Any]] = []
        self.disks: list[list[Any]] = []
        self.labels = InternTable()
        self.manifests = InternTable()
        self.origins = InternTable()
        self._project = project
        self._origin_indexes: dict[tuple[object, ...], int] = {}

    def add_environment(self, index: int, each: PageEnvironment) -> None:
        """The rows of one environment. VMs name their disks by the numbers of the disks' rows."""
        manifests, origins = RedactedManifests(self._project, each.fleet), PageOrigins(self._project, each)
        numbers: dict[str, int] = {}
        for disk in each.fleet.disks:
            numbers[disk.name] = len(self.disks)
            self.disks.append(
                [index, *_build_disk_cells(disk), *self._build_common_cells(disk, each.fleet, manifests, origins)]
            )
        sizes = {disk.name: parse_size(disk.values["storage"]) for disk in each.fleet.disks}
        for machine in each.fleet.machines:
            storage = sum(sizes.get(disk.name, 0) for disk in machine.disks)
            attached = [numbers.get(disk.name, disk.name) for disk in machine.disks]
            common = self._build_common_cells(machine, each.fleet, manifests, origins)
            self.vms.append([index, *_build_machine_cells(machine, each.fleet, storage), attached, *common])

    def _build_common_cells(
        self, resource: Resource, fleet: Fleet, manifests: RedactedManifests, origins: PageOrigins
    ) -> Iterable[Any]:
        labels = redact(dict(resource.values["labels"]))
        shape = (resource.kind, id(resource.values), len(getattr(resource, "disks", ())))
        if shape not in self._origin_indexes:
            found = origins.build_rows(resource)
            self._origin_indexes[shape] = self.origins.intern(found, str(found))
        yield self.labels.intern(labels, str(labels))
        yield get_manifest_path(fleet, resource)
        yield self.manifests.intern(manifests.render(resource))
        yield self._origin_indexes[shape]


def _build_machine_cells(machine: VirtualMachine, fleet: Fleet, storage: int) -> Iterable[Any]:
    asked = compute_machine_totals(machine, fleet)
    values = machine.values
    image = machine.settings.get_plain("image", "")
    yield from (machine.name, machine.group, values["instanceType"], asked.cpu, asked.memory, storage, image)
    yield from (describe_exposure(machine), describe_state(machine))


def _build_disk_cells(disk: Disk) -> Iterable[Any]:
    values = disk.values
    protected = bool(disk.settings.get_plain("protect", True))
    yield from (
        disk.name,
        disk.group,
        disk.vm,
        redact(describe_source(disk)),
        parse_size(values["storage"]),
        values["storageClass"],
    )
    yield from (bool(values["optical"]), protected)
