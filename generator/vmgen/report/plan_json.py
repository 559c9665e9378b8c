"""A plan as a versioned document (schema/plan.schema.json)."""

from __future__ import annotations

import json
from typing import Any

from vmgen.compare.directions import ABSENT
from vmgen.compare.fields import FieldChange
from vmgen.compare.plan import ObjectChange, Plan, PlanSummary, summarize
from vmgen.compare.tombstones import Tombstone
from vmgen.compare.totals import NO_DELTA, sum_deltas
from vmgen.compare.wanted import Identity
from vmgen.report.totals import delta_to_dict

FORMAT_VERSION = 1


def format_json(plan: Plan) -> str:
    """The plan; values are masked as in every other report."""
    document = {
        "version": FORMAT_VERSION,
        "against": plan.against,
        "summary": _summary_to_dict(plan.summary),
        "totals": delta_to_dict(sum_deltas(plan.deltas.values())),
        "environments": [_environment_to_dict(plan, name, changes) for name, changes in plan.by_environment.items()],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _environment_to_dict(plan: Plan, name: str, changes: tuple[ObjectChange, ...]) -> dict[str, Any]:
    totals = delta_to_dict(plan.deltas.get(name, NO_DELTA))
    return {
        "name": name,
        "summary": _summary_to_dict(summarize(changes)),
        "totals": totals,
        "objects": [_change_to_dict(each) for each in changes],
    }


def _summary_to_dict(counts: PlanSummary) -> dict[str, Any]:
    return {
        "create": counts.create,
        "update": counts.update,
        "delete": counts.delete,
        "destroyData": counts.destroy,
        "retired": counts.retired,
        "verdicts": dict(counts.verdict_counts),
    }


def _change_to_dict(change: ObjectChange) -> dict[str, Any]:
    found: dict[str, Any] = {**_identity_to_dict(change.identity), "path": change.path, "action": change.action}
    found |= {"verdict": change.verdict, "says": change.says, "source": change.source}
    found["fields"] = [_field_to_dict(field) for field in change.fields]
    if change.rename_candidate:
        found["renamedTo" if change.action == "delete" else "renamedFrom"] = _identity_to_dict(change.rename_candidate)
    if change.remedy:
        found["remedy"] = change.remedy
    if change.moved_from:
        found["movedFrom"] = change.moved_from
    if change.tombstone and (change.is_retired or change.is_refused):
        found["retired"] = _tombstone_to_dict(change.tombstone)
    return found


def _identity_to_dict(identity: Identity) -> dict[str, str]:
    return {"kind": identity.kind, "namespace": identity.namespace, "name": identity.name}


def _field_to_dict(field: FieldChange) -> dict[str, Any]:
    found: dict[str, Any] = {"path": field.path}
    found |= {name: value for name, value in (("before", field.before), ("after", field.after)) if value is not ABSENT}
    if field.detail:
        found["detail"] = field.detail
    return {**found, "verdict": field.verdict, "says": field.says, "source": field.source}


def _tombstone_to_dict(tombstone: Tombstone) -> dict[str, Any]:
    found = {"reason": tombstone.reason, "file": tombstone.place.file, "line": tombstone.place.line}
    return {**found, "until": tombstone.until.isoformat()} if tombstone.until else found
