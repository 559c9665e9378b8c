"""Tables in each format of `vmgen list` and `vmgen catalog`: aligned columns, JSON, CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vmgen.printable import escape
from vmgen.printable import format_json as dump_json

TableRows = Sequence[Sequence[object]]
TableFormatter = Callable[[Sequence[str], TableRows], str]


def format_table(columns: Sequence[str], rows: TableRows) -> str:
    """Align columns with spaces; columns of integers to the right."""
    cells = [_align([column, *(row[index] for row in rows)]) for index, column in enumerate(columns)]
    return "\n".join(["  ".join(row).rstrip() for row in zip(*cells)]) + "\n"


def _align(column: Sequence[object]) -> list[str]:
    """Return the cells of a column with its name, padded to the same width."""
    texts = list(map(str, column))
    cells = {text: escape(text) for text in dict.fromkeys(texts)}  # most cells of a long column repeat
    width = max(map(len, cells.values()))
    is_numeric = len(column) > 1 and all(isinstance(value, int) for value in column[1:])
    padded_cells = {text: cell.rjust(width) if is_numeric else cell.ljust(width) for text, cell in cells.items()}
    return [padded_cells[text] for text in texts]


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
