"""The plan: the effect on the platform, object by object and field by field, of the desired state on the baseline."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from vmgen.check.totals import TotalsDelta
from vmgen.merge.layers import DEFAULT_PLATFORM
from vmgen.merge.platform import Platform, PlatformLoader
from vmgen.plan.baseline import Baseline
from vmgen.plan.change_kinds import list_item_names
from vmgen.plan.data_loss import DATA_KIND, Assessment, assess_deletion, assess_update
from vmgen.plan.desired import DesiredState, Identity, Tombstone
from vmgen.plan.matching import ExistingObject, Matching, PlannedObject, VmNames, find_rename_remedy, match_objects
from vmgen.plan.moves import PROTECT_FIRST, Move, find_move, find_move_verdict, is_exclusive
from vmgen.plan.previous_entry import build_previous_entry
from vmgen.plan.rebuild import DISKS_FIELD, Rebuild, explain_rebuild, find_rebuild
from vmgen.plan.totals import compute_deltas, compute_retained
from vmgen.plan.verdicts import FieldChange, KindVerdicts, Verdict, VerdictTable, diff_fields, find_matching_row, load_verdicts
from vmgen.problems import Place, Problem, VmgenError
from vmgen.quantities import parse_number
from vmgen.read.repository import find_group

Action = Literal["create", "update", "move", "delete"]


class ObjectChange(NamedTuple):
    """The change of one object. `says` and `source` explain its verdict; empty where its fields do.

    `rename_candidate` is the other half of what looks like a rename, `move` the place that held the object before,
    `tombstone` the permission to destroy it, and `remedy` the edit that keeps it. A VM on which cloud-init runs as at a first
    boot has its `user_data`, and its `existing_disks`, which may hold data by then. A disk whose fixed fields change, or that
    goes, has the `previous_entry` that keeps it.
    """

    identity: Identity
    environment: str
    path: str
    action: Action
    verdict: Verdict
    says: str = ""
    source: str = ""
    fields: tuple[FieldChange, ...] = ()
    rename_candidate: Identity | None = None
    move: Move | None = None
    tombstone: Tombstone | None = None
    remedy: str = ""
    rebuild: Rebuild | None = None
    user_data: str = ""
    existing_disks: tuple[str, ...] = ()
    previous_entry: Mapping[str, Any] | None = None

    @property
    def group(self) -> str:
        """The key of its group; empty for a standalone disk, and for an object of an engine."""
        return find_group(self.path)

    @property
    def is_refused(self) -> bool:
        """True if the gate needs a tombstone for it."""
        return self.verdict in (Verdict.DESTROYS_DATA, Verdict.REJECTED)

    @property
    def is_retired(self) -> bool:
        """True if a tombstone names the object that is deleted."""
        return self.action == "delete" and self.tombstone is not None

    def find_rejected_place(self, desired: DesiredState) -> Place | None:
        """Return the line of the first field that the platform rejects; None where no line has one."""
        places = desired.field_places.get(self.path, {})
        rejected_paths = (field.path for field in self.fields if field.verdict == Verdict.REJECTED)
        return next((places[path] for path in rejected_paths if path in places), None)


class PlanSummary(NamedTuple):
    """The number of objects by action. `verdict_counts` has the objects with a field of each verdict worth mentioning."""

    create: int
    update: int
    delete: int
    destroy: int
    retired_count: int
    verdict_counts: Mapping[Verdict, int]

    def __str__(self) -> str:
        notes = ", ".join(f"{count} {verdict}" for verdict, count in self.verdict_counts.items())
        updates = f"{self.update} to update ({notes})" if notes else f"{self.update} to update"
        line = f"{self.create} to create, {updates}, {self.delete} to delete, {self.destroy} destroy data"
        return f"{line}, {self.retired_count} retired" if self.retired_count else line


class Plan(NamedTuple):
    """All changes of a run, in each environment the most severe first. `against` is the ref, empty for the files.

    `deltas` are the changes of each environment's totals. `problems` are those of the run, what the gate refuses among them.
    `retained_totals` are the totals of the disks that rebuilds put aside, which cost until they are retired.
    The plan is not `complete` if a part of an environment could not be expanded.
    """

    against: str
    environments: tuple[str, ...]
    changes: tuple[ObjectChange, ...]
    problems: tuple[Problem, ...] = ()
    deltas: Mapping[str, TotalsDelta] = {}
    complete: bool = True
    retained_totals: Mapping[str, TotalsDelta] = {}

    @property
    def by_environment(self) -> Mapping[str, tuple[ObjectChange, ...]]:
        """The changes of each environment that has any, sorted by its name."""
        changes: dict[str, list[ObjectChange]] = defaultdict(list)
        for change in self.changes:
            changes[change.environment].append(change)
        return {name: tuple(changes[name]) for name in sorted(changes)}

    @property
    def summary(self) -> PlanSummary:
        """The counts of all changes."""
        return summarize(self.changes)


def summarize(changes: Iterable[ObjectChange]) -> PlanSummary:
    """Count changes. Each object counts once by its action, and once for each distinct verdict of its fields."""
    actions: Counter[str] = Counter()
    verdicts: Counter[Verdict] = Counter()
    for change in changes:
        if change.is_retired:
            actions["retired"] += 1
        elif change.verdict == Verdict.DESTROYS_DATA:
            actions["destroy"] += 1
        elif change.action == "delete":
            actions["delete"] += 1
        elif change.action == "create":
            actions["create"] += 1
            verdicts.update({change.verdict} - {Verdict.CREATE})
        else:
            actions["update"] += 1
            verdicts.update({change.verdict, *(field.verdict for field in change.fields)} - {Verdict.UPDATE_IN_PLACE})
    most_severe_first = {verdict: verdicts[verdict] for verdict in reversed(Verdict) if verdict in verdicts}
    return PlanSummary(
        actions["create"], actions["update"], actions["delete"], actions["destroy"], actions["retired"], most_severe_first
    )


def build_plan(
    platforms: PlatformLoader,
    desired_states: Iterable[DesiredState],
    baseline: Baseline,
    removed_environments: Iterable[str] = (),
    differing: Mapping[str, bytes] | None = None,
) -> Plan:
    """Build the plan from the baseline to the desired states. Removed environments lose all of their objects.

    `differing` are the manifests of the baseline that are not as desired; None asks the baseline for them.
    Raises VmgenError if no platform knows a kind of the baseline, and if git fails.
    """
    environments = tuple(desired_states)
    names = (*(desired.environment for desired in environments), *removed_environments)
    matching = match_objects(environments, baseline, names, differing)
    builder = _ChangeBuilder(platforms, environments)
    changes = sort_changes(builder.build_changes(matching))
    deltas = compute_deltas(matching, builder.find_platform, {desired.environment: desired.prices for desired in environments})
    put_aside: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        put_aside[change.environment].update(change.rebuild.put_aside if change.rebuild else ())
    retained_totals = compute_retained(put_aside, environments)
    return Plan(baseline.ref, names, changes, matching.problems, deltas, retained_totals=retained_totals)


def sort_changes(changes: Iterable[ObjectChange]) -> tuple[ObjectChange, ...]:
    """Sort changes by environment, the most severe first, and by name; those that are retired come last."""
    return tuple(sorted(changes, key=_sort_key))


def _sort_key(change: ObjectChange) -> tuple[object, ...]:
    kind, _, name, _ = change.identity
    # Numbers as numbers, so that web-2 comes before web-10. The 0 or 1 keeps Python from comparing a number with a text.
    parts = ((parse_number(part), part) for part in name.split("-"))
    natural_name = tuple((1, part) if number is None else (0, number) for number, part in parts)
    return change.environment, change.is_retired, -change.verdict.severity, kind, natural_name


class _ChangeBuilder:
    """Finds the verdict of each object in the table of its environment's platform."""

    def __init__(self, platforms: PlatformLoader, environments: tuple[DesiredState, ...]) -> None:
        self._platforms = platforms
        self._written_platforms = {each.environment: (each.platform, each.platform_version) for each in environments}
        self._environments = {desired.environment: desired.merged_environment for desired in environments}
        self._created: frozenset[Identity] = frozenset()
        self._removed_disks: frozenset[Identity] = frozenset()
        self._tombstones: dict[tuple[str, str], list[Tombstone]] = defaultdict(list)
        for tombstone in (tombstone for desired in environments for tombstone in desired.tombstones):
            self._tombstones[tombstone.kind, tombstone.name].append(tombstone)
        self._tables: dict[tuple[str, str], VerdictTable] = {}
        self._optical_disks = {each.environment: each.optical_disks for each in environments}
        self._objects = {desired.environment: desired.objects for desired in environments}
        self._vm_names: dict[str, VmNames] = {}

    def find_platform(self, environment: str) -> Platform:
        """Return the platform of an environment; the default platform for a removed one."""
        # The file that named the platform of a removed environment is gone.
        return self._platforms.load(*self._written_platforms.get(environment, (DEFAULT_PLATFORM, "")))

    def build_changes(self, matching: Matching) -> Iterator[ObjectChange]:
        """Yield a change for each object that is not the same before and after."""
        self._created = frozenset(new.identity for new in matching.created)
        self._removed_disks = frozenset(old.identity for old in matching.removed_objects)
        for old, new in matching.pairs:
            change = self._build_update(old, new)
            if change:
                yield change
        for new in matching.created:
            yield self._build_creation(new, matching.rename_candidates.get(new.identity))
        for old in matching.removed_objects:
            yield self._build_deletion(old, matching.rename_candidates.get(old.identity))

    def _build_update(self, old: ExistingObject, new: PlannedObject) -> ObjectChange | None:
        table = self._find_kind_verdicts(new.environment, new.identity.kind)
        fields = diff_fields(old.document, new.document, table, self._optical_disks[new.environment])
        rebuild, fields = self._find_rebuild(old, new, fields, table)
        move = find_move(old, new)
        if move and move.environment != new.environment:
            names = (new.environment, move.environment)
            move = move._replace(exclusive=tuple(name for name in names if is_exclusive(self._environments.get(name))))
        row = find_move_verdict(old, table) if move else None
        if not fields and not row:
            return None
        verdicts = [field.verdict for field in fields] + ([row.verdict] if row else [])
        action: Action = "update" if fields else "move"
        # A reviewer reads one word for an object, so it is that of its worst field.
        verdict = max(verdicts, key=lambda verdict: verdict.severity)
        change = ObjectChange(new.identity, new.environment, new.path, action, verdict, fields=fields)
        if row:
            remedy = PROTECT_FIRST if row.verdict == Verdict.DESTROYS_DATA else ""
            change = change._replace(says=row.says, source=row.source, move=move, remedy=remedy)
        change = self._add_user_data(change._replace(rebuild=rebuild), new)
        if verdict == Verdict.REJECTED and new.identity.kind == DATA_KIND:
            change = change._replace(previous_entry=self._build_previous_entry(old, new.environment))
        # After the table, whose rows a repository can replace: data_loss.py may only raise the verdict.
        loss = assess_update(new.identity.kind, old.document, new.document, fields)
        if loss and loss.verdict.severity > verdict.severity:
            change = change._replace(verdict=loss.verdict, says=loss.says, source=loss.source)
        return change._replace(tombstone=self._find_tombstone(new.identity, old.environment))

    def _find_rebuild(
        self, old: ExistingObject, new: PlannedObject, fields: tuple[FieldChange, ...], table: KindVerdicts
    ) -> tuple[Rebuild | None, tuple[FieldChange, ...]]:
        """Return the rebuild of a VM, and the changes of its fields with the verdict of that; None if it is none."""
        if new.identity.kind != "VMInstance" or not any(field.path == DISKS_FIELD for field in fields):
            return None, fields
        rebuild = find_rebuild(new.identity, (old.document, new.document), self._created, self._removed_disks)
        if rebuild is None:
            return None, fields
        rows = table.fields.get(DISKS_FIELD, ())
        return rebuild, tuple(explain_rebuild(rebuild, each, rows) if each.path == DISKS_FIELD else each for each in fields)

    def _build_previous_entry(self, old: ExistingObject, environment: str) -> Mapping[str, Any] | None:
        settings = self._environments.get(environment)
        return build_previous_entry(old.document, settings) if settings else None

    def _build_creation(self, new: PlannedObject, candidate: Identity | None) -> ObjectChange:
        kind = self._platforms.load(*self._written_platforms[new.environment]).kinds[new.identity.kind]
        rows = self._find_kind_verdicts(new.environment, new.identity.kind).created
        verdict, says, source, *_ = find_matching_row(rows, kind.max_name_length, new.identity.name)
        tombstone = self._find_tombstone(new.identity, new.environment) if verdict == Verdict.REJECTED else None
        change = ObjectChange(new.identity, new.environment, new.path, "create", verdict, says, source)
        return self._add_user_data(change._replace(rename_candidate=candidate, tombstone=tombstone), new)

    def _add_user_data(self, change: ObjectChange, new: PlannedObject) -> ObjectChange:
        """Add to a VM on which cloud-init runs as at a first boot its user data, and the disks that exist by then."""
        is_first_boot = (
            change.action == "create"
            or (change.rebuild is not None and change.rebuild.has_new_system)
            # A new instance id: cloud-init runs all of its modules again.
            # https://cloudinit.readthedocs.io/en/latest/explanation/boot.html#first-boot-determination
            or any(field.verdict == Verdict.REPROVISION for field in change.fields)
        )
        if change.identity.kind != "VMInstance" or not is_first_boot:
            return change
        get = new.spec_getter
        names = map(str, list_item_names(get("disks")))
        existing = tuple(name for name in names if new.identity._replace(kind=DATA_KIND, name=name) not in self._created)
        user_data = get("cloudInit") if existing else ""
        return change._replace(user_data=user_data if isinstance(user_data, str) else "", existing_disks=existing)

    def _build_deletion(self, old: ExistingObject, candidate: Identity | None) -> ObjectChange:
        table = self._find_kind_verdicts(old.environment, old.identity.kind)
        rows, remedy = table.deletion_rows, ""
        if candidate:
            is_elsewhere = candidate.namespace != old.identity.namespace
            rows = table.fields.get("metadata.namespace" if is_elsewhere else "metadata.name", rows)
            remedy = find_rename_remedy(old.identity, candidate, old.path, self._get_vm_names(old.environment))
        verdict, says, source = assess_deletion(old.identity.kind, Assessment(*rows[-1][:3]))
        change = ObjectChange(old.identity, old.environment, old.path, "delete", verdict, says, source, remedy=remedy)
        if old.identity.kind == DATA_KIND:
            change = change._replace(previous_entry=self._build_previous_entry(old, old.environment))
        return change._replace(rename_candidate=candidate, tombstone=self._find_tombstone(old.identity, old.environment))

    def _get_vm_names(self, environment: str) -> VmNames:
        """Return the names of the VMs after the change, which only the remedies for renames ask for."""
        if environment not in self._vm_names:
            objects = self._objects.get(environment, {}).items()
            groups = {each.name: find_group(path) for path, each in objects if each.kind == "VMInstance"}
            self._vm_names[environment] = VmNames(groups)
        return self._vm_names[environment]

    def _find_tombstone(self, identity: Identity, environment: str) -> Tombstone | None:
        for tombstone in self._tombstones.get((identity.kind, identity.name), ()):
            # The environment of the object may be gone, so one of another environment in its namespace counts as well.
            shares_namespace = (tombstone.cluster, tombstone.namespace) == (identity.cluster, identity.namespace)
            if tombstone.environment == environment or shares_namespace:
                return tombstone
        return None

    def _find_kind_verdicts(self, environment: str, kind: str) -> KindVerdicts:
        """Return the table of the environment's platform; for a removed environment, of any platform that has the kind."""
        platform_name = self._written_platforms.get(environment)
        for name, version in (
            (platform_name,) if platform_name else [(name, "") for name in self._platforms.project.platform_names]
        ):
            key = (name, version)
            if key not in self._tables and self._platforms.project.find_template(f"{name}/verdicts.yaml"):
                self._tables[key] = load_verdicts(self._platforms.load(name, version), self._platforms)
            if kind in self._tables.get(key, {}):
                return self._tables[key][kind]
        raise VmgenError(f"no platform has a table of verdicts for {kind}")
