"""Tables of text in every format."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.printable import escape
from vmgen.report.tables import TABLE_FORMATS

COLUMNS = ("vm", "vcpu", "note")
ROWS = (("web-1", 2, ""), ("database", 16, "large, old"))
# For each format the text of ROWS, and of no rows.
TEXTS = {
    "table": ("vm        vcpu  note\nweb-1        2\ndatabase    16  large, old\n", "vm  vcpu  note\n"),
    "csv": ('vm,vcpu,note\nweb-1,2,\ndatabase,16,"large, old"\n', "vm,vcpu,note\n"),
    "json": (json.dumps([dict(zip(COLUMNS, row)) for row in ROWS], indent=2) + "\n", "[]\n"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_format(name: str) -> None:
    """Columns are aligned or quoted, values in JSON have their own types; without rows there is a header or an empty list."""
    assert (TABLE_FORMATS[name](COLUMNS, ROWS), TABLE_FORMATS[name](COLUMNS, ())) == TEXTS[name]


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_every_format_has_each_cell(name: str) -> None:
    """No format drops a column or a row."""
    text = TABLE_FORMATS[name](COLUMNS, ROWS)
    assert [cell for row in (COLUMNS, *ROWS) for cell in row if str(cell) not in text] == []


@given(st.lists(st.tuples(st.text(), st.integers(), st.text()), max_size=4))
def test_nothing_is_lost(rows: list[tuple[str, int, str]]) -> None:
    """Whatever the cells hold, json gives it back, and csv what of it is printable."""
    assert [tuple(row.values()) for row in json.loads(TABLE_FORMATS["json"](COLUMNS, rows))] == rows
    cells = list(csv.reader(io.StringIO(TABLE_FORMATS["csv"](COLUMNS, rows), newline="")))
    assert cells == [list(COLUMNS), *([escape(vm, "\n"), str(vcpu), escape(note, "\n")] for vm, vcpu, note in rows)]
