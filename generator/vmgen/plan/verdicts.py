"""The table of verdicts: what a platform does with each change, as its data files say.

Two versions of one object, field by field: each change with its verdict, and with what may be shown of its values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from vmgen.merge.platform import PlatformLoader
from vmgen.plan.change_kinds import ABSENT, CHANGE_KINDS, Absent
from vmgen.read.located import Located, to_plain
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.secrets.redact import REDACTED, redact

# From calm to grave: of several changes to one object, the gravest is the object's.
VERDICTS = (
    "create",
    "no effect",
    "update in place",
    "restart",
    "address may change",
    "boot order changes",
    "reprovision",
    "delete",
    "rejected",
    "DESTROYS DATA",
)
DESTROYS_DATA, REJECTED = "DESTROYS DATA", "rejected"


class VerdictRow(NamedTuple):
    """One row: the change that it fits, and what is said of it. An empty condition always holds."""

    verdict: str
    says: str
    source: str
    change: str = "any"
    key: str = ""
    after: Any = None
    with_: str = ""
    while_: Mapping[str, Any] = {}


OrderedRows = tuple[VerdictRow, ...]


class KindVerdicts(NamedTuple):
    """The rows of one kind of object; `other` are those of a field that has none.

    `unset` is what the platform takes for a field that is left out, and `written_out` the rows of one that now says so.
    """

    created: OrderedRows
    deleted: OrderedRows
    moved: OrderedRows
    other: OrderedRows
    fields: Mapping[str, OrderedRows]
    unset: Mapping[str, Any]
    written_out: OrderedRows


VerdictTable = Mapping[str, KindVerdicts]


def load_verdicts(platform: str, platforms: PlatformLoader) -> VerdictTable:
    """The table of a platform, by kind."""
    content = platforms.load_data(f"{platform}/verdicts.yaml", "verdicts")
    return {kind: _parse_kind(entry) for kind, entry in content.data["kinds"].data.items()}


def _parse_kind(entry: Located) -> KindVerdicts:
    rows = {name: _parse_rows(entry.data[name]) for name in ("created", "deleted", "moved", "other")}
    return KindVerdicts(
        **rows,
        fields={name: _parse_rows(value) for name, value in entry.data["fields"].data.items()},
        unset=to_plain(entry.data["unset"]),
        written_out=_parse_rows(entry.data["writtenOut"]),
    )


def _parse_rows(value: Located) -> OrderedRows:
    return tuple(_parse_row(item) for item in value.items)


def _parse_row(item: Located) -> VerdictRow:
    said = {name: item.get_plain(name) for name in ("verdict", "says", "source")}
    return VerdictRow(
        **said,
        change=item.get_plain("change", "any"),
        key=item.get_plain("key", ""),
        after=item.get_plain("after"),
        with_=item.get_plain("with", ""),
        while_=item.get_plain("while", {}),
    )


_PER_KEY_FIELDS = ("metadata.labels", "metadata.annotations")
_REDACTED_DIFFERENCE = "the values differ where they are masked"


class FieldChange(NamedTuple):
    """One field that changes. `before` and `after` are masked, and ABSENT where the field is not there.

    `detail` says more of a change whose values are not shown.
    """

    path: str
    before: Any
    after: Any
    detail: str
    verdict: str
    says: str
    source: str


class _FieldDifference(NamedTuple):
    """A field that differs, not yet masked. `key` is the label or annotation."""

    field: str
    key: str
    before: Any
    after: Any

    @property
    def path(self) -> str:
        return f"{self.field}[{self.key}]" if self.key else self.field


def diff_fields(before: Mapping[str, Any], after: Mapping[str, Any], table: KindVerdicts) -> tuple[FieldChange, ...]:
    """The fields in which two versions of an object differ, in the order of the newer one."""
    differences = list(_find_differences(before, after))
    changed = {each.field for each in differences}
    return tuple(_classify(each, changed, after, table) for each in differences)


def find_matching_row(rows: OrderedRows, before: Any, after: Any) -> VerdictRow:
    """The first row that fits a change in itself."""
    return next((row for row in rows if CHANGE_KINDS[row.change](before, after)), rows[-1])


def get_value(found: Mapping[str, Any], path: str) -> Any:
    """The value of a field by its path, `spec.storage`; ABSENT where there is none."""
    section, _, name = path.partition(".")
    value = found.get(section, ABSENT)
    if not name:
        return value
    return value.get(name, ABSENT) if isinstance(value, Mapping) else ABSENT


def _find_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[_FieldDifference]:
    for path in dict.fromkeys((*_list_field_paths(after), *_list_field_paths(before))):
        one, other = get_value(before, path), get_value(after, path)
        # Strictly: true and 1 are equal to Python and not to the platform.
        if one == other and type(one) is type(other):
            continue
        if path in _PER_KEY_FIELDS and all(isinstance(value, dict | Absent | None) for value in (one, other)):
            yield from _diff_by_key(path, one or {}, other or {})
        else:
            yield _FieldDifference(path, "", one, other)


def _list_field_paths(found: Mapping[str, Any]) -> Iterator[str]:
    for section, value in found.items():
        if section in ("metadata", "spec") and isinstance(value, dict):
            yield from (f"{section}.{name}" for name in value)
        else:
            yield str(section)


def _diff_by_key(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[_FieldDifference]:
    for key in sorted(before.keys() | after.keys(), key=str):
        one, other = before.get(key, ABSENT), after.get(key, ABSENT)
        if one != other:
            yield _FieldDifference(path, str(key), one, other)


def _classify(each: _FieldDifference, changed: set[str], wanted: Mapping[str, Any], table: KindVerdicts) -> FieldChange:
    rows = table.fields.get(each.field) or table.other
    if each.before is ABSENT and each.field in table.unset and each.after == table.unset[each.field]:
        rows = table.written_out
    row = next((row for row in rows if _matches_row(row, each, changed, wanted)), None) or table.other[-1]
    name = each.key or each.field
    before, after = redact(each.before, name), redact(each.after, name)
    if each.field not in table.fields:  # nobody knows what stands in it
        before, after = (value if value is ABSENT else REDACTED for value in (before, after))
    texts = [value if isinstance(value, str) else "" for value in (each.before, each.after)]
    detail = _describe_text_difference(*texts) if any("\n" in text for text in texts) else ""
    if not detail and before == after:
        detail = _REDACTED_DIFFERENCE
    return FieldChange(each.path, before, after, detail, row.verdict, row.says, row.source)


def _matches_row(row: VerdictRow, each: _FieldDifference, changed: set[str], wanted: Mapping[str, Any]) -> bool:
    return (
        row.key in ("", each.key)
        and row.with_ in ("", *changed)
        and (row.after is None or row.after == each.after)
        and all(get_value(wanted, path) == value for path, value in row.while_.items())
        and CHANGE_KINDS[row.change](each.before, each.after)
    )


@lru_cache(maxsize=64)
def _describe_text_difference(before: str, after: str) -> str:
    """How two texts of several lines differ: how many lines, and in which keys of a cloud-config. Never the lines.

    Cached, since the VMs of a group change from one text to one other.
    """
    one, other = before.splitlines(), after.splitlines()
    from difflib import SequenceMatcher  # most runs have no text to compare

    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    same = sum(block.size for block in blocks)
    keys = _find_changed_keys(before, after)
    added = len(other) - same
    counts = f"{added} {'line' if added == 1 else 'lines'} added, {len(one) - same} removed"
    return f"{counts}, in {', '.join(keys)}" if keys else counts


def _find_changed_keys(before: str, after: str) -> list[str]:
    """The top-level keys in which two cloud-configs differ; nothing where one of the texts is something else."""
    found = []
    for text in (before, after):
        if text and not text.startswith("#cloud-config"):
            return []
        try:
            documents = parse_objects(text)
        except InvalidYamlError:
            return []
        found.append(documents[0] if documents and isinstance(documents[0], dict) else {})
    one, other = found
    keys = (key for key in {**one, **other} if json.dumps(one.get(key), default=str) != json.dumps(other.get(key), default=str))
    return [key for key in keys if isinstance(key, str) and re.fullmatch(r"[a-z_]{1,40}", key)]
