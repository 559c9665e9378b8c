"""The plan: what the platform will do, object by object and field by field, when what is wanted replaces what exists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Literal, NamedTuple

from vmgen.compare.baseline import Baseline
from vmgen.compare.fields import FieldChange, field_changes, fitting
from vmgen.compare.matching import Existing, Matching, New, matched
from vmgen.compare.renames import old_root
from vmgen.compare.tombstones import Tombstone
from vmgen.compare.totals import Delta, deltas
from vmgen.compare.wanted import Identity, Wanted
from vmgen.problems import Problem, VmgenError
from vmgen.read.catalog import Catalog
from vmgen.read.platform import DEFAULT_PLATFORM, Platforms
from vmgen.read.verdicts import DESTROYS, REJECTED, VERDICTS, KindVerdicts, Rows, Verdicts, verdicts

Action = Literal["create", "update", "move", "delete"]
GRAVITY: Mapping[str, int] = {verdict: position for position, verdict in enumerate(VERDICTS)}


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
    twin: Identity | None = None
    moved_from: str = ""
    tombstone: Tombstone | None = None

    @property
    def retired(self) -> bool:
        """Whether it goes, and may."""
        return self.action == "delete" and self.tombstone is not None

    @property
    def remedy(self) -> str:
        """What keeps an object that goes under its old name; nothing where nothing looks like it."""
        if self.action != "delete" or self.twin is None:
            return ""
        if self.twin.name == self.identity.name:
            return f"write `namespace: {self.identity.namespace}` back to keep it"
        if self.path.count("/") < 3:
            return f"write the key `{self.identity.name}` back to keep it"
        return f"write `name: {old_root(self.identity.name, self.twin.name)}`, or `names:`, in its group to keep the old names"

    @property
    def refused(self) -> bool:
        """Whether the gate lets it pass only with a tombstone."""
        return self.verdict in (DESTROYS, REJECTED)


class Summary(NamedTuple):
    """How many objects of each sort. `notable` counts those of which a field has a verdict that is worth a word."""

    create: int
    update: int
    delete: int
    destroy: int
    retired: int
    notable: Mapping[str, int]

    def __str__(self) -> str:
        notes = ", ".join(f"{count} {verdict}" for verdict, count in self.notable.items())
        updates = f"{self.update} to update ({notes})" if notes else f"{self.update} to update"
        line = f"{self.create} to create, {updates}, {self.delete} to delete, {self.destroy} destroy data"
        return f"{line}, {self.retired} retired" if self.retired else line


class _Changes(NamedTuple):
    against: str
    environments: tuple[str, ...]
    changes: tuple[ObjectChange, ...]
    problems: tuple[Problem, ...] = ()
    deltas: Mapping[str, Delta] = {}


class Plan(_Changes):
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
    def summary(self) -> Summary:
        return summary(self.changes)


def summary(changes: Iterable[ObjectChange]) -> Summary:
    """The counts of some changes; each object counts once, but for the verdicts of its fields."""
    sorts: Counter[str] = Counter()
    notable: Counter[str] = Counter()
    for change in changes:
        if change.retired:
            sorts["retired"] += 1
        elif change.action == "delete":
            sorts["destroy" if change.verdict == DESTROYS else "delete"] += 1
        elif change.action == "create":
            sorts["create"] += 1
            notable.update({change.verdict} - {"create"})
        else:
            sorts["update"] += 1
            notable.update({field.verdict for field in change.fields} - {"update in place"})
    ordered = {verdict: notable[verdict] for verdict in sorted(notable, key=lambda name: -GRAVITY[name])}
    return Summary(sorts["create"], sorts["update"], sorts["delete"], sorts["destroy"], sorts["retired"], ordered)


def plan(
    platforms: Platforms,
    wanted: Iterable[Wanted],
    baseline: Baseline,
    gone: Iterable[str] = (),
    differing: Mapping[str, bytes] | None = None,
) -> Plan:
    """What changes between the baseline and what is wanted. `gone` are environments of which nothing is wanted any more.

    `differing` are the manifests of the baseline that are not what is wanted; it is asked for them where they are not known.
    """
    environments = tuple(wanted)
    names = (*(each.environment for each in environments), *gone)
    found = matched(environments, baseline, names, differing)
    judge = _Judge(platforms, environments)
    changes = sorted(judge.changes(found), key=_order)
    changed = deltas(found, judge.catalog, {each.environment: each.prices for each in environments})
    return Plan(baseline.ref, names, tuple(changes), found.problems, changed)


def _order(change: ObjectChange) -> tuple[object, ...]:
    return change.environment, change.retired, -GRAVITY[change.verdict], change.identity.kind, _natural(change.identity.name)


def _natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A name in the order in which people count: web-2 before web-10."""
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in name.split("-"))


