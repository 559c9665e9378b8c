"""The table of verdicts: what a platform does with each change, as its data files say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vmgen.read.located import Located, to_plain
from vmgen.read.platform import PlatformLoader

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
