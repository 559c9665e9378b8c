"""Splice operations into the text of a YAML file: every other character of it stays.

A key gets a line of its own in block style, and a place before the bracket in flow style. Where that cannot be done without
a guess, `CannotSplice` says why; the caller then prints what to write by hand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

from vmgen.edit.operations import AppendItem, Operation, RemoveValue, RenameKey, SetValue
from vmgen.edit.removal import remove_values
from vmgen.edit.text_lines import (
    LINE_BREAK,
    CannotSplice,
    find_column,
    find_dash,
    find_line_start,
    find_newline,
    insert_in_flow,
    insert_line,
)
from vmgen.read.located import KeyPath, format_path
from vmgen.read.yaml_nodes import Node, find_node, read_nodes
from vmgen.yaml_text import quote, to_flow, to_scalar

_DEFAULT_STEP = 2
# https://yaml.org/spec/1.2.2/#66-comments
_COMMENT = re.compile(r"(?<=\s)#")


class Replacement(NamedTuple):
    """A new text for `text[start:end]`."""

    start: int
    end: int
    content: str

    def apply(self, text: str) -> str:
        """Return a text with this replacement."""
        return text[: self.start] + self.content + text[self.end :]


def splice_text(text: str, operations: Iterable[Operation]) -> str:
    """Return a text with operations applied, one after the other. Raises CannotSplice.

    A removal has been widened already, so that it never leaves an empty mapping or list behind.
    """
    for group in _group_operations(operations):
        text = _splice_group(text, group)
    return text


def _group_operations(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    """Yield operations in a row that can share one reading of the text: a thousand disks get a thousand tombstones."""
    group: list[Operation] = []
    for operation in operations:
        if group and not _can_share_reading(group[-1], operation):
            yield group
            group = []
        group.append(operation)
    if group:
        yield group


def _can_share_reading(operation: Operation, following: Operation) -> bool:
    match operation, following:
        case SetValue() | RenameKey(), SetValue() | RenameKey():
            return True
        case AppendItem(path), AppendItem(following_path):
            return path == following_path
        case RemoveValue((*holder, step)), RemoveValue((*following_holder, following_step)):
            if holder != following_holder:  # as deep, so that none is in the other, and without an item, no index changes
                return len(holder) == len(following_holder) and isinstance(step, str) and isinstance(following_step, str)
            # The index of an item counts those that the operations before have left.
            return isinstance(following_step, str) or (isinstance(step, int) and following_step < step)
    return False


def _splice_group(text: str, group: Sequence[Operation]) -> str:
    root = read_nodes(text)
    match group[0]:
        case SetValue() | RenameKey():
            return _splice_entries(text, root, group)
        case AppendItem(path):
            return _append_items(text, root, path, [item.item for item in group if isinstance(item, AppendItem)])
        case RemoveValue():
            return _remove_entries(text, root, [removal.path for removal in group if isinstance(removal, RemoveValue)])


def _remove_entries(text: str, root: Node | None, paths: Iterable[KeyPath]) -> str:
    steps: dict[KeyPath, list[str | int]] = defaultdict(list)
    for *holder, step in paths:
        steps[tuple(holder)].append(step)
    holders = [(_require(text, root, path), path) for path in steps]
    for node, path in sorted(holders, key=lambda item: item[0].start, reverse=True):  # the places before it stay the same
        text = remove_values(text, node, path, steps[path])
    return text


def _splice_entries(text: str, root: Node | None, group: Sequence[Operation]) -> str:
    """Set values and rename keys: at once if each replaces a text of its own, else one after the other."""
    with suppress(CannotSplice):  # one may need what another one adds
        replacements = sorted(filter(None, [_find_replacement(text, root, operation) for operation in group]))
        if len(replacements) == len(group) and all(each.end <= following.start for each, following in pairwise(replacements)):
            for replacement in reversed(replacements):
                text = replacement.apply(text)
            return text
    for operation in group:
        if change := _find_replacement(text, root, operation):
            text = change.apply(text)
        elif isinstance(operation, SetValue):
            text = _add_value(text, root, operation)
        root = read_nodes(text)
    return text


def _find_replacement(text: str, root: Node | None, operation: Operation) -> Replacement | None:
    """Return what replaces a key or a value that is written; None for a new key. Raises CannotSplice."""
    match operation:
        case SetValue(path, value) if root and find_node(root, path):
            return _replace(text, _require(text, root, path), value, path)
        case RenameKey(path, name):
            entry = _require(text, root, path[:-1]).find_entry(str(path[-1]))
            if entry is None:
                raise CannotSplice(f"{format_path(path)} is not written here")
            return Replacement(entry[0].start, entry[0].end, _format_like(entry[0], name))
    return None


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


def _add_value(text: str, root: Node | None, operation: SetValue) -> str:
    """Write a key that is missing, and those above it that are."""
    path = operation.path
    if root is None or (root.kind == "scalar" and not root.value):
        return _write_first(text, operation)
    length = len(path) - 1
    while length and find_node(root, path[:length]) is None:
        length -= 1
    node = _require(text, root, path[:length])
    value = _nest(path[length + 1 :], operation.value)
    if node.kind == "mapping" and node.children:
        is_nested = operation.block and node.is_block
        return _insert_entry(text, node, str(path[length]), value, operation.after, block=is_nested)
    if node.kind == "mapping" or _is_null(node):
        return _replace(text, node, _nest(path[length : length + 1], value), path[:length]).apply(text)
    raise CannotSplice(f"{format_path(path[:length])} is no mapping")


def _write_first(text: str, operation: SetValue) -> str:
    """Write the first key of a file that has comments at most."""
    key, *rest = operation.path
    newline = find_newline(text, 0)
    separator = newline if text and not text.endswith(("\n", "\r")) else ""
    value = _format_value(_nest(tuple(rest), operation.value), 0, newline, block=operation.block)
    return f"{text}{separator}{to_scalar(key)}:{value}{newline}"


def _replace(text: str, node: Node, value: Any, path: KeyPath) -> Replacement:
    """Return the replacement of a node. Raises CannotSplice if it takes several lines, or comments would go with it."""
    if node.is_block and node.children:
        raise CannotSplice(f"{format_path(path)} is written over several lines")
    if node.style in ("|", ">"):
        raise CannotSplice(f"{format_path(path)} is a text of several lines")
    if node.start == node.end:  # a key without a value
        return Replacement(node.end, node.end, f" {to_flow(value)}")
    if node.style == "flow" and _COMMENT.search(text, node.start, node.end):
        if node.children or not isinstance(value, list if node.kind == "sequence" else Mapping):
            raise CannotSplice(f"comments stand between the brackets of {format_path(path)}")
        return Replacement(node.end - 1, node.end - 1, to_flow(value)[1:-1])  # the comment ends on a line before the bracket
    return Replacement(node.start, node.end, _format_like(node, value))


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
        return insert_in_flow(text, anchor_entry[1].end, f"{key}: {to_flow(value)}")
    indent = find_column(text, mapping.entries[0][0].begin)
    newline = find_newline(text, anchor_entry[1].end)
    line = " " * indent + key + ":" + _format_value(value, indent, newline, block=block)
    return insert_line(text, anchor_entry[1], line, newline)


def _append_items(text: str, root: Node | None, path: KeyPath, items: list[Any]) -> str:
    node = find_node(root, path) if root else None
    if root is None or node is None:
        return _add_value(text, root, SetValue(path, items, block=True))
    _require(text, root, path)
    if _is_null(node) and node.start == node.end:
        return _fill_null(text, node, items)
    if _is_null(node) or (node.kind == "sequence" and not node.children):
        return _replace(text, node, items, path).apply(text)
    if node.kind != "sequence":
        raise CannotSplice(f"{format_path(path)} is no list")
    last = node.children[-1]
    if not node.is_block:
        return insert_in_flow(text, last.end, ", ".join(map(to_flow, items)))
    dash = find_dash(text, node, len(node.children) - 1)
    indent = find_column(text, dash)
    newline = find_newline(text, last.end)
    # As wide as that of the item before, which may be aligned in a way of its own.
    margin = last.begin - dash if last.begin > dash and not LINE_BREAK.search(text, dash, last.begin) else 2
    pad = newline + " " * (indent + margin)
    is_block = last.kind == "mapping" and last.is_block
    lines = (
        pad.join(f"{to_scalar(key)}: {to_flow(entry)}" for key, entry in item.items())
        if is_block and isinstance(item, Mapping)
        else to_flow(item)
        for item in items
    )
    start = " " * indent + "-" + " " * (margin - 1)
    return insert_line(text, last, newline.join(start + line for line in lines), newline)


def _fill_null(text: str, node: Node, items: list[Any]) -> str:
    """Write the first items of a list whose key has no value yet."""
    newline = find_newline(text, node.end)
    start = find_line_start(text, node.end)
    match = re.compile(r"(?:[ ]|-[ ])*").match(text, start)
    indent = (match.end() - start if match else 0) + _DEFAULT_STEP
    return insert_line(text, node, newline.join(f"{' ' * indent}- {to_flow(item)}" for item in items), newline)


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
