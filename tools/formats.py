"""The pages of docs/ on vmgen's output: the verdicts of its platforms, and the documents that it prints as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vmgen.merge.platform import PlatformLoader
from vmgen.merge.versions import NEXT, Versions
from vmgen.plan.verdicts import KindVerdicts, OrderedRows, VerdictRow, load_verdicts
from vmgen.read.repository import Project

ROOT = Path(__file__).resolve().parent.parent
FORMATS = {
    "plan": "`vmgen plan -o json`",
    "problems": "`-o json` of `vmgen render` and `vmgen check`",
}
_HEAD = "| field | change | verdict | effect on the platform | versions | source |\n|---|---|---|---|---|---|\n"
_WHOLE = {
    "created": "a new object",
    "deletion_rows": "a deleted object",
    "move_rows": "an object that moves to another environment",
    "other": "a field without rows",
    "written_out": "an omitted field that is now set to the platform's default",
}


def build_verdicts_page() -> str:
    """Return the page with the verdict of each change, by platform, kind and field."""
    project = Project(ROOT)
    parts = [
        "# Verdicts\n\n",
        "The [verdicts](glossary.md#verdict) of `vmgen plan`. The first matching row applies. The verdict of an object is the "
        "most severe of its changes. Sources are paths or issues in github.com/cozystack/cozystack, unless they name another "
        "place. The rows of a field are in `templates/shared/fields.yaml` and the `platform.yaml` of a platform, the others in "
        "`templates/<platform>/verdicts.yaml`; a repository can replace them ([platforms](platforms.md)).\n\n",
    ]
    loader = PlatformLoader(project)
    for name in project.platform_names:
        release = loader.load_release(name)
        tables = {version: load_verdicts(release.build(version), loader) for version in (*release.versions.names, NEXT)}
        for kind in release.build(release.versions.default).kinds:
            parts.append(f"## {kind} on {name}\n\n{_HEAD}")
            sections = {version: _list_sections(table[kind]) for version, table in tables.items()}
            for title in dict.fromkeys(title for titles in sections.values() for title in titles):
                rows = {version: titles.get(title, ()) for version, titles in sections.items()}
                parts += _format_rows(title, rows, release.versions)
            parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _list_sections(table: KindVerdicts) -> dict[str, OrderedRows]:
    whole = {title: getattr(table, section) for section, title in _WHOLE.items()}
    return whole | {f"`{field}`": rows for field, rows in table.fields.items()}


def _format_rows(title: str, rows: Mapping[str, OrderedRows], versions: Versions) -> Iterator[str]:
    """Yield a line for each row that some version has, in the order of the newest."""
    distinct: list[VerdictRow] = []
    for version_rows in reversed(tuple(rows.values())):
        distinct += [row for row in version_rows if row not in distinct]
    for row in distinct:
        present = tuple(version for version, version_rows in rows.items() if row in version_rows)
        cells = (
            title,
            _format_conditions(row),
            row.verdict,
            _escape_cell(row.says),
            _format_versions(present, versions),
            _escape_cell(row.source),
        )
        yield f"| {' | '.join(cells)} |\n"


def _format_versions(present: tuple[str, ...], versions: Versions) -> str:
    versions_with_row = tuple(version for version in present if version != NEXT)
    if not versions_with_row:
        return f"after {versions.names[-1]}"
    if versions_with_row == versions.names:
        return "all" if NEXT in present else f"up to {versions_with_row[-1]}"
    return versions.describe(versions_with_row)


def _format_conditions(row: VerdictRow) -> str:
    conditions = [] if row.change == "any" else [row.change]
    if row.key:
        conditions.append(f"key `{row.key}`")
    if row.before is not None:
        conditions.append(f"from `{json.dumps(row.before)}`")
    if row.after is not None:
        conditions.append(f"to `{json.dumps(row.after)}`")
    if row.with_:
        conditions.append(f"with `{row.with_}`")
    conditions.extend(f"`{field}` was `{json.dumps(value)}`" for field, value in row.was.items())
    conditions.extend(f"while `{field}` is `{json.dumps(value)}`" for field, value in row.while_.items())
    return _escape_cell(", ".join(conditions))


def build_formats_page() -> str:
    """Return the page of the documents that programs read, from their JSON Schemas."""
    parts = [
        "# JSON formats\n\n",
        "Each document has a `version`. Within a version, keys are only added; removing a key, or changing its meaning, needs "
        "a new version. See [totals](budget.md#json-output) for `vmgen list`, and [explain and impact](explain.md) for "
        "`vmgen explain` and `vmgen impact`. SARIF is 2.1.0.\n\n",
    ]
    for name, command in FORMATS.items():
        schema = json.loads((ROOT / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))
        parts.append(f"## {command}\n\n{schema['description']} Its schema is `schema/{name}.schema.json`.\n\n")
        parts += _format_table(schema, schema)
        for title, node in schema.get("$defs", {}).items():
            if "properties" in node:
                parts.append(f"### {title}\n\n")
                if "description" in node:
                    parts.append(f"{node['description']}\n\n")
                parts += _format_table(node, schema)
    return "".join(parts).rstrip() + "\n"


def _format_table(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    yield "| key | type | meaning |\n|---|---|---|\n"
    yield from _format_keys(node, schema, "")
    yield "\n"


def _format_keys(node: Mapping[str, Any], schema: Mapping[str, Any], above: str) -> Iterator[str]:
    for name, entry in node["properties"].items():
        path, meaning = f"{above}{name}", entry.get("description", "")
        yield f"| `{path}` | {_escape_cell(_format_type(entry))} | {_escape_cell(meaning)} |\n"
        inner = entry.get("items", entry) if "$ref" not in entry else {}
        if "properties" in inner:
            yield from _format_keys(inner, schema, f"{path}[]." if "items" in entry else f"{path}.")


def _format_type(entry: Mapping[str, Any]) -> str:
    if "$ref" in entry:
        return str(entry["$ref"].rsplit("/", 1)[1])
    if "const" in entry:
        return f"`{json.dumps(entry['const'])}`"
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if "items" in entry:
        return f"list of {_format_type(entry['items'])}"
    types = entry.get("type", "any")
    return types if isinstance(types, str) else " or ".join(types)


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()
