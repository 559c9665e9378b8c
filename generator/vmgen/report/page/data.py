"""One rendered environment, as far as the page needs it.

Where the fields of an object come from, for the page: places and layers, no values.

The plan, for the page: what becomes of each object when these manifests replace the committed ones.

Manifests as the page keeps them: one form for all objects that differ in their names only, secrets masked.

What the page is given: the fleet as compact rows, with everything that repeats in a table of its own.

Nothing here may be a secret: manifests are made of masked values, and origins name places, never values.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vmgen.check.totals import sum_totals
from vmgen.expand.model import Disk, Fleet, Resource, VirtualMachine
from vmgen.explain.origins import ExplainedField, Explainer, Origin
from vmgen.merge.environment import Environment
from vmgen.plan.plan import ObjectChange, Plan
from vmgen.plan.totals import sum_deltas
from vmgen.plan.verdicts import FieldChange
from vmgen.quantities import parse_size
from vmgen.read.layer_file import LayerFile
from vmgen.read.repository import Project
from vmgen.render.manifests import get_manifest_path, list_names, load_manifest_templates, render_nameless_manifest
from vmgen.report.fleet import describe_exposure, describe_source, describe_state
from vmgen.report.plan import describe_baseline, describe_change, format_value
from vmgen.report.totals import (
    EnvironmentSummary,
    compute_machine_totals,
    format_delta,
    sum_costs,
    summarize_environment,
    summary_to_dict,
    totals_to_dict,
)
from vmgen.secrets.redact import redact
from vmgen.yaml_text import format_header, is_plain


@dataclass(frozen=True, slots=True)
class PageEnvironment:
    """One environment, as far as the page needs it."""

    environment: Environment
    fleet: Fleet
    files: Mapping[str, bytes] = field(repr=False)
    layers: tuple[LayerFile, ...] = field(repr=False)


class PageOrigins:
    """Explains the objects of one environment."""

    def __init__(self, project: Project, made: PageEnvironment) -> None:
        self._explainer = Explainer(made.environment, made.fleet, made.layers, project)
        self._manifests = made.files

    def build_rows(self, resource: Resource) -> list[list[Any]]:
        """For each field its name, where its value stands, and what it replaced there."""
        explanation = self._explainer.explain(resource, self._manifests)
        rows = [_build_origin_row(each) for each in explanation.fields]
        if explanation.existence_origins:
            rows.insert(0, ["that it exists", _list_locations(explanation.existence_origins), []])
        return rows


def _build_origin_row(each: ExplainedField) -> list[Any]:
    found = each.origins or each.condition_origins
    places = _list_locations(found) or [f"{each.template_line.file}:{each.template_line.line} (template)"]
    return [each.name, places, _list_locations([lower for origin in found for lower in origin.overrides])]


def _list_locations(origins: Any) -> list[str]:
    return list(dict.fromkeys(_format_origin(origin) for origin in origins))


def _format_origin(origin: Origin) -> str:
    where = f"{origin.place.file}:{origin.place.line}" if origin.place.line else origin.place.file
    return f"{where} ({', '.join(filter(None, (origin.layer, origin.rule)))})"


def build_changes(plan: Plan) -> dict[str, Any]:
    """The plan as the page's script reads it; every value in it is masked already."""
    return {
        "against": describe_baseline(plan.against),
        "summary": str(plan.summary),
        "delta": format_delta(sum_deltas(plan.deltas.values())),
        "deltas": {name: format_delta(delta) for name, delta in plan.deltas.items()},
        "objects": [_change_to_dict(each) for each in plan.changes],
    }


def _change_to_dict(each: ObjectChange) -> dict[str, Any]:
    return {
        "environment": each.environment,
        "kind": each.identity.kind,
        "name": each.identity.name,
        "action": each.action,
        "verdict": "retired" if each.is_retired else each.verdict,
        "grave": each.is_refused and not each.is_retired,
        "says": list(describe_change(each)),
        "fields": [_field_to_row(field) for field in each.fields],
    }


def _field_to_row(field: FieldChange) -> list[str]:
    """Path, before, after, what more there is to say, verdict, and the verdict's sentence."""
    return [field.path, format_value(field.before), format_value(field.after), field.detail, field.verdict, field.says]


class RedactedManifests:
    """The masked manifests of one environment."""

    def __init__(self, project: Project, fleet: Fleet) -> None:
        self._fleet = fleet
        self._templates = load_manifest_templates(project)
        self._shared_texts: dict[tuple[object, ...], str | None] = {}

    def render(self, resource: Resource) -> str:
        """The manifest of an object, its names left open where all objects of its shape can share the text."""
        if resource.render_key not in self._shared_texts:
            self._shared_texts[resource.render_key] = self._render_shared(resource)
        form = self._shared_texts[resource.render_key] if is_plain(list_names(resource)) else None
        return format_header(self._fleet.file) + (form if form is not None else self._render_single(resource))

    def _render_shared(self, resource: Resource) -> str | None:
        template = self._fleet.get_kind(resource).template
        return render_nameless_manifest(_redact_resource(resource), self._render_single(resource), template, self._templates)

    def _render_single(self, resource: Resource) -> str:
        return self._templates.render(self._fleet.get_kind(resource).template, _redact_resource(resource).build_context())


def _redact_resource(resource: Resource) -> Resource:
    if isinstance(resource, VirtualMachine):
        hidden = redact(resource.cloud_init, "cloudInit")
        text = f"(masked: {hidden})" if hidden else ""
        return resource._replace(values=redact(dict(resource.values)), cloud_init=text)
    return resource._replace(values=redact(dict(resource.values)))


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
