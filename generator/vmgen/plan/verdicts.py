"""The verdict of each field that changes, such as `needs restart` for an instance type.

The verdicts of a platform are data, `templates/<platform>/verdicts.yaml`: the first row of a field that matches the change
is its verdict.
"""

import json
import re
from collections.abc import Container, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from vmgen.merge.platform import FIELD_SECTIONS, Platform, PlatformLoader, get_unset
from vmgen.plan.change_kinds import ABSENT, CHANGE_KINDS, Absent, are_equal
from vmgen.quantities import format_count
from vmgen.read.located import Located
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.secrets.redact import REDACTED, redact_value


class Verdict(StrEnum):
    """The effect of a change, in order of severity. The verdict of an object is the most severe of its fields."""

    NO_EFFECT = "no effect"
    UPDATE_IN_PLACE = "update in place"
    DELETE = "delete"
    CREATE = "create"
    MOVES = "moves"
    NEEDS_RESTART = "needs restart"
    STOPS = "stops"
    BOOT_ORDER_CHANGES = "boot order changes"
    ADDRESS_MAY_CHANGE = "address may change"
    EXPOSURE_WIDENS = "exposure widens"
    REPROVISION = "reprovision"
    REBUILD = "rebuild"
    PROTECTION_DROPPED = "protection dropped"
    REJECTED = "rejected"
    DESTROYS_DATA = "DESTROYS DATA"

    @property
    def severity(self) -> int:
        """Position in the order, from 0."""
        return _SEVERITIES[self]


_SEVERITIES = {verdict: position for position, verdict in enumerate(Verdict)}


class VerdictRow(NamedTuple):
    """One row of the table: the conditions on a change, and its verdict with a sentence. An empty condition always holds."""

    verdict: Verdict
    says: str
    source: str
    change: str = "any"
    key: str = ""
    before: Any = None
    after: Any = None
    with_: str = ""
    was: Mapping[str, Any] = {}
    while_: Mapping[str, Any] = {}


OrderedRows = tuple[VerdictRow, ...]


class KindVerdicts(NamedTuple):
    """The rows of one kind of object, by what changes; `other` are those of a field that has none.

    `unset` has the value that the platform takes for a field that is left out, and `written_out` the rows of a field that
    changes from left out to that value. `optical_bus` is the name of the bus in the list of disks, and the bus that the
    platform takes for an optical disk without one.
    """

    created: OrderedRows
    deletion_rows: OrderedRows
    move_rows: OrderedRows
    other: OrderedRows
    fields: Mapping[str, OrderedRows]
    unset: Mapping[str, Any]
    written_out: OrderedRows
    optical_bus: tuple[str, str] = ("", "")


VerdictTable = Mapping[str, KindVerdicts]


def load_verdicts(platform: Platform, platforms: PlatformLoader) -> VerdictTable:
    """Load the table of a platform at its version, by kind. Raises VmgenError or ProblemsError if it is missing or not valid.

    The rows of a field are those of the platform's fields; a row of verdicts.yaml for the same field replaces them.
    """
    content = platforms.load_data(f"{platform.name}/verdicts.yaml", "verdicts")
    content = platform.release.versions.select(content, platform.version)
    bus_name = platform.roles.disk_bus
    bus = platform.content.mapping["diskFields"].get(bus_name)
    optical_bus = (bus_name, bus.get_plain("opticalUnset", "")) if bus else ("", "")
    return {
        kind: _parse_kind(entry, *_collect_fields(kind, platform))._replace(optical_bus=optical_bus)
        for kind, entry in content.mapping["kinds"].mapping.items()
    }


def _collect_fields(kind: str, platform: Platform) -> tuple[dict[str, Located], dict[str, Any]]:
    """Return the rows of each field of a kind, and what the platform takes for a field that is left out, by their paths."""
    field_rows = platform.get_field_rows(kind)
    own = platform.content.mapping[FIELD_SECTIONS[kind]].mapping
    # A platform of its own may have none, and then those that platforms share count.
    has_rows = any(row.get("verdicts") for row in own.values())
    rows = {
        f"spec.{name}": row.mapping["verdicts"]
        for name, row in (own if has_rows else field_rows).items()
        if row.get("verdicts")
    }
    unset = {f"spec.{name}": get_unset(row) for name, row in field_rows.items() if row.get("unset") or row.get("default")}
    return rows, unset


