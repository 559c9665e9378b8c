"""A plan as a versioned document (schema/plan.schema.json)."""

from __future__ import annotations

import json
from typing import Any

from vmgen.compare.directions import ABSENT
from vmgen.compare.fields import FieldChange
from vmgen.compare.plan import ObjectChange, Plan, Summary, summary
from vmgen.compare.tombstones import Tombstone
from vmgen.compare.totals import NO_DELTA, together
from vmgen.compare.wanted import Identity
from vmgen.report.totals import delta_data

VERSION = 1


def as_json(plan: Plan) -> str:
    """The plan; values are masked as in every other report."""
    document = {
        "version": VERSION,
        "against": plan.against,
        "summary": _summary(plan.summary),
        "totals": delta_data(together(plan.deltas.values())),
        "environments": [_environment(plan, name, changes) for name, changes in plan.by_environment.items()],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _environment(plan: Plan, name: str, changes: tuple[ObjectChange, ...]) -> dict[str, Any]:
    totals = delta_data(plan.deltas.get(name, NO_DELTA))
    return {
        "name": name,
        "summary": _summary(summary(changes)),
        "totals": totals,
        "objects": [_object(each) for each in changes],
    }


def _summary(counts: Summary) -> dict[str, Any]:
    return {
        "create": counts.create,
        "update": counts.update,
        "delete": counts.delete,
        "destroyData": counts.destroy,
        "retired": counts.retired,
        "verdicts": dict(counts.notable),
    }


def _object(change: ObjectChange) -> dict[str, Any]:
    found: dict[str, Any] = {**_identity(change.identity), "path": change.path, "action": change.action}
    found |= {"verdict": change.verdict, "says": change.says, "source": change.source}
    found["fields"] = [_field(field) for field in change.fields]
    if change.twin:
        found["renamedTo" if change.action == "delete" else "renamedFrom"] = _identity(change.twin)
    if change.remedy:
        found["remedy"] = change.remedy
    if change.moved_from:
        found["movedFrom"] = change.moved_from
    if change.tombstone and (change.retired or change.refused):
        found["retired"] = _tombstone(change.tombstone)
    return found


def _identity(identity: Identity) -> dict[str, str]:
    return {"kind": identity.kind, "namespace": identity.namespace, "name": identity.name}


def _field(field: FieldChange) -> dict[str, Any]:
    found: dict[str, Any] = {"path": field.path}
    found |= {name: value for name, value in (("before", field.before), ("after", field.after)) if value is not ABSENT}
    if field.detail:
        found["detail"] = field.detail
    return {**found, "verdict": field.verdict, "says": field.says, "source": field.source}


def _tombstone(tombstone: Tombstone) -> dict[str, Any]:
    found = {"reason": tombstone.reason, "file": tombstone.place.file, "line": tombstone.place.line}
    return {**found, "until": tombstone.until.isoformat()} if tombstone.until else found
