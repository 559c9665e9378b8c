"""The plan, for the page: what becomes of each object when these manifests replace the committed ones."""

from __future__ import annotations

from typing import Any

from vmgen.compare.fields import FieldChange
from vmgen.compare.plan import ObjectChange, Plan
from vmgen.compare.totals import together
from vmgen.report.plan_values import baseline_name, remarks, value
from vmgen.report.totals import delta_in_words


def changes_data(plan: Plan) -> dict[str, Any]:
    """The plan as the page's script reads it; every value in it is masked already."""
    return {
        "against": baseline_name(plan.against),
        "summary": str(plan.summary),
        "delta": delta_in_words(together(plan.deltas.values())),
        "deltas": {name: delta_in_words(delta) for name, delta in plan.deltas.items()},
        "objects": [_object(each) for each in plan.changes],
    }


def _object(each: ObjectChange) -> dict[str, Any]:
    return {
        "environment": each.environment,
        "kind": each.identity.kind,
        "name": each.identity.name,
        "action": each.action,
        "verdict": "retired" if each.retired else each.verdict,
        "grave": each.refused and not each.retired,
        "says": list(remarks(each)),
        "fields": [_field(field) for field in each.fields],
    }


def _field(field: FieldChange) -> list[str]:
    """Path, before, after, what more there is to say, verdict, and the verdict's sentence."""
    return [field.path, value(field.before), value(field.after), field.detail, field.verdict, field.says]
