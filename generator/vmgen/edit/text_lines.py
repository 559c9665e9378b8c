"""Find and add lines in the text of a YAML file: the places at which `splice` changes it."""

from __future__ import annotations

import re

from vmgen.read.yaml_nodes import Node, skip_blank

LINE_BREAK = re.compile(r"\r\n|\r|\n")


class CannotSplice(Exception):
    """The text cannot be edited at one place alone; the message gives the reason, as the end of a sentence."""


def insert_in_flow(text: str, position: int, entry: str) -> str:
    """Insert an entry behind the one in brackets that ends at a position."""
    return f"{text[:position]}, {entry}{text[position:]}"


def insert_line(text: str, node: Node, line: str, newline: str) -> str:
    """Insert a line below the last one of a node, and below the comment behind it."""
    if ends_with_line(text, node.start, node.end):
        return f"{text[: node.end]}{line}{newline}{text[node.end :]}"
    end = find_line_end(text, node.end)
    return f"{text[:end]}{newline}{line}{text[end:]}"


def ends_with_line(text: str, start: int, end: int) -> bool:
    """Return whether a value takes in its last line break: a text that keeps its empty lines does."""
    return end > start and end == find_line_start(text, end)


def find_dash(text: str, sequence: Node, index: int) -> int:
    """Return the position of the dash before an item of a list in block style. Raises CannotSplice if there is none."""
    dash = skip_blank(text, sequence.children[index - 1].end) if index else sequence.start
    if text[dash : dash + 1] != "-":
        raise CannotSplice("its list is written in an unusual way")
    return dash


def find_line_start(text: str, position: int) -> int:
    """Return the position at which the line of a position begins."""
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def find_line_end(text: str, position: int) -> int:
    """Return the position of the next line break, or the end of the text."""
    match = LINE_BREAK.search(text, position)
    return match.start() if match else len(text)


def find_column(text: str, position: int) -> int:
    """Return the number of characters before a position in its line."""
    return position - find_line_start(text, position)


def find_newline(text: str, position: int) -> str:
    """Return the line break of the line of a position, or of the file's first line."""
    match = LINE_BREAK.search(text, position) or LINE_BREAK.search(text)
    return match.group() if match else "\n"
