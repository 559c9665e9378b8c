"""The data of the page: the fleet as compact rows, with repeated items in tables of their own.

Nothing here may be a secret: manifests are rendered from redacted values, and origins name places, never values.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.check.totals import sum_totals
from vmgen.expand.model import Disk, Fleet, Resource, VirtualMachine
from vmgen.explain.origins import Explainer, Explanation, Origin
from vmgen.merge.environment import Environment
from vmgen.nameless import fill, get_placeholders
from vmgen.plan.plan import ObjectChange, Plan
from vmgen.plan.totals import sum_deltas
from vmgen.printable import escape
from vmgen.quantities import parse_size, round_up_to_mebibytes
from vmgen.read.layer_file import LayerFile
from vmgen.read.repository import Project
from vmgen.render.manifests import (
    get_manifest_path,
    list_names,
    list_texts,
    load_manifest_templates,
    render_nameless_manifest,
)
from vmgen.report.fleet import describe_exposure, describe_source, describe_state
from vmgen.report.plan import describe_baseline, describe_change, format_value
from vmgen.report.status import format_totals, list_details
from vmgen.report.totals import (
    EnvironmentSummary,
    compute_machine_totals,
    describe_retained,
    format_delta,
    sum_costs,
    summarize_environment,
    summary_to_dict,
    totals_to_dict,
)
from vmgen.secrets.redact import redact_value
from vmgen.status.compare import STATES, FleetStatus
from vmgen.yaml_text import format_header, is_plain

# The order of the cells of a row; the page's script finds them by these names.
_FIRST_COLUMNS = ("environment", "name", "group")
_LAST_COLUMNS = ("labels", "path", "manifest", "origins")
_SIZE_COLUMNS = ("type", "cpu", "memory", "storage", "image")
_VM_COLUMNS = (*_FIRST_COLUMNS, *_SIZE_COLUMNS, "exposure", "state", "disks", *_LAST_COLUMNS)
_DISK_COLUMNS = (*_FIRST_COLUMNS, "vm", "source", "storage", "class", "optical", "protected", "kept", *_LAST_COLUMNS)


class PageEnvironment(NamedTuple):
    """One rendered environment; `files` are relative to `manifests/`."""

    environment: Environment
    fleet: Fleet
    files: Mapping[str, bytes]
    layers: tuple[LayerFile, ...]


def build_page_data(
    project: Project, sources: Sequence[PageEnvironment], plan: Plan | None = None, live: FleetStatus | None = None
) -> dict[str, Any]:
    """Build all data of the page; without a plan it shows no changes, and without a status no live state."""
    builder = _RowBuilder(project)
    for index, source in enumerate(sources):
        builder.add_environment(index, source)
    summaries = [
        summarize_environment(source.environment, source.fleet, source.fleet.machines, source.fleet.disks) for source in sources
    ]
    return {
        "version": 1,
        "environments": list(map(_environment_to_dict, sources, summaries)),
        "totals": totals_to_dict(sum_totals(summary.total for summary in summaries)),
        "cost": str(sum_costs(summaries)),
        "columns": {"vms": _VM_COLUMNS, "disks": _DISK_COLUMNS},
        "vms": builder.vms,
        "disks": builder.disks,
        "labels": builder.labels.items,
        "manifests": builder.manifests.items,
        "origins": builder.origins.items,
        "changes": {
            "against": describe_baseline(plan.against),
            "summary": str(plan.summary),
            "delta": format_delta(sum_deltas(plan.deltas.values())),
            "deltas": {name: format_delta(delta) for name, delta in plan.deltas.items()},
            "objects": [_change_to_dict(change) for change in plan.changes],
        }
        if plan
        else None,
        "live": _status_to_dict(live) if live else None,
    }


def _environment_to_dict(source: PageEnvironment, summary: EnvironmentSummary) -> dict[str, Any]:
    places = {group.key: str(group.place) for group in source.environment.groups}
    data = summary_to_dict(summary)
    return {
        **data,
        "file": source.fleet.file,
        "platform": source.fleet.platform.release_title,
        "namespace": source.fleet.namespace,
        "groups": [{**group, "place": places.get(group["group"], "")} for group in data["groups"]],
        "cost": str(summary.cost) if summary.cost else "",
        "unpriced": list(summary.cost.unpriced_keys) if summary.cost else [],
        "kept": describe_retained(summary.retained_totals) if summary.retained_totals else "",
    }


class _InternTable:
    """A table that holds each distinct item once; rows hold its index, from 0."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._indexes: dict[Hashable, int] = {}

    def intern(self, item: Any) -> int:
        """Return the index of an item. Items that cannot be hashed are compared by their `repr`."""
        # Lists and mappings are equal if their texts are: all of them hold plain values.
        key = item if isinstance(item, Hashable) else repr(item)
        if key not in self._indexes:
            self._indexes[key] = len(self.items)
            self.items.append(item)
        return self._indexes[key]


