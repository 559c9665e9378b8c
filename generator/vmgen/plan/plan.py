"""The plan: what the platform will do, object by object and field by field, when what is wanted replaces what exists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Literal, NamedTuple

from vmgen.merge.catalog import Catalog
from vmgen.merge.platform import DEFAULT_PLATFORM, PlatformLoader
from vmgen.plan.baseline import Baseline
from vmgen.plan.desired import DesiredState, Identity, Tombstone
from vmgen.plan.matching import ExistingObject, Matching, PlannedObject, find_old_base_name, match_objects
from vmgen.plan.totals import TotalsDelta, compute_deltas
from vmgen.plan.verdicts import (
    DESTROYS_DATA,
    REJECTED,
    VERDICTS,
    FieldChange,
    KindVerdicts,
    OrderedRows,
    VerdictTable,
    diff_fields,
    find_matching_row,
    load_verdicts,
)
from vmgen.problems import Problem, VmgenError

Action = Literal["create", "update", "move", "delete"]
SEVERITY_ORDER: Mapping[str, int] = {verdict: position for position, verdict in enumerate(VERDICTS)}


class ObjectChange(NamedTuple):
    """What becomes of one object. `verdict` is its gravest; `says` and `source` are empty where its fields say it.

    `twin` is the other half of what looks like a rename, `moved_from` the environment that held the object before, and
    `tombstone` the permission by which it goes.
    """

    identity: Identity
    environment: str
    path: str
    action: Action
    verdict: str
    says: str = ""
    source: str = ""
    fields: tuple[FieldChange, ...] = ()
    rename_candidate: Identity | None = None
    moved_from: str = ""
    tombstone: Tombstone | None = None

    @property
    def is_retired(self) -> bool:
        """Whether it goes, and may."""
        return self.action == "delete" and self.tombstone is not None

    @property
    def remedy(self) -> str:
        """What keeps an object that goes under its old name; nothing where nothing looks like it."""
        if self.action != "delete" or self.rename_candidate is None:
            return ""
        if self.rename_candidate.name == self.identity.name:
            return f"write `namespace: {self.identity.namespace}` back to keep it"
        if self.path.count("/") < 3:
            return f"write the key `{self.identity.name}` back to keep it"
        return f"write `name: {find_old_base_name(self.identity.name, self.rename_candidate.name)}`, or `names:`, in its group to keep the old names"

    @property
    def is_refused(self) -> bool:
        """Whether the gate lets it pass only with a tombstone."""
        return self.verdict in (DESTROYS_DATA, REJECTED)


class PlanSummary(NamedTuple):
    """How many objects of each sort. `notable` counts those of which a field has a verdict that is worth a word."""

    create: int
    update: int
    delete: int
    destroy: int
    retired: int
    verdict_counts: Mapping[str, int]

    def __str__(self) -> str:
        notes = ", ".join(f"{count} {verdict}" for verdict, count in self.verdict_counts.items())
        updates = f"{self.update} to update ({notes})" if notes else f"{self.update} to update"
        line = f"{self.create} to create, {updates}, {self.delete} to delete, {self.destroy} destroy data"
        return f"{line}, {self.retired} retired" if self.retired else line


class _PlanFields(NamedTuple):
    against: str
    environments: tuple[str, ...]
    changes: tuple[ObjectChange, ...]
    problems: tuple[Problem, ...] = ()
    deltas: Mapping[str, TotalsDelta] = {}


class Plan(_PlanFields):
    """All changes of a run, the gravest first in each environment. `against` is the ref, or empty for the files.

    `deltas` are what they change in the totals of each environment.
    """

    @cached_property
    def by_environment(self) -> Mapping[str, tuple[ObjectChange, ...]]:
        """The changes of each environment that has any."""
        found: dict[str, list[ObjectChange]] = {}
        for change in self.changes:
            found.setdefault(change.environment, []).append(change)
        return {name: tuple(found[name]) for name in sorted(found)}

    @cached_property
    def summary(self) -> PlanSummary:
        return summarize(self.changes)


def summarize(changes: Iterable[ObjectChange]) -> PlanSummary:
    """The counts of some changes; each object counts once, but for the verdicts of its fields."""
    sorts: Counter[str] = Counter()
    notable: Counter[str] = Counter()
    for change in changes:
        if change.is_retired:
            sorts["retired"] += 1
        elif change.action == "delete":
            sorts["destroy" if change.verdict == DESTROYS_DATA else "delete"] += 1
        elif change.action == "create":
            sorts["create"] += 1
            notable.update({change.verdict} - {"create"})
        else:
            sorts["update"] += 1
            notable.update({field.verdict for field in change.fields} - {"update in place"})
    ordered = {verdict: notable[verdict] for verdict in sorted(notable, key=lambda name: -SEVERITY_ORDER[name])}
    return PlanSummary(sorts["create"], sorts["update"], sorts["delete"], sorts["destroy"], sorts["retired"], ordered)


def build_plan(
    platforms: PlatformLoader,
    wanted: Iterable[DesiredState],
    baseline: Baseline,
    gone: Iterable[str] = (),
    differing: Mapping[str, bytes] | None = None,
) -> Plan:
    """What changes between the baseline and what is wanted. `gone` are environments of which nothing is wanted any more.

    `differing` are the manifests of the baseline that are not what is wanted; it is asked for them where they are not known.
    """
    environments = tuple(wanted)
    names = (*(each.environment for each in environments), *gone)
    found = match_objects(environments, baseline, names, differing)
    judge = _PlanBuilder(platforms, environments)
    changes = sorted(judge.build_changes(found), key=_sort_key)
    changed = compute_deltas(found, judge.find_catalog, {each.environment: each.prices for each in environments})
    return Plan(baseline.ref, names, tuple(changes), found.problems, changed)


def _sort_key(change: ObjectChange) -> tuple[object, ...]:
    return (
        change.environment,
        change.is_retired,
        -SEVERITY_ORDER[change.verdict],
        change.identity.kind,
        _natural_sort_key(change.identity.name),
    )


def _natural_sort_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """A name in the order in which people count: web-2 before web-10."""
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in name.split("-"))


class _PlanBuilder:
    """Says what becomes of each object, by the table of its environment's platform."""

    def __init__(self, platforms: PlatformLoader, environments: tuple[DesiredState, ...]) -> None:
        self._project = platforms.project
        self._platforms = platforms
        self._platform_names = {each.environment: each.platform for each in environments}
        self._tombstones = [tombstone for each in environments for tombstone in each.tombstones]
        self._tables: dict[str, VerdictTable] = {}

    def find_catalog(self, environment: str) -> Catalog:
        """The catalog of an environment; of one whose file is gone, that of the default platform."""
        return self._platforms.load(self._platform_names.get(environment, DEFAULT_PLATFORM)).catalog

    def build_changes(self, found: Matching) -> Iterable[ObjectChange]:
        """A change for each object that is not simply the same."""
        for one, other in found.pairs:
            change = self._build_update(one, other)
            if change:
                yield change
        for created in found.created:
            yield self._build_creation(created, found.rename_candidates.get(created.identity))
        for gone in found.removed:
            yield self._build_deletion(gone, found.rename_candidates.get(gone.identity))

    def _build_update(self, one: ExistingObject, other: PlannedObject) -> ObjectChange | None:
        table = self._find_kind_verdicts(other.environment, other.identity.kind)
        fields = diff_fields(one.document, other.document, table)
        moved = one.environment != other.environment
        if not fields and not moved:
            return None
        row = table.moved[-1] if moved else None
        verdict = max(
            (*(field.verdict for field in fields), *([row.verdict] if row else [])), key=lambda name: SEVERITY_ORDER[name]
        )
        return ObjectChange(
            other.identity,
            other.environment,
            other.path,
            "update" if fields else "move",
            verdict,
            says=row.says if row else "",
            source=row.source if row else "",
            fields=fields,
            moved_from=one.environment if moved else "",
            tombstone=self._find_tombstone(other.identity, one.environment),
        )

    def _build_creation(self, new: PlannedObject, twin: Identity | None) -> ObjectChange:
        kind = self._platforms.load(self._platform_names[new.environment]).kinds[new.identity.kind]
        row = find_matching_row(
            self._find_kind_verdicts(new.environment, new.identity.kind).created, kind.max_name_length, new.identity.name
        )
        tombstone = self._find_tombstone(new.identity, new.environment) if row.verdict == REJECTED else None
        return ObjectChange(
            new.identity,
            new.environment,
            new.path,
            "create",
            row.verdict,
            row.says,
            row.source,
            rename_candidate=twin,
            tombstone=tombstone,
        )

    def _build_deletion(self, gone: ExistingObject, twin: Identity | None) -> ObjectChange:
        table = self._find_kind_verdicts(gone.environment, gone.identity.kind)
        row = self._find_deletion_rows(table, gone.identity, twin)[-1]
        tombstone = self._find_tombstone(gone.identity, gone.environment)
        return ObjectChange(
            gone.identity, gone.environment, gone.path, "delete", row.verdict, row.says, row.source, (), twin, "", tombstone
        )

    def _find_deletion_rows(self, table: KindVerdicts, identity: Identity, twin: Identity | None) -> OrderedRows:
        if twin is None:
            return table.deleted
        return table.fields["metadata.namespace" if twin.name == identity.name else "metadata.name"]

    def _find_tombstone(self, identity: Identity, environment: str) -> Tombstone | None:
        for each in self._tombstones:
            names_it = (each.kind, each.name) == (identity.kind, identity.name)
            if names_it and (each.environment == environment or each.namespace == identity.namespace):
                return each
        return None

    def _find_kind_verdicts(self, environment: str, kind: str) -> KindVerdicts:
        """The table of the environment's platform; of one whose file is gone, that of any platform which has the kind."""
        platform = self._platform_names.get(environment)
        for name in (platform,) if platform else self._list_platforms_with_table():
            if name not in self._tables:
                self._tables[name] = load_verdicts(name, self._platforms)
            if kind in self._tables[name]:
                return self._tables[name][kind]
        raise VmgenError(f"no platform has a table of verdicts for {kind}")

    def _list_platforms_with_table(self) -> Iterable[str]:
        return (name for name in self._project.platform_names if self._project.find_template(f"{name}/verdicts.yaml"))