def _parse_kind(entry: Located, rows: dict[str, Located], unset: dict[str, Any]) -> KindVerdicts:
    fields = {**rows, **entry.mapping["fields"].mapping}
    return KindVerdicts(
        created=_parse_rows(entry.mapping["created"]),
        deletion_rows=_parse_rows(entry.mapping["deleted"]),
        move_rows=_parse_rows(entry.mapping["moved"]),
        other=_parse_rows(entry.mapping["other"]),
        fields={name: _parse_rows(field_rows) for name, field_rows in fields.items()},
        unset={**unset, **entry.get_plain("unset", {})},
        written_out=_parse_rows(entry.mapping["writtenOut"]),
    )


def _parse_rows(rows: Located) -> OrderedRows:
    return tuple(
        VerdictRow(
            Verdict(row.get_plain("verdict")),
            row.get_plain("says"),
            row.get_plain("source"),
            change=row.get_plain("change", "any"),
            key=row.get_plain("key", ""),
            before=row.get_plain("before"),
            after=row.get_plain("after"),
            with_=row.get_plain("with", ""),
            was=row.get_plain("was", {}),
            while_=row.get_plain("while", {}),
        )
        for row in rows.items
    )


def find_matching_row(rows: OrderedRows, before: Any, after: Any) -> VerdictRow:
    """Return the first row whose kind of change fits, or the last."""
    return next((row for row in rows if CHANGE_KINDS[row.change](before, after)), rows[-1])


class FieldChange(NamedTuple):
    """One field that changes. `before` and `after` are redacted, and ABSENT where the field is not set.

    `detail` describes a difference that the two values do not show.
    """

    path: str
    before: Any
    after: Any
    detail: str
    verdict: Verdict
    says: str
    source: str


class _FieldDifference(NamedTuple):
    """A field that differs, not yet redacted. `key` is that of a label or annotation."""

    field: str
    key: str
    before: Any
    after: Any

    @property
    def path(self) -> str:
        return f"{self.field}[{self.key}]" if self.key else self.field


def diff_fields(
    before: Mapping[str, Any], after: Mapping[str, Any], table: KindVerdicts, optical: Container[str] = ()
) -> tuple[FieldChange, ...]:
    """Return the fields in which two versions of an object differ, in the order of the newer one.

    `optical` has the names of optical disks: one that a VM attaches without a bus has the bus that the platform takes.
    """
    differences = list(_find_differences(before, after))
    fields = {difference.field for difference in differences}
    documents = (_write_optical_buses(before, table, optical), after)
    return tuple(_classify(difference, _find_row(difference, fields, documents, table), table) for difference in differences)


def _write_optical_buses(document: Mapping[str, Any], table: KindVerdicts, optical: Container[str]) -> Mapping[str, Any]:
    """Return a document with the bus of each optical disk that has none written out."""
    disks = _get_value(document, "spec.disks")
    name, bus = table.optical_bus
    if not bus or not isinstance(disks, list):
        return document
    rows = [
        {**disk, name: bus} if isinstance(disk, dict) and name not in disk and disk.get("name") in optical else disk
        for disk in disks
    ]
    return {**document, "spec": {**document["spec"], "disks": rows}}


_PER_KEY_FIELDS = ("metadata.labels", "metadata.annotations")


def _find_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[_FieldDifference]:
    for path in dict.fromkeys((*_list_field_paths(after), *_list_field_paths(before))):
        old, new = _get_value(before, path), _get_value(after, path)
        if are_equal(old, new):
            continue
        # A label each on its own, since one key may be a guard of a disk and the next one a note.
        if path in _PER_KEY_FIELDS and all(isinstance(value, dict | Absent | None) for value in (old, new)):
            labels = [value if isinstance(value, dict) else {} for value in (old, new)]
            for key in sorted(labels[0].keys() | labels[1].keys(), key=str):
                old_label, new_label = (each.get(key, ABSENT) for each in labels)
                if not are_equal(old_label, new_label):
                    yield _FieldDifference(path, str(key), old_label, new_label)
        else:
            yield _FieldDifference(path, "", old, new)


