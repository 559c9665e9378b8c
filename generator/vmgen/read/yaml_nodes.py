"""The nodes of a YAML text with the offsets where each begins and ends, for edits that leave every other character alone.

`read_yaml` says what a file means; this says where it is written. A text that `read_yaml` refuses has no nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import yaml

from vmgen.read.located import KeyPath

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BLANK = re.compile(r"(?:[ \t\r\n]|(?<![^ \t\r\n])#[^\r\n]*)*")
_PROPERTIES = re.compile(r"&[^\s,\[\]{}]+")

Kind = Literal["scalar", "sequence", "mapping", "alias"]


class Node(NamedTuple):
    """A value as it is written: `text[start:end]`, without the anchor before it and comments behind it.

    `style` is the quote or block indicator of a scalar, empty for a plain one; for a collection it is `flow` or `block`. The
    end of a block collection is that of its last value. `children` alternate keys and values for a mapping. `anchor` is the
    name of the anchor before it, or that an alias refers to; `begin` is where that anchor begins.
    """

    kind: Kind
    start: int
    end: int
    begin: int
    style: str = ""
    anchor: str = ""
    children: tuple[Node, ...] = ()
    value: str = ""

    @property
    def is_block(self) -> bool:
        """Return whether this is a mapping or a list that is written with indentation."""
        return self.style == "block"

    @property
    def entries(self) -> tuple[tuple[Node, Node], ...]:
        """The keys and values of a mapping; empty for anything else."""
        return tuple(zip(self.children[::2], self.children[1::2], strict=True)) if self.kind == "mapping" else ()

    def find_entry(self, name: str) -> tuple[Node, Node] | None:
        """Return the node of a key and that of its value; None if there is no such key."""
        return next((entry for entry in self.entries if entry[0].value == name and entry[0].kind == "scalar"), None)


def read_nodes(text: str) -> Node | None:
    """Return the root node of a document; None if the text is empty or no YAML."""
    try:
        events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        next(events)  # stream start
        if isinstance(next(events), yaml.StreamEndEvent):
            return None
        return _read_node(next(events), events, text)
    except yaml.YAMLError:
        return None


def find_node(root: Node, path: KeyPath) -> Node | None:
    """Return the node at a key path; None if the text has none there, or an alias is on the way."""
    node: Node | None = root
    for step in path:
        if node is None:
            return None
        if isinstance(step, int):
            node = node.children[step] if node.kind == "sequence" and step < len(node.children) else None
        else:
            entry = node.find_entry(step)
            node = entry[1] if entry else None
    return node


def skip_blank(text: str, position: int) -> int:
    """Return the first position from here on that is neither white space nor in a comment."""
    match = _BLANK.match(text, position)
    return match.end() if match else position


def walk_nodes(node: Node) -> Iterator[Node]:
    """Iterate over a node and all nodes in it, keys included."""
    yield node
    for child in node.children:
        yield from walk_nodes(child)


def _read_node(event: Any, events: Iterator[Any], text: str) -> Node:
    start, end = event.start_mark.index, event.end_mark.index
    anchor = event.anchor or ""
    if isinstance(event, yaml.AliasEvent):
        return Node("alias", start, end, start, anchor=anchor)
    begin = start
    if anchor:
        start = _skip_properties(text, start, end)
    if isinstance(event, yaml.ScalarEvent):
        style = event.style or ""
        if style in ("|", ">"):
            end = _find_block_scalar_end(text, start, end)
        return Node("scalar", start, max(start, end), begin, style, anchor, value=event.value)
    closing = yaml.SequenceEndEvent if isinstance(event, yaml.SequenceStartEvent) else yaml.MappingEndEvent
    children: list[Node] = []
    following: Any = next(events)
    while not isinstance(following, closing):
        children.append(_read_node(following, events, text))
        following = next(events)
    closing_mark: Any = following.end_mark
    kind: Kind = "sequence" if closing is yaml.SequenceEndEvent else "mapping"
    if event.flow_style:
        return Node(kind, start, closing_mark.index, begin, "flow", anchor, tuple(children))
    return Node(kind, start, children[-1].end if children else end, begin, "block", anchor, tuple(children))


def _skip_properties(text: str, start: int, end: int) -> int:
    """Return where a value begins behind its anchor. An empty value begins, and ends, right behind it."""
    match = _PROPERTIES.match(text, start)
    if match is None:
        return start
    return match.end() if match.end() >= end else skip_blank(text, match.end())


def _find_block_scalar_end(text: str, start: int, end: int) -> int:
    """Return the end of the last line of a block scalar, or of the empty lines that belong to it if it keeps them (`|+`)."""
    header = text[start : start + 3]
    if "+" in header.splitlines()[0]:
        return end
    return len(text[:end].rstrip(" \t\r\n"))