class _Judge:
    """Says what becomes of each object, by the table of its environment's platform."""

    def __init__(self, platforms: Platforms, environments: tuple[Wanted, ...]) -> None:
        self._project = platforms.project
        self._platforms = platforms
        self._of = {each.environment: each.platform for each in environments}
        self._tombstones = [tombstone for each in environments for tombstone in each.tombstones]
        self._tables: dict[str, Verdicts] = {}

    def catalog(self, environment: str) -> Catalog:
        """The catalog of an environment; of one whose file is gone, that of the default platform."""
        return self._platforms.named(self._of.get(environment, DEFAULT_PLATFORM)).catalog

    def changes(self, found: Matching) -> Iterable[ObjectChange]:
        """A change for each object that is not simply the same."""
        for one, other in found.pairs:
            change = self._updated(one, other)
            if change:
                yield change
        for created in found.created:
            yield self._created(created, found.twins.get(created.identity))
        for gone in found.vanished:
            yield self._deleted(gone, found.twins.get(gone.identity))

    def _updated(self, one: Existing, other: New) -> ObjectChange | None:
        table = self._table(other.environment, other.identity.kind)
        fields = field_changes(one.document, other.document, table)
        moved = one.environment != other.environment
        if not fields and not moved:
            return None
        row = table.moved[-1] if moved else None
        verdict = max((*(field.verdict for field in fields), *([row.verdict] if row else [])), key=lambda name: GRAVITY[name])
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
            tombstone=self._tombstone(other.identity, one.environment),
        )

    def _created(self, new: New, twin: Identity | None) -> ObjectChange:
        kind = self._platforms.named(self._of[new.environment]).kinds[new.identity.kind]
        row = fitting(self._table(new.environment, new.identity.kind).created, kind.longest_name, new.identity.name)
        tombstone = self._tombstone(new.identity, new.environment) if row.verdict == REJECTED else None
        return ObjectChange(
            new.identity, new.environment, new.path, "create", row.verdict, row.says, row.source, twin=twin, tombstone=tombstone
        )

    def _deleted(self, gone: Existing, twin: Identity | None) -> ObjectChange:
        table = self._table(gone.environment, gone.identity.kind)
        row = self._rows_of_twin(table, gone.identity, twin)[-1]
        tombstone = self._tombstone(gone.identity, gone.environment)
        return ObjectChange(
            gone.identity, gone.environment, gone.path, "delete", row.verdict, row.says, row.source, (), twin, "", tombstone
        )

    def _rows_of_twin(self, table: KindVerdicts, identity: Identity, twin: Identity | None) -> Rows:
        if twin is None:
            return table.deleted
        return table.fields["metadata.namespace" if twin.name == identity.name else "metadata.name"]

    def _tombstone(self, identity: Identity, environment: str) -> Tombstone | None:
        for each in self._tombstones:
            names_it = (each.kind, each.name) == (identity.kind, identity.name)
            if names_it and (each.environment == environment or each.namespace == identity.namespace):
                return each
        return None

    def _table(self, environment: str, kind: str) -> KindVerdicts:
        """The table of the environment's platform; of one whose file is gone, that of any platform which has the kind."""
        platform = self._of.get(environment)
        for name in (platform,) if platform else self._with_table():
            if name not in self._tables:
                self._tables[name] = verdicts(name, self._platforms)
            if kind in self._tables[name]:
                return self._tables[name][kind]
        raise VmgenError(f"no platform has a table of verdicts for {kind}")

    def _with_table(self) -> Iterable[str]:
        return (name for name in self._project.platforms if self._project.template(f"{name}/verdicts.yaml"))