class _RowBuilder:
    """Builds the rows of VMs and disks of all environments, and the tables that they share."""

    def __init__(self, project: Project) -> None:
        self.vms: list[list[Any]] = []
        self.disks: list[list[Any]] = []
        self.labels = _InternTable()
        self.manifests = _InternTable()
        self.origins = _InternTable()
        self._project = project
        self._origin_indexes: dict[tuple[object, ...], int] = {}

    def add_environment(self, index: int, source: PageEnvironment) -> None:
        """Add the rows of an environment. A VM holds the row numbers of its disks, or the names of disks without a row."""
        fleet = source.fleet
        manifests = _RedactedManifests(self._project, fleet)
        explainer = Explainer(source.environment, fleet, source.layers, self._project)
        row_numbers = {disk.name: number for number, disk in enumerate(fleet.disks, start=len(self.disks))}
        sizes = {disk.name: parse_size(disk.values["storage"]) for disk in fleet.disks}
        for disk in fleet.disks:
            common = self._build_last_cells(disk, source, manifests, explainer)
            self.disks.append([index, *_build_disk_cells(disk), *common])
        for machine in fleet.machines:
            storage = sum(sizes.get(disk.name, 0) for disk in machine.disks)
            disk_rows = [row_numbers.get(disk.name, disk.name) for disk in machine.disks]
            common = self._build_last_cells(machine, source, manifests, explainer)
            self.vms.append([index, *_build_machine_cells(machine, fleet, storage), disk_rows, *common])

    def _build_last_cells(
        self, resource: Resource, source: PageEnvironment, manifests: _RedactedManifests, explainer: Explainer
    ) -> Iterator[Any]:
        # VMs that differ in their names only share their values, and with them their origins.
        key = (resource.kind, id(resource.values), len(getattr(resource, "disks", ())))
        if key not in self._origin_indexes:
            self._origin_indexes[key] = self.origins.intern(_build_origin_rows(explainer.explain(resource, source.files)))
        yield self.labels.intern(redact_value(dict(resource.values["labels"])))
        yield get_manifest_path(source.fleet, resource)
        yield self.manifests.intern(manifests.render(resource))
        yield self._origin_indexes[key]


def _build_machine_cells(machine: VirtualMachine, fleet: Fleet, storage: int) -> Sequence[Any]:
    totals = compute_machine_totals(machine, fleet)
    image = machine.settings.get_plain("image", "")
    size = (
        machine.values["instanceType"],
        totals.cpu,
        round_up_to_mebibytes(totals.memory),
        round_up_to_mebibytes(storage),
        image,
    )
    return (machine.name, machine.group, *size, describe_exposure(machine), describe_state(machine, fleet))


def _build_disk_cells(disk: Disk) -> Sequence[Any]:
    values = disk.values
    size = (round_up_to_mebibytes(parse_size(values["storage"])), values["storageClass"])
    is_protected = bool(disk.settings.get_plain("protect", True))
    flags = (bool(values["optical"]), is_protected, disk.is_previous)
    return (disk.name, disk.group, disk.vm, redact_value(describe_source(disk)), *size, *flags)