def _list_field_paths(document: Mapping[str, Any]) -> Iterator[str]:
    for section, value in document.items():
        if section in ("metadata", "spec") and isinstance(value, dict):
            yield from (f"{section}.{name}" for name in value)
        else:
            yield str(section)


def _get_value(document: Mapping[str, Any], path: str) -> Any:
    """Return the value of a field by its path, `spec.storage`; ABSENT if it is not set."""
    section, _, name = path.partition(".")
    value = document.get(section, ABSENT)
    if not name:
        return value
    return value.get(name, ABSENT) if isinstance(value, Mapping) else ABSENT


def _find_row(
    difference: _FieldDifference,
    fields: set[str],
    documents: tuple[Mapping[str, Any], Mapping[str, Any]],
    table: KindVerdicts,
) -> VerdictRow:
    """Return the first row that matches. `fields` are all that change, `documents` the two versions of the object."""
    field, key, before, after = difference
    # With the buses of optical disks, which a version fills in and another one writes.
    if field == "spec.disks":
        before = _get_value(documents[0], field)
    rows = table.fields.get(field) or table.other
    # The API fills in its defaults on each read, so a default that is written out changes nothing on the platform.
    if before is ABSENT and field in table.unset and are_equal(after, table.unset[field]):
        rows = table.written_out
    matching = (
        row
        for row in rows
        if row.key in ("", key)
        and row.with_ in ("", *fields)
        and (row.before is None or are_equal(row.before, before))
        and (row.after is None or are_equal(row.after, after))
        and _has_values(documents[0], row.was, table)
        and _has_values(documents[1], row.while_, table)
        and CHANGE_KINDS[row.change](before, after)
    )
    # No row of the field fits, so it is as unknown as a field without rows.
    return next(matching, None) or table.other[-1]


def _has_values(document: Mapping[str, Any], values: Mapping[str, Any], table: KindVerdicts) -> bool:
    """Return true if the fields have these values, where one that is left out has what the platform takes for it."""
    actual = {path: _get_value(document, path) for path in values}
    return all(are_equal(table.unset.get(path) if actual[path] is ABSENT else actual[path], values[path]) for path in values)


def _classify(difference: _FieldDifference, row: VerdictRow, table: KindVerdicts) -> FieldChange:
    """Attach the verdict of a row to a difference, with values that are safe to show."""
    values = (difference.before, difference.after)
    name = difference.key or difference.field
    before, after = (redact_value(value, name) for value in values)
    # A field that no schema describes could hold anything.
    if difference.field not in table.fields:
        before, after = (value if value is ABSENT else REDACTED for value in (before, after))
    texts = [value if isinstance(value, str) else "" for value in values]
    detail = _describe_text_difference(*texts) if any("\n" in text for text in texts) else ""
    if not detail and are_equal(before, after):
        detail = "the masked values differ"
    return FieldChange(difference.path, before, after, detail, row.verdict, row.says, row.source)


# Cached, since all VMs of a group change from one text to one other.
@lru_cache(maxsize=64)
def _describe_text_difference(before: str, after: str) -> str:
    """Count the lines in which two texts differ, and name the keys of a cloud-config; never show a line."""
    from difflib import SequenceMatcher  # most runs have no text to compare

    old, new = before.splitlines(), after.splitlines()
    # autojunk ignores lines that are frequent in a text of 200 lines or more, which a long list of keys consists of.
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    common = sum(block.size for block in blocks)
    counts = f"{format_count(len(new) - common, 'line')} added, {len(old) - common} removed"
    keys = _find_changed_keys(before, after)
    return f"{counts}, in {', '.join(keys)}" if keys else counts


def _find_changed_keys(before: str, after: str) -> list[str]:
    """Return the top-level keys in which two cloud-configs differ; none if one of the texts is something else."""
    configs = []
    for text in (before, after):
        if text and not text.startswith("#cloud-config"):
            return []
        try:
            documents = parse_objects(text)
        except InvalidYamlError:
            return []
        configs.append(documents[0] if documents and isinstance(documents[0], dict) else {})
    old, new = configs
    keys = (key for key in {**old, **new} if json.dumps(old.get(key), default=str) != json.dumps(new.get(key), default=str))
    # Only keys of cloud-init are safe to show: what looks like another name may be text.
    return [key for key in keys if isinstance(key, str) and re.fullmatch(r"[a-z_]{1,40}", key)]
