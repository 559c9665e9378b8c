"""Which lines of a file an edit may touch: worked out by PyYAML from the values before and after it, without our own reader."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any

import yaml


def list_lost_lines(content: bytes, edited: bytes, before: Any, after: Any) -> list[bytes]:
    """The lines, with their ends, that an edit lost though none of their values differs, and the comments it lost."""
    if content.startswith(codecs.BOM_UTF8) != edited.startswith(codecs.BOM_UTF8):
        return [codecs.BOM_UTF8]
    lines, edited_lines = (_split(each.removeprefix(codecs.BOM_UTF8)) for each in (content, edited))
    if not lines[-1].endswith((b"\n", b"\r")):  # the last line has no end, whichever it is
        lines, edited_lines = ([line.rstrip(b"\r\n") for line in each] for each in (lines, edited_lines))
        edited_lines.append(b"")  # an empty line that is the last one now
    root = yaml.compose(content.decode("utf-8-sig"), Loader=_AliasLoader)
    touched = dict(_find_lines(root, before, after)) if root else {}
    lost = list(_list_missing([line for number, line in enumerate(lines) if number not in touched], edited_lines))
    commented = [line for number, line in enumerate(lines) if touched.get(number) and b"  #" in line]
    return lost + [line for line in commented if line[line.index(b"  #") :].rstrip(b"\r\n") not in edited]


def _list_missing(lines: list[bytes], others: list[bytes]) -> Iterator[bytes]:
    """Yield the lines that are not among others in their order."""
    position = 0
    for line in lines:
        try:
            position = others.index(line, position) + 1
        except ValueError:
            yield line


class _AliasLoader(yaml.SafeLoader):
    """Leaves an alias where it is written, as a scalar."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if not self.check_event(yaml.AliasEvent):
            return super().compose_node(parent, index)
        event = self.get_event()
        return yaml.ScalarNode("alias", event.anchor, event.start_mark, event.end_mark)


def _split(content: bytes) -> list[bytes]:
    """The lines of a content, each with its end."""
    return re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", content)


def _find_lines(node: Any, before: Any, after: Any, *, is_item: bool = False) -> Iterator[tuple[int, bool]]:
    """Yield the numbers of the lines whose values differ, and whether something stays on them, with a comment behind it."""
    if isinstance(node, yaml.MappingNode) and isinstance(before, dict) and isinstance(after, dict):
        for index, (key, value) in enumerate(node.value):
            if key.value not in after:
                yield from _span(key.start_mark.line, value, stays=False)
                yield from _list_neighbours(node, [each for pair in node.value[max(index - 1, 0) : index] for each in pair])
                moves = node.flow_style or (is_item and index == 0)  # the next key goes behind the dash
                yield from ((each.start_mark.line, False) for each, _ in node.value[index + 1 : index + 2] if moves)
            elif repr(before[key.value]) != repr(after[key.value]):
                yield from _find_lines(value, before[key.value], after[key.value])
        if set(after) - set(before):
            yield from _list_insertions(node, [value for _, value in node.value])
    elif isinstance(node, yaml.SequenceNode) and isinstance(before, list) and isinstance(after, list):
        yield from _find_item_lines(node, before, after)
    else:
        yield from _span(node.start_mark.line, node, stays=isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"))


def _find_item_lines(node: Any, before: list[Any], after: list[Any]) -> Iterator[tuple[int, bool]]:
    remaining = list(after)
    for index, (item, child) in enumerate(zip(before, node.value, strict=True)):
        if remaining and repr(remaining[0]) == repr(item):
            remaining.pop(0)
        elif len(before) > len(after):
            yield from _span(child.start_mark.line, child, stays=False)
            yield from _list_neighbours(node, node.value[max(index - 1, 0) : index])
            yield from ((each.start_mark.line, False) for each in node.value[index + 1 : index + 2] if node.flow_style)
        else:
            yield from _find_lines(child, item, remaining.pop(0) if remaining else None, is_item=True)
    if remaining:
        yield from _list_insertions(node, node.value)


def _list_neighbours(node: Any, values: list[Any]) -> Iterator[tuple[int, bool]]:
    """Yield the lines of what is before a removed value of brackets: its comma goes with it."""
    yield from ((_find_last_line(value), False) for value in values if node.flow_style)


def _list_insertions(node: Any, values: list[Any]) -> Iterator[tuple[int, bool]]:
    """Yield the lines of brackets where one of their values ends; in block style a new line touches no other."""
    if node.flow_style:
        yield from ((line, True) for line in (node.start_mark.line, node.end_mark.line, *map(_find_last_line, values)))


def _span(start: int, node: Any, *, stays: bool) -> Iterator[tuple[int, bool]]:
    yield from ((line, stays) for line in range(start, max(_find_last_line(node), start) + 1))


def _find_last_line(node: Any) -> int:
    """The last line of a node: that of its last value for one in block style, whose own end is behind comments."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style:
        ends_before = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">") and node.end_mark.column == 0
        return int(node.end_mark.line) - ends_before
    last = node.value[-1]
    return _find_last_line(last[1] if isinstance(node, yaml.MappingNode) else last)
