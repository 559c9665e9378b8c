"""An environment as a person would write it: short things on one line, lists of keys and texts on lines of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.importer.translate import KeyPath
from vmgen.yaml_text import to_block, to_flow, to_scalar

SCHEMA_HEADER = "# yaml-language-server: $schema=../schema/environment.schema.json"
_MAX_FLOW_WIDTH = 100
_MAX_COMMENT_WIDTH = 128
# Mappings whose entries stand on lines of their own, however short they are.
_BLOCK_KEYS = frozenset(["", "vms", "defaults", "disks", "instances"])


class TextLine(NamedTuple):
    """A line of the file, and the path of the key that it writes."""

    text: str
    path: KeyPath


def render_lines(data: Mapping[str, Any], remarks: Mapping[KeyPath, str]) -> Iterator[TextLine]:
    """The lines of an environment. A remark stands behind the key of its path, or above it where that gets too long."""
    yield TextLine(SCHEMA_HEADER, ())
    for line in _render_mapping(data, 0, ()):
        remark = remarks.get(line.path)
        if not remark or not _is_key_line(line):
            yield line
        elif len(line.text) + len(remark) + 4 <= _MAX_COMMENT_WIDTH:
            yield TextLine(f"{line.text}    # {remark}", line.path)
        else:
            indent = len(line.text) - len(line.text.lstrip())
            yield TextLine(f"{' ' * indent}# {remark}", line.path)
            yield line


def count_lines(data: Mapping[str, Any]) -> int:
    """How many lines some keys of a group take."""
    return sum(1 for _ in _render_mapping(data, 4, ("vms", "")))


def count_instance_lines(data: Mapping[str, Any]) -> int:
    """How many lines one entry of `instances` takes."""
    return sum(1 for _ in _render_entry("1", data, 6, ("vms", "", "instances", "1")))


def _is_key_line(line: TextLine) -> bool:
    return line.text.lstrip().startswith(f"{to_scalar(line.path[-1])}:")


def _render_mapping(data: Mapping[str, Any], indent: int, path: KeyPath) -> Iterator[TextLine]:
    for key, value in data.items():
        yield from _render_entry(key, value, indent, (*path, key))


def _render_entry(key: str, value: Any, indent: int, path: KeyPath) -> Iterator[TextLine]:
    name = f"{' ' * indent}{_render_key(key, path)}:"
    value = _shorten_entry(value, path)
    if isinstance(value, Mapping) and value and (_is_block(path) or not _fits_on_line(name, value)):
        yield TextLine(name, path)
        yield from _render_mapping(value, indent + 2, path)
    elif isinstance(value, list) and value and (key == "sshKeys" or not _fits_on_line(name, value)):
        yield from (TextLine(text, path) for text in _render_list(name, value, indent))
    elif isinstance(value, str) and "\n" in value:
        yield from (TextLine(text, path) for text in f"{name}{to_block(value, indent + 2)}".split("\n"))
    else:
        yield TextLine(f"{name} {to_flow(value)}", path)


def _render_key(key: str, path: KeyPath) -> str:
    """A key; the number of an instance needs no quotes."""
    return key if len(path) > 1 and path[-2] == "instances" and key.isdecimal() else to_scalar(key)


def _is_block(path: KeyPath) -> bool:
    """Whether a mapping always has a line for each entry: what is in it is read one by one."""
    if len(path) == 1:
        return path[0] in _BLOCK_KEYS
    if path[0] == "vms":
        return len(path) == 2 or (len(path) == 3 and path[2] in _BLOCK_KEYS)
    return path[0] == "defaults" and len(path) == 2 and path[1] in _BLOCK_KEYS


def _fits_on_line(name: str, value: Any) -> bool:
    return not _contains_block(value) and len(name) + 1 + len(to_flow(_shorten(value))) <= _MAX_FLOW_WIDTH


def _contains_block(value: Any) -> bool:
    """Whether something in a value wants lines of its own: a text of several, or a list of SSH keys."""
    if isinstance(value, Mapping):
        return "sshKeys" in value or any(map(_contains_block, value.values()))
    if isinstance(value, list):
        return any(map(_contains_block, value))
    return isinstance(value, str) and "\n" in value


def _shorten_entry(value: Any, path: KeyPath) -> Any:
    """The short form of a disk, and of attachments; and all that stands on one line in its short form."""
    if isinstance(value, Mapping):
        if len(path) > 1 and path[-2] == "disks" and value.keys() == {"storage"} and value["storage"]:
            return value["storage"]
        return value if _is_block(path) or not _fits_on_line("", value) else _shorten(value, path)
    return _shorten(value, path)


def _shorten(value: Any, path: KeyPath = ()) -> Any:
    if isinstance(value, Mapping):
        found = {key: _shorten(item, (*path, key)) for key, item in value.items()}
        if len(path) > 1 and path[-2] == "disks" and found.keys() == {"storage"} and found["storage"]:
            return found["storage"]
        return found
    if isinstance(value, list):
        return [item["name"] if isinstance(item, Mapping) and item.keys() == {"name"} else item for item in value]
    return value


def _render_list(name: str, value: list[Any], indent: int) -> Iterator[str]:
    """A list of more than fits on its line: short items in lines of many, long ones one by one."""
    items = [to_flow(item) for item in value]
    if name.strip() == "sshKeys:" or max(map(len, items)) > _MAX_FLOW_WIDTH // 3:
        yield name
        for item in value:
            yield from f"{' ' * (indent + 2)}-{to_block(item, indent + 4)}".split("\n")
        return
    yield f"{name} ["
    row = " " * (indent + 2)
    for position, item in enumerate(items):
        text = f"{item}," if position < len(items) - 1 else item
        if len(row) + len(text) + 1 > _MAX_FLOW_WIDTH and row.strip():
            yield row.rstrip()
            row = " " * (indent + 2)
        row += f"{text} "
    yield row.rstrip()
    yield f"{' ' * indent}]"
