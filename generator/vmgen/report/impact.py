"""The impact of an edit as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from vmgen.explain.impact import AffectedObject, Impact
from vmgen.explain.nulls import WHOLE_OBJECT
from vmgen.printable import escape
from vmgen.printable import format_json as dump_json
from vmgen.quantities import format_count, format_names
from vmgen.report.terminal import Paint

_MAX_NAMES = 6
_MAX_KEYS = 3


def format_text(impact: Impact, paint: Paint) -> str:
    """Format a line of totals, then the objects by environment and group; those with the same fields together."""
    lines = [_format_headline(impact, paint)]
    for environment in dict.fromkeys(affected.environment for affected in impact.objects):
        lines.append(paint(environment, "bold"))
        in_environment = [affected for affected in impact.objects if affected.environment == environment]
        for group in dict.fromkeys(affected.group for affected in in_environment):
            lines.append(f"  {group or '(no group)'}")
            lines.extend(_format_objects([affected for affected in in_environment if affected.group == group], paint))
    return "\n".join(lines) + "\n"


def _format_headline(impact: Impact, paint: Paint) -> str:
    counts, checked_count = _count_affected(impact), _count_checked(impact)
    keys = _join_keys(impact.keys)
    subject = paint(escape(str(impact.target)), "bold") + (f" ({escape(keys)})" if keys else "")
    also = f"; {format_count(checked_count, 'object')} checked against it" if checked_count else ""
    also += _format_removals(impact)
    if counts["objects"]:
        nouns = ", ".join(format_count(number, plural.removesuffix("s")) for plural, number in counts.items())
        return f"{subject} affects {nouns}{also}"
    dependents = ", ".join(impact.dependent_environments)
    readers = f"; read by {dependents}" if dependents and not checked_count else ""
    return f"{subject} affects no field of any object{also}{readers}"


def _join_keys(keys: Sequence[str]) -> str:
    return ", ".join([*keys[:_MAX_KEYS], *(["…"] if len(keys) > _MAX_KEYS else [])])


def _format_removals(impact: Impact) -> str:
    """Format what the nulls of the line remove from lower layers."""
    keys = [f"{removal.key} of {removal.place.file}:{removal.place.line}" for removal in impact.removals if removal.place]
    if keys:
        return f"; removes {escape(_join_keys(keys))}"
    return "; removes nothing, as no lower layer has it" if impact.removals and not _count_affected(impact)["objects"] else ""


def _format_objects(objects: list[AffectedObject], paint: Paint) -> Iterator[str]:
    names_by_fields: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    for affected in objects:
        # Apart, since a field that is only checked keeps its value whatever the edit is.
        for fields, note in ((affected.fields, ""), (affected.checked_fields, " (checked against it)")):
            if fields:
                names_by_fields.setdefault((affected.kind, fields, note), []).append(affected.name)
    for (kind, fields, note), names in names_by_fields.items():
        yield f"    {format_count(len(names), kind)}: {escape(format_names(names, _MAX_NAMES, ' '))}"
        for field in fields:
            yield paint(escape(f"      {'the whole object' if field == WHOLE_OBJECT else field}{note}"), "dim")


def _count_affected(impact: Impact) -> dict[str, int]:
    """Count the environments, groups, objects and fields that an edit can change."""
    changed_objects = [affected for affected in impact.objects if affected.fields]
    return {
        "environments": len({affected.environment for affected in changed_objects}),
        "groups": len({(affected.environment, affected.group) for affected in changed_objects if affected.group}),
        "objects": len(changed_objects),
        "fields": sum(len(affected.fields) for affected in changed_objects),
    }


def _count_checked(impact: Impact) -> int:
    return sum(1 for affected in impact.objects if affected.checked_fields)


def format_json(impact: Impact) -> str:
    """Format an impact as a versioned document (docs/explain.md)."""
    document = {
        "version": 1,
        "file": impact.target.file,
        "line": impact.target.line,
        "keys": list(impact.keys),
        "removes": [
            {"key": removal.key, "file": removal.place.file, "line": removal.place.line}
            for removal in impact.removals
            if removal.place
        ],
        "readers": list(impact.dependent_environments),
        "counts": {**_count_affected(impact), "checked": _count_checked(impact)},
        "kinds": dict(Counter(affected.kind for affected in impact.objects if affected.fields)),
        "objects": [
            {
                "environment": affected.environment,
                "group": affected.group,
                "kind": affected.kind,
                "name": affected.name,
                "file": f"manifests/{affected.file}",
                "fields": list(affected.fields),
                "checked": list(affected.checked_fields),
            }
            for affected in impact.objects
        ],
    }
    return dump_json(document)
