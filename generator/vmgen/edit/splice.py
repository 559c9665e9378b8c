"""Splice one operation into the text of a YAML file: every other character of it stays.

A key gets a line of its own in block style, and a place before the bracket in flow style. Where that cannot be done without
a guess, `CannotSplice` says why; the caller then prints what to write by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vmgen.edit.operations import AppendItem, Operation, RemoveValue, RenameKey, SetValue
from vmgen.read.located import KeyPath, format_path
from vmgen.read.yaml_nodes import Node, find_node, read_nodes, skip_blank
from vmgen.yaml_text import quote, to_flow, to_scalar

_DEFAULT_STEP = 2
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class CannotSplice(Exception):
    """The text cannot be edited at one place alone; the message gives the reason, as the end of a sentence."""


def splice_text(text: str, operation: Operation) -> str:
    """Return a text with one operation applied. Raises CannotSplice.

    A removal has been widened already, so that it never leaves an empty mapping or list behind.
    """
    root = read_nodes(text)
    match operation:
        case SetValue(path, value, after, block):
            return _set_value(text, root, path, value, after, block=block)
        case AppendItem(path, item):
            return _append_item(text, root, path, item)
        case RemoveValue(path):
            return _remove(text, _require(text, root, path[:-1]), path)
        case RenameKey(path, name):
            entry = _require(text, root, path[:-1]).find_entry(str(path[-1]))
            if entry is None:
                raise CannotSplice(f"{format_path(path)} is not written here")
            return text[: entry[0].start] + _format_like(entry[0], name) + text[entry[0].end :]


def _require(text: str, root: Node | None, path: KeyPath) -> Node:
    """Return the node at a path. Raises CannotSplice if an alias or nothing is there."""
    length = 0
    while (node := find_node(root, path[:length]) if root else None) and node.kind != "alias" and length < len(path):
        length += 1
    if node is None:
        raise CannotSplice(f"{format_path(path[:length]) or 'the file'} is not written here")
    if node.kind == "alias":
        line = text.count("\n", 0, node.start) + 1
        raise CannotSplice(f"{format_path(path[:length])} is an alias at line {line}, and what it refers to is shared")
    return node


def _set_value(text: str, root: Node | None, path: KeyPath, value: Any, after: str, *, block: bool) -> str:
    if root is None or (root.kind == "scalar" and not root.value):
        return _write_first(text, path, value, block=block)
    length = len(path)
    while length and find_node(root, path[:length]) is None:
        length -= 1
    node = _require(text, root, path[:length])
    if length == len(path):
        return _replace(text, node, value, path)
    value = _nest(path[length + 1 :], value)
    if node.kind == "mapping" and node.children:
        is_nested = block and node.is_block
        return _insert_entry(text, node, str(path[length]), value, after, block=is_nested)
    if node.kind == "mapping" or _is_null(node):
        return _replace(text, node, _nest(path[length : length + 1], value), path[:length])
    raise CannotSplice(f"{format_path(path[:length])} is no mapping")


def _write_first(text: str, path: KeyPath, value: Any, *, block: bool) -> str:
    """Write the first key of a file that has comments at most."""
    value = _nest(path[1:], value)
    newline = _find_newline(text, 0)
    separator = newline if text and not text.endswith(("\n", "\r")) else ""
    return f"{text}{separator}{to_scalar(path[0])}:{_format_value(value, 0, newline, block=block)}{newline}"


def _replace(text: str, node: Node, value: Any, path: KeyPath) -> str:
    """Replace the text of a node."""
    if node.is_block and node.children:
        raise CannotSplice(f"{format_path(path)} is written over several lines")
    if node.style in ("|", ">"):
        raise CannotSplice(f"{format_path(path)} is a text of several lines")
    if node.start == node.end:  # a key without a value
        return f"{text[: node.end]} {to_flow(value)}{text[node.end :]}"
    return text[: node.start] + _format_like(node, value) + text[node.end :]


def _is_null(node: Node) -> bool:
    return node.kind == "scalar" and not node.style and node.value in ("", "~", "null", "Null", "NULL")


def _format_like(node: Node, value: Any) -> str:
    """Return a value in the quotes of the scalar that it replaces, if it can stand in them."""
    if not isinstance(value, str):
        return to_flow(value)
    # Single quotes know one escape, their own doubled. https://yaml.org/spec/1.2.2/#732-single-quoted-style
    if node.style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if node.style == '"' and value.isprintable() and not re.search(r'["\\]', value):
        return f'"{value}"'
    return quote(value)


def _nest(path: KeyPath, value: Any) -> Any:
    """Return a value below the keys of a path."""
    for step in reversed(path):
        value = {_to_key(step): value}
    return value


def _to_key(step: str | int) -> str | int:
    """Return a key as people write it: the number of a VM or of a generation has no quotes."""
    return int(step) if isinstance(step, str) and re.fullmatch(r"[1-9][0-9]{0,8}", step) else step


def _insert_entry(text: str, mapping: Node, name: str, value: Any, after: str, *, block: bool) -> str:
    """Insert a key after another one, or as the last."""
    anchor_entry = (mapping.find_entry(after) if after else None) or mapping.entries[-1]
    key = to_scalar(_to_key(name))
    if not mapping.is_block:
        return _insert_in_flow(text, anchor_entry[1].end, f"{key}: {to_flow(value)}")
    indent = _find_column(text, mapping.entries[0][0].begin)
    newline = _find_newline(text, anchor_entry[1].end)
    line = " " * indent + key + ":" + _format_value(value, indent, newline, block=block)
    return _insert_line(text, anchor_entry[1], line, newline)


def _append_item(text: str, root: Node | None, path: KeyPath, item: Any) -> str:
    node = find_node(root, path) if root else None
    if root is None or node is None:
        return _set_value(text, root, path, [item], "", block=True)
    _require(text, root, path)
    if _is_null(node) and node.start == node.end:
        return _fill_null(text, node, item)
    if _is_null(node) or (node.kind == "sequence" and not node.children):
        return _replace(text, node, [item], path)
    if node.kind != "sequence":
        raise CannotSplice(f"{format_path(path)} is no list")
    last = node.children[-1]
    if not node.is_block:
        return _insert_in_flow(text, last.end, to_flow(item))
    dash = _find_dash(text, node, len(node.children) - 1)
    indent = _find_column(text, dash)
    newline = _find_newline(text, last.end)
    # As wide as that of the item before, which may be aligned in a way of its own.
    margin = last.begin - dash if last.begin > dash and not _LINE_BREAK.search(text, dash, last.begin) else 2
    if last.kind == "mapping" and last.is_block and isinstance(item, Mapping):
        pad = newline + " " * (indent + margin)
        body = pad.join(f"{to_scalar(key)}: {to_flow(entry)}" for key, entry in item.items())
    else:
        body = to_flow(item)
    return _insert_line(text, last, " " * indent + "-" + " " * (margin - 1) + body, newline)


def _fill_null(text: str, node: Node, item: Any) -> str:
    """Write the first item of a list whose key has no value yet."""
    newline = _find_newline(text, node.end)
    start = _find_line_start(text, node.end)
    match = re.compile(r"(?:[ ]|-[ ])*").match(text, start)
    indent = (match.end() - start if match else 0) + _DEFAULT_STEP
    return _insert_line(text, node, f"{' ' * indent}- {to_flow(item)}", newline)


def _remove(text: str, holder: Node, path: KeyPath) -> str:
    """Remove an entry or item of a mapping or list that has others."""
    step = path[-1]
    if isinstance(step, int):
        spans = [(child.begin, child.end) for child in holder.children]
        index = step
    else:
        names = [key.value for key, _ in holder.entries]
        if step not in names:
            raise CannotSplice(f"{format_path(path)} is not written here")
        spans = [(key.begin, value.end) for key, value in holder.entries]
        index = names.index(step)
    if not holder.is_block:
        return _remove_in_flow(text, spans, index)
    start = _find_dash(text, holder, index) if isinstance(step, int) else spans[index][0]
    return _remove_lines(text, start, spans[index][1], spans, index)


def _remove_lines(text: str, start: int, end: int, spans: list[tuple[int, int]], index: int) -> str:
    """Remove the lines of an entry in block style, with the comment behind it; those above it stay."""
    line_start = _find_line_start(text, start)
    stop = end if _ends_with_line(text, start, end) else _find_line_end(text, end)
    if text[line_start:start].strip(" "):  # the first key of a list's item, on the line of its dash
        following = spans[index + 1][0] if index + 1 < len(spans) else -1
        # The next key takes its place on the line of the dash, which it could not across a comment.
        if following < 0 or "#" in text[stop:following]:
            raise CannotSplice("it shares its line with another value")
        return text[:start] + text[following:]
    line_break = _LINE_BREAK.match(text, stop) if stop != end or not _ends_with_line(text, start, end) else None
    if line_break:
        return text[:line_start] + text[line_break.end() :]
    if stop == len(text) and not text.endswith(("\n", "\r")):  # the last line of the file had no end, nor will it have one
        line_start = len(text[:line_start].removesuffix("\n").removesuffix("\r"))
    return text[:line_start] + text[stop:]


def _remove_in_flow(text: str, spans: list[tuple[int, int]], index: int) -> str:
    start, end = spans[index]
    if index + 1 < len(spans):
        following = spans[index + 1][0]
        tail = re.split(r"[\r\n]", text[end:following], maxsplit=1)
        if len(tail) > 1 and "#" in tail[1]:
            raise CannotSplice("comments stand between the values of its brackets")
        return text[:start] + text[following:]
    before = spans[index - 1][1] if index else start
    # The comment between the two would go with the value.
    if "#" in text[before:start]:
        raise CannotSplice("comments stand between the values of its brackets")
    return text[:before] + text[end:]


def _insert_in_flow(text: str, position: int, entry: str) -> str:
    return f"{text[:position]}, {entry}{text[position:]}"


def _insert_line(text: str, node: Node, line: str, newline: str) -> str:
    """Insert a line below the last one of a node, and below the comment behind it."""
    if _ends_with_line(text, node.start, node.end):
        return f"{text[: node.end]}{line}{newline}{text[node.end :]}"
    end = _find_line_end(text, node.end)
    return f"{text[:end]}{newline}{line}{text[end:]}"


def _ends_with_line(text: str, start: int, end: int) -> bool:
    """Return whether a value takes in its last line break: a text that keeps its empty lines does."""
    return end > start and end == _find_line_start(text, end)


def _format_value(value: Any, indent: int, newline: str, *, block: bool) -> str:
    """Return a value to follow a colon: on its line, or, in block style, a line for each of its keys or items."""
    pad = newline + " " * (indent + _DEFAULT_STEP)
    if block and isinstance(value, list) and value:
        return "".join(f"{pad}- {to_flow(item)}" for item in value)
    if block and isinstance(value, Mapping) and value:
        is_nested = (
            f"{to_scalar(key)}:{_format_value(item, indent + _DEFAULT_STEP, newline, block=False)}"
            for key, item in value.items()
        )
        return "".join(pad + line for line in is_nested)
    return f" {to_flow(value)}"


def _find_dash(text: str, sequence: Node, index: int) -> int:
    """Return the position of the dash before an item of a list in block style."""
    dash = skip_blank(text, sequence.children[index - 1].end) if index else sequence.start
    if text[dash : dash + 1] != "-":
        raise CannotSplice("its list is written in an unusual way")
    return dash


def _find_line_start(text: str, position: int) -> int:
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def _find_line_end(text: str, position: int) -> int:
    match = _LINE_BREAK.search(text, position)
    return match.start() if match else len(text)


def _find_column(text: str, position: int) -> int:
    return position - _find_line_start(text, position)


def _find_newline(text: str, position: int) -> str:
    """Return the line break of the line of a position, or of the file's first line."""
    match = _LINE_BREAK.search(text, position) or _LINE_BREAK.search(text)
    return match.group() if match else "\n"
