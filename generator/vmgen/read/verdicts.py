"""The table of verdicts: what a platform does with each change, as its data files say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vmgen.read.located import Located, plain
from vmgen.read.platform import Platforms

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
DESTROYS, REJECTED = "DESTROYS DATA", "rejected"


class Row(NamedTuple):
    """One row: the change that it fits, and what is said of it. An empty condition always holds."""

    verdict: str
    says: str
    source: str
    change: str = "any"
    key: str = ""
    after: Any = None
    with_: str = ""
    while_: Mapping[str, Any] = {}


Rows = tuple[Row, ...]


class KindVerdicts(NamedTuple):
    """The rows of one kind of object; `other` are those of a field that has none.

    `unset` is what the platform takes for a field that is left out, and `written_out` the rows of one that now says so.
    """

    created: Rows
    deleted: Rows
    moved: Rows
    other: Rows
    fields: Mapping[str, Rows]
    unset: Mapping[str, Any]
    written_out: Rows


Verdicts = Mapping[str, KindVerdicts]


def verdicts(platform: str, platforms: Platforms) -> Verdicts:
    """The table of a platform, by kind."""
    content = platforms.data(f"{platform}/verdicts.yaml", "verdicts")
    return {kind: _kind(entry) for kind, entry in content.data["kinds"].data.items()}


def _kind(entry: Located) -> KindVerdicts:
    rows = {name: _rows(entry.data[name]) for name in ("created", "deleted", "moved", "other")}
    return KindVerdicts(
        **rows,
        fields={name: _rows(value) for name, value in entry.data["fields"].data.items()},
        unset=plain(entry.data["unset"]),
        written_out=_rows(entry.data["writtenOut"]),
    )


def _rows(value: Located) -> Rows:
    return tuple(_row(item) for item in value.items)


def _row(item: Located) -> Row:
    said = {name: item.value(name) for name in ("verdict", "says", "source")}
    return Row(
        **said,
        change=item.value("change", "any"),
        key=item.value("key", ""),
        after=item.value("after"),
        with_=item.value("with", ""),
        while_=item.value("while", {}),
    )
