"""What a line reaches, as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from vmgen.explain.impact import WHOLE_OBJECT, AffectedObject, Impact
from vmgen.report.terminal import Paint

_MAX_NAMES = 6


def count_affected(impact: Impact) -> dict[str, int]:
    """How many environments, groups, objects and fields an edit of the target can change."""
    changed = [each for each in impact.objects if each.fields]
    return {
        "environments": len({each.environment for each in changed}),
        "groups": len({(each.environment, each.group) for each in changed if each.group}),
        "objects": len(changed),
        "fields": sum(len(each.fields) for each in changed),
    }


def format_text(impact: Impact, paint: Paint) -> str:
    """A line of totals, then what is reached, group by group; objects of which the same fields are reached stand together."""
    lines = [_format_headline(impact, paint)]
    for environment in dict.fromkeys(each.environment for each in impact.objects):
        lines.append(paint(environment, "bold"))
        inside = [each for each in impact.objects if each.environment == environment]
        for group in dict.fromkeys(each.group for each in inside):
            lines.append(f"  {group or '(no group)'}")
            lines.extend(_format_objects([each for each in inside if each.group == group], paint))
    return "\n".join(lines) + "\n"


def _format_headline(impact: Impact, paint: Paint) -> str:
    found = count_affected(impact)
    keys = f" ({', '.join(impact.keys[:3])}{', …' if len(impact.keys) > 3 else ''})" if impact.keys else ""
    about = f"{paint(str(impact.target), 'bold')}{keys}"
    checked = sum(1 for each in impact.objects if each.checked_fields)
    also = f"; {_pluralize(checked, 'object')} checked against it" if checked else ""
    if found["objects"]:
        return f"{about} reaches {', '.join(_pluralize(number, noun[:-1]) for noun, number in found.items())}{also}"
    readers = f"; read by {', '.join(impact.dependent_environments)}" if impact.dependent_environments and not checked else ""
    return f"{about} reaches no field of any object{also}{readers}"


def _pluralize(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _format_objects(objects: list[AffectedObject], paint: Paint) -> Iterator[str]:
    together: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    for each in objects:
        for fields, how in ((each.fields, ""), (each.checked_fields, " (checked against it)")):
            if fields:
                together.setdefault((each.kind, fields, how), []).append(each.name)
    for (kind, fields, how), names in together.items():
        more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
        yield f"    {_pluralize(len(names), kind)}: {' '.join(names[:_MAX_NAMES])}{more}"
        for field in fields:
            yield paint(f"      {'the whole object' if field == WHOLE_OBJECT else field}{how}", "dim")


def format_json(impact: Impact) -> str:
    """A versioned document (docs/explain.md)."""
    document = {
        "version": 1,
        "file": impact.target.file,
        "line": impact.target.line,
        "keys": list(impact.keys),
        "readers": list(impact.dependent_environments),
        "counts": {**count_affected(impact), "checked": sum(1 for each in impact.objects if each.checked_fields)},
        "kinds": dict(Counter(each.kind for each in impact.objects if each.fields)),
        "objects": [_object_to_dict(each) for each in impact.objects],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _object_to_dict(reached: AffectedObject) -> dict[str, Any]:
    return {
        "environment": reached.environment,
        "group": reached.group,
        "kind": reached.kind,
        "name": reached.name,
        "file": f"manifests/{reached.file}",
        "fields": list(reached.fields),
        "checked": list(reached.checked_fields),
    }
