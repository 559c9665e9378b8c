"""Tables of text in every format."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.report.tables import TABLE_FORMATS

COLUMNS = ("vm", "vcpu", "note")
ROWS = (("web-1", 2, ""), ("database", 16, "large, old"))


def test_table() -> None:
    """Columns are aligned, numbers to the right, without blanks at the end of a line."""
    assert TABLE_FORMATS["table"](COLUMNS, ROWS) == "vm        vcpu  note\nweb-1        2\ndatabase    16  large, old\n"


def test_csv() -> None:
    """Values with commas are quoted; the first line is the header."""
    assert TABLE_FORMATS["csv"](COLUMNS, ROWS) == 'vm,vcpu,note\nweb-1,2,\ndatabase,16,"large, old"\n'


def test_json() -> None:
    """A list of objects with values of their own types."""
    assert json.loads(TABLE_FORMATS["json"](COLUMNS, ROWS)) == [
        {"vm": "web-1", "vcpu": 2, "note": ""},
        {"vm": "database", "vcpu": 16, "note": "large, old"},
    ]


@pytest.mark.parametrize(("name", "text"), [("table", "vm  vcpu  note\n"), ("csv", "vm,vcpu,note\n"), ("json", "[]\n")])
def test_no_rows(name: str, text: str) -> None:
    """Without rows there is still a header, or an empty list."""
    assert TABLE_FORMATS[name](COLUMNS, ()) == text


@given(st.lists(st.tuples(st.text(), st.integers(), st.text()), max_size=4))
def test_nothing_is_lost(rows: list[tuple[str, int, str]]) -> None:
    """Whatever the cells hold, csv and json give it back."""
    assert [tuple(row.values()) for row in json.loads(TABLE_FORMATS["json"](COLUMNS, rows))] == rows
    if not any("\0" in cell or "\r" in cell for row in rows for cell in (row[0], row[2])):
        read = list(csv.reader(io.StringIO(TABLE_FORMATS["csv"](COLUMNS, rows), newline="")))
        assert read == [list(COLUMNS), *([one, str(two), three] for one, two, three in rows)]
