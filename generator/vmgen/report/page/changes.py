"""The plan, for the page: what becomes of each object when these manifests replace the committed ones."""

from __future__ import annotations

from typing import Any

from vmgen.compare.fields import FieldChange
from vmgen.compare.plan import ObjectChange, Plan
from vmgen.compare.totals import sum_deltas
from vmgen.report.plan_values import describe_baseline, describe_change, format_value
from vmgen.report.totals import format_delta


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
