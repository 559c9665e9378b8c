"""The comparison of two versions of a platform, as text and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from vmgen.printable import escape, format_json
from vmgen.quantities import format_count
from vmgen.secrets.redact import redact_text
from vmgen.upgrade import Upgrade

JSON_VERSION = 1


def format_text(upgrade: Upgrade) -> str:
    """Return the rows that change, then the objects of each environment."""
    return "".join(f"{escape(redact_text(line))}\n" for line in _iter_lines(upgrade))


def _iter_lines(upgrade: Upgrade) -> Iterator[str]:
    count = format_count(len(upgrade.changes), "row")
    yield f"{upgrade.before.release_title} to {upgrade.after.version}: {count} changed"
    for part, section, name, change, detail in upgrade.changes:
        place = f"{section} {name}".lstrip()
        yield f"  {part:<10} {change:<8} {place}{f' ({detail})' if detail else ''}"
    for environment in upgrade.environments:
        yield ""
        changes = f"{format_count(len(environment.objects), 'object')} changed" if environment.objects else "no object changes"
        if not environment.is_rendered:
            changes = "cannot be rendered at both versions; run vmgen check"
        yield f"{environment.name}: {changes}"
        for each in environment.objects:
            yield f"  {each.kind} {each.name}: {', '.join(each.fields) or each.change}"
        for section, name in environment.uses:
            yield f"  uses {section} {name}"
        for problem in environment.problems:
            yield f"  {problem.severity}: {problem.subject}: {problem.message} [{problem.rule}]"


def format_comparison(upgrade: Upgrade) -> str:
    """Return the comparison as JSON: the shape is that of schema/comparison.schema.json."""
    return format_json(
        {
            "version": JSON_VERSION,
            "platform": upgrade.before.name,
            "from": upgrade.before.version,
            "to": upgrade.after.version,
            "rows": [{key: redact_text(value) for key, value in change._asdict().items()} for change in upgrade.changes],
            "environments": [
                {
                    "name": each.name,
                    "rendered": each.is_rendered,
                    "objects": [{**item._asdict(), "fields": list(item.fields)} for item in each.objects],
                    "uses": [{"section": section, "name": name} for section, name in each.uses],
                    "problems": [
                        {
                            "severity": problem.severity,
                            "rule": problem.rule,
                            "subject": redact_text(problem.subject),
                            "message": redact_text(problem.message),
                        }
                        for problem in each.problems
                    ],
                }
                for each in upgrade.environments
            ],
        }
    )


UPGRADE_FORMATS: Mapping[str, Callable[[Upgrade], str]] = {"text": format_text, "json": format_comparison}