def _build_origin_rows(explanation: Explanation) -> list[list[Any]]:
    """Build a row for each field: its name, where its value came from, and what that overrode."""
    rows: list[list[Any]] = []
    for field in explanation.fields:
        origins = field.origins or field.condition_origins
        locations = _list_locations(origins) or [f"{field.template_line.file}:{field.template_line.line} (template)"]
        rows.append([field.name, locations, _list_locations(lower for origin in origins for lower in origin.overrides)])
    if explanation.existence_origins:
        rows.insert(0, ["that it exists", _list_locations(explanation.existence_origins), []])
    return rows


def _list_locations(origins: Iterable[Origin]) -> list[str]:
    return list(dict.fromkeys(map(_format_location, origins)))


def _format_location(origin: Origin) -> str:
    location = f"{origin.place.file}:{origin.place.line}" if origin.place.line else origin.place.file
    return f"{location} ({', '.join(filter(None, (origin.layer, origin.rule)))})"


class _RedactedManifests:
    """The manifests of one environment, rendered from redacted values; objects that differ in names only share a text."""

    def __init__(self, project: Project, fleet: Fleet) -> None:
        self._fleet = fleet
        self._templates = load_manifest_templates(project)
        self._shared_texts: dict[tuple[object, ...], str | None] = {}

    def render(self, resource: Resource) -> str:
        """Return the manifest of an object, with placeholders for its names if the text can be shared."""
        user_data = _mask_user_data(resource) if isinstance(resource, VirtualMachine) else ""
        seed = resource.seed if isinstance(resource, VirtualMachine) else ""
        key = (*resource.render_key, user_data, seed)
        if key not in self._shared_texts:
            template, redacted_resource = self._fleet.get_kind(resource).template, _redact_resource(resource)
            nameless = render_nameless_manifest(redacted_resource, self._render_single(resource), template, self._templates)
            names = list_names(resource)
            self._shared_texts[key] = (
                fill(nameless, [*get_placeholders(len(names)), *list_texts(redacted_resource, names)[len(names) :]])
                if nameless
                else None
            )
        text = self._shared_texts[key] if is_plain(list_names(resource)) else None
        return format_header(self._fleet.file) + (self._render_single(resource) if text is None else text)

    def _render_single(self, resource: Resource) -> str:
        return self._templates.render(self._fleet.get_kind(resource).template, _redact_resource(resource).build_context())


def _redact_resource(resource: Resource) -> Resource:
    values = redact_value(dict(resource.values))
    if isinstance(resource, VirtualMachine):
        return resource._replace(values=values, cloud_init=_mask_user_data(resource))
    return resource._replace(values=values)


def _mask_user_data(machine: VirtualMachine) -> str:
    return f"(masked: {redact_value(machine.cloud_init, 'cloudInit')})" if machine.cloud_init else ""


def _status_to_dict(live: FleetStatus) -> dict[str, Any]:
    """Return a status, secrets hidden. It has the date of the dump rather than its age, so that the page has the same bytes."""
    return {
        "totals": format_totals(live),
        "newest": live.newest,
        "notes": list(live.notes),
        "states": list(STATES),
        "objects": [
            {
                "environment": status.environment,
                "kind": status.key[0],
                "name": escape(status.key[2]),
                "state": status.state,
                "says": list(map(escape, list_details(status))),
            }
            for status in live.objects
        ],
    }


def _change_to_dict(change: ObjectChange) -> dict[str, Any]:
    return {
        "environment": change.environment,
        "kind": change.identity.kind,
        "name": change.identity.name,
        "action": change.action,
        "verdict": "retired" if change.is_retired else change.verdict,
        "grave": change.is_refused and not change.is_retired,
        "says": list(describe_change(change)),
        "fields": [
            [field.path, format_value(field.before), format_value(field.after), field.detail, field.verdict, field.says]
            for field in change.fields
        ],
    }
