"""Compare two versions of a platform: the fields, constraints, catalog entries, settings and verdicts that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.merge.platform import FIELD_SECTIONS, Platform, PlatformLoader
from vmgen.plan.verdicts import OrderedRows, load_verdicts
from vmgen.read.located import to_plain

# Parts of platform.yaml that are compared as rows of their own, or that tell nothing of one version.
_COMPARED_APART = {"constraints", "diskConstraints", "extends", "versions", "defaultVersion", "versionQuestion", "title"}
# Parts of the row of a field that are compared apart, or are no matter of the platform.
_ROW_PARTS = {"verdicts", "constraints", "import"}


class RowChange(NamedTuple):
    """A row that two versions have not alike: `part` is field, constraint, catalog, setting or verdict.

    `section` is the kind of object, or the section of the catalog; `change` is added, removed or changed, and `detail` what
    of it changes.
    """

    part: str
    section: str
    name: str
    change: str
    detail: str = ""


def compute_changes(before: Platform, after: Platform, platforms: PlatformLoader) -> tuple[RowChange, ...]:
    """Return the rows that change between two versions of a platform. Raises as `load_verdicts` does."""
    changes: list[RowChange] = []
    for kind, section in FIELD_SECTIONS.items():
        fields = [_get_fields(platform, section) for platform in (before, after)]
        changes += _compare("field", kind, *fields)
        rows = [{row["id"]: row for row in platform.get_constraints(kind)} for platform in (before, after)]
        changes += _compare("constraint", kind, *rows)
    catalogs = [to_plain(platform.catalog.content) for platform in (before, after)]
    for section in dict.fromkeys(key for catalog in catalogs for key in catalog if key != "extends"):
        entries = [catalog.get(section) or {} for catalog in catalogs]
        changes += _compare("catalog", section, *entries)
    changes += _compare("setting", "", *(_get_settings(platform) for platform in (before, after)))
    return (*changes, *_compare_verdicts(before, after, platforms))


def _get_fields(platform: Platform, section: str) -> dict[str, Any]:
    rows = platform.content.mapping[section].mapping
    return {name: {key: value for key, value in to_plain(row).items() if key not in _ROW_PARTS} for name, row in rows.items()}


def _get_settings(platform: Platform) -> dict[str, Any]:
    skipped_keys = {*_COMPARED_APART, *FIELD_SECTIONS.values()}
    return {key: to_plain(value) for key, value in platform.content.mapping.items() if key not in skipped_keys}


def _compare(part: str, section: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[RowChange]:
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            yield RowChange(part, section, name, "added")
        elif name not in after:
            yield RowChange(part, section, name, "removed")
        elif before[name] != after[name]:
            yield RowChange(part, section, name, "changed", _describe(before[name], after[name]))


def _describe(before: Any, after: Any) -> str:
    """Return the keys that differ, with short values: `profile: linux -> ubuntu, spec`."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    differing = [key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key)]
    return ", ".join(
        f"{key}: {before[key]} -> {after[key]}" if _is_short(before.get(key)) and _is_short(after.get(key)) else str(key)
        for key in differing
    )


def _is_short(value: Any) -> bool:
    return isinstance(value, (str, int, bool)) and value != "" and len(str(value)) <= 40


def _compare_verdicts(before: Platform, after: Platform, platforms: PlatformLoader) -> Iterator[RowChange]:
    """Yield the fields that both versions know and whose changes have other effects."""
    tables = [load_verdicts(platform, platforms) for platform in (before, after)]
    for kind in sorted(tables[0].keys() & tables[1].keys()):
        old, new = (table[kind] for table in tables)
        rows = [
            {"created": each.created, "deleted": each.deletion_rows, "moved": each.move_rows, **each.fields}
            for each in (old, new)
        ]
        for name in rows[0]:
            if name in rows[1] and rows[0][name] != rows[1][name]:
                yield RowChange("verdict", kind, name, "changed", _describe_verdicts(rows[0][name], rows[1][name]))


def _describe_verdicts(before: OrderedRows, after: OrderedRows) -> str:
    verdicts = [", ".join(dict.fromkeys(row.verdict.value for row in rows)) for rows in (before, after)]
    return f"{verdicts[0]} -> {verdicts[1]}" if verdicts[0] != verdicts[1] else "the text or the conditions"
