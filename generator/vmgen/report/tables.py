"""Tables in each format of `vmgen list` and `vmgen catalog`: aligned columns, JSON, CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vmgen.printable import escape
from vmgen.printable import format_json as dump_json

TableRows = Sequence[Sequence[object]]
TableFormatter = Callable[[Sequence[str], TableRows], str]


def format_table(columns: Sequence[str], rows: TableRows) -> str:
    """Align columns with spaces; columns of integers to the right."""
    cells = [[escape(str(cell)) for cell in row] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    numeric = [bool(rows) and all(isinstance(row[index], int) for row in rows) for index in range(len(columns))]
    lines = []
    for row in cells:
        row_cells = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, numeric)]
        lines.append("  ".join(row_cells).rstrip())
    return "\n".join(lines) + "\n"


def format_json(columns: Sequence[str], rows: TableRows) -> str:
    """Format rows as a list of objects."""
    return dump_json([dict(zip(columns, row)) for row in rows])


def format_csv(columns: Sequence[str], rows: TableRows) -> str:
    """Format rows as comma-separated values with a header."""
    import csv
    import io

    stream = io.StringIO()
    cells = ([escape(cell, keep="\n") if isinstance(cell, str) else cell for cell in row] for row in (columns, *rows))
    csv.writer(stream, lineterminator="\n").writerows(cells)
    return stream.getvalue()


TABLE_FORMATS: Mapping[str, TableFormatter] = {"table": format_table, "json": format_json, "csv": format_csv}
