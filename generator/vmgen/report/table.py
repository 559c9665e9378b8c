"""Tables of text, as aligned columns, json or csv."""

from __future__ import annotations

import json
from collections.abc import Sequence

TableRows = Sequence[Sequence[object]]


def format_table(columns: Sequence[str], rows: TableRows) -> str:
    """Columns aligned by spaces, the last one ragged; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    right = [bool(rows) and all(isinstance(row[index], int) for row in rows) for index in range(len(columns))]
    lines = []
    for row in cells:
        aligned = [cell.rjust(width) if at_right else cell.ljust(width) for cell, width, at_right in zip(row, widths, right)]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines) + "\n"


def format_csv(columns: Sequence[str], rows: TableRows) -> str:
    """Comma-separated values with a header."""
    import csv
    import io

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows((columns, *rows))
    return stream.getvalue()


def format_json(columns: Sequence[str], rows: TableRows) -> str:
    """A list of objects, one a row."""
    return json.dumps([dict(zip(columns, row)) for row in rows], indent=2, ensure_ascii=False) + "\n"


TABLE_FORMATS = {"table": format_table, "json": format_json, "csv": format_csv}
