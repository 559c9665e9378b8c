"""What the running platform did at each change is what the tables of its versions say, from the same source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmgen.merge.platform import PlatformLoader
from vmgen.plan.verdicts import KindVerdicts, VerdictRow, diff_fields, load_verdicts
from vmgen.read.repository import Project

LOADER = PlatformLoader(Project(Path("/nowhere")))
CONFIRMED = yaml.safe_load((Path(__file__).parent / "confirmed_verdicts.yaml").read_text(encoding="utf-8"))
RELEASES = [
    (name, version) for name in ("cozystack", "hikube") for version in (*LOADER.load_release(name).versions.names, "next")
]


def is_within(platform: str, version: str, confirmed: Mapping[str, Any]) -> bool:
    """Whether a row is one of a version: `next` comes after all known ones."""
    bounds = confirmed.get(platform, "all")
    if bounds in (None, "all"):
        return bounds == "all"
    order = [*LOADER.load_release(platform).versions.names, "next"]
    newest = order[-2]
    since, until = (order.index(bound) for bound in bounds)
    # A verdict that holds at the newest version holds after it too, unless a row of `next` takes its place.
    has_next = any(other["after"] == confirmed["after"] and "next" in (other.get(platform) or ()) for other in NEXT)
    return since <= order.index(version) <= until or (version == "next" and bounds[1] == newest and not has_next)


NEXT = [each for each in CONFIRMED if "after" in each and each.get("cozystack") == ["next", "next"]]


def find_rows(table: KindVerdicts) -> list[VerdictRow]:
    """All rows of a kind."""
    rows = [*table.created, *table.deletion_rows, *table.move_rows, *table.other, *table.written_out]
    return rows + [row for field_rows in table.fields.values() for row in field_rows]


@pytest.mark.parametrize("confirmed", CONFIRMED, ids=[each["change"] for each in CONFIRMED])
def test_verdict_is_what_the_platform_did(confirmed: Mapping[str, Any]) -> None:
    """Each version in the range gives the verdict, in words that say so, from the same source; no other version does."""
    kind = confirmed.get("kind", "VMInstance")
    for platform, version in RELEASES:
        table = load_verdicts(LOADER.load(platform, version), LOADER)[kind]
        if "section" in confirmed:
            rows = getattr(table, confirmed["section"], None) or table.fields[confirmed["section"]]
            row = next(row for row in rows if row.change == confirmed.get("row", "any"))
        else:
            before, after = (
                spec if "metadata" in spec else {"spec": spec} for spec in (confirmed["before"], confirmed["after"])
            )
            (change,) = [each for each in diff_fields(before, after, table) if each.path == confirmed["field"]]
            row = next(row for row in find_rows(table) if (row.verdict, row.says) == (change.verdict, change.says))
        matches = (row.verdict, row.source) == (confirmed["verdict"], confirmed["source"]) and confirmed["says"] in row.says
        assert matches == is_within(platform, version, confirmed), (platform, version, row)
