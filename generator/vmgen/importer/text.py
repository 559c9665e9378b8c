"""Lay out an environment as a person would: short things on one line, lists of keys and long texts on their own lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.read.located import KeyPath
from vmgen.yaml_text import to_block, to_flow, to_scalar

SCHEMA_HEADER = "# yaml-language-server: $schema=../schema/environment.schema.json"
_MAX_FLOW_WIDTH = 100
_MAX_COMMENT_WIDTH = 128
# Mappings with a line for each entry, however short they are; "" is the key of a group.
_BLOCK_KEYS = frozenset(["", "vms", "defaults", "disks", "instances"])


class TextLine(NamedTuple):
    """A line of the file, and the path of the key that it belongs to."""

    text: str
    path: KeyPath


def render_lines(data: Mapping[str, Any], comments: Mapping[KeyPath, str]) -> Iterator[TextLine]:
    """Yield the lines of an environment. A comment follows the key of its path, or precedes it if the line gets too long."""
    yield TextLine(SCHEMA_HEADER, ())
    for line in _render_mapping(data, 0, ()):
        comment = comments.get(line.path)
        indent = len(line.text) - len(line.text.lstrip())
        if not comment or not line.text[indent:].startswith(f"{to_scalar(line.path[-1])}:"):
            yield line
        elif len(line.text) + len(comment) + 4 <= _MAX_COMMENT_WIDTH:
            yield TextLine(f"{line.text}    # {comment}", line.path)
        else:
            yield TextLine(f"{' ' * indent}# {comment}", line.path)
            yield line


def count_lines(data: Mapping[str, Any]) -> int:
    """Return the number of lines that some keys of a group take."""
    return sum(1 for _ in _render_mapping(data, 4, ("vms", "")))


def count_instance_lines(data: Mapping[str, Any]) -> int:
    """Return the number of lines that one entry of `instances` takes."""
    return sum(1 for _ in _render_entry("1", data, 6, ("vms", "", "instances", "1")))


def _render_mapping(data: Mapping[str, Any], indent: int, path: KeyPath) -> Iterator[TextLine]:
    for key, value in data.items():
        yield from _render_entry(key, value, indent, (*path, key))


def _render_entry(key: str, value: Any, indent: int, path: KeyPath) -> Iterator[TextLine]:
    is_instance_number = len(path) > 1 and path[-2] == "instances" and key.isdecimal()  # needs no quotes
    name = f"{' ' * indent}{key if is_instance_number else to_scalar(key)}:"
    is_long = isinstance(value, Mapping) and not _is_short_disk(value, path)
    if not (is_long and (_is_block(path) or not _fits_on_line("", value))):
        value = _shorten(value, path)
    if isinstance(value, Mapping) and value and (_is_block(path) or not _fits_on_line(name, value)):
        yield TextLine(name, path)
        yield from _render_mapping(value, indent + 2, path)
    elif isinstance(value, list) and value and (key == "sshKeys" or not _fits_on_line(name, value)):
        yield from (TextLine(text, path) for text in _render_list(name, value, indent))
    elif isinstance(value, str) and "\n" in value:
        yield from (TextLine(text, path) for text in f"{name}{to_block(value, indent + 2)}".split("\n"))
    else:
        yield TextLine(f"{name} {to_flow(value)}", path)


def _is_block(path: KeyPath) -> bool:
    """Return True if a mapping has a line for each entry."""
    if len(path) == 1:
        return path[0] in _BLOCK_KEYS
    if path[0] == "vms":
        return len(path) == 2 or (len(path) == 3 and path[2] in _BLOCK_KEYS)
    return path[0] == "defaults" and len(path) == 2 and path[1] in _BLOCK_KEYS


def _fits_on_line(name: str, value: Any) -> bool:
    return not _contains_block(value) and len(name) + 1 + len(to_flow(_shorten(value))) <= _MAX_FLOW_WIDTH


def _contains_block(value: Any) -> bool:
    """Return True if a value holds a text of several lines, or a list of SSH keys."""
    if isinstance(value, Mapping):
        return "sshKeys" in value or any(map(_contains_block, value.values()))
    if isinstance(value, list):
        return any(map(_contains_block, value))
    return isinstance(value, str) and "\n" in value


def _shorten(value: Any, path: KeyPath = ()) -> Any:
    if isinstance(value, Mapping):
        short = {key: _shorten(item, (*path, key)) for key, item in value.items()}
        return short["storage"] if _is_short_disk(short, path) else short
    if isinstance(value, list):
        return [item["name"] if isinstance(item, Mapping) and item.keys() == {"name"} else item for item in value]
    return value


def _is_short_disk(value: Mapping[str, Any], path: KeyPath) -> bool:
    return len(path) > 1 and path[-2] == "disks" and value.keys() == {"storage"} and bool(value["storage"])


def _render_list(name: str, items: list[Any], indent: int) -> Iterator[str]:
    """Yield a list that does not fit on its line: long items one by one, short ones in rows."""
    texts = [to_flow(item) for item in items]
    # In rows of three or more a list is easier to read, and a key to remove is a line of its own.
    if name.strip() == "sshKeys:" or max(map(len, texts)) > _MAX_FLOW_WIDTH // 3:
        yield name
        for item in items:
            yield from f"{' ' * (indent + 2)}-{to_block(item, indent + 4)}".split("\n")
        return
    yield f"{name} ["
    row = margin = " " * (indent + 2)
    for text in [*(f"{text}," for text in texts[:-1]), texts[-1]]:
        if len(row) + len(text) + 1 > _MAX_FLOW_WIDTH and row.strip():
            yield row.rstrip()
            row = margin
        row += f"{text} "
    yield row.rstrip()
    yield f"{' ' * indent}]"
