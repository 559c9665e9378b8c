"""An environment as a person would write it: short things on one line, lists of keys and texts on lines of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.adopt.objects import Path
from vmgen.quoting import block, flow, scalar

HEAD = "# yaml-language-server: $schema=../schema/environment.schema.json"
_WIDTH = 100
_WIDEST = 128
# Mappings whose entries stand on lines of their own, however short they are.
_OPEN = frozenset(["", "vms", "defaults", "disks", "instances"])


class Line(NamedTuple):
    """A line of the file, and the path of the key that it writes."""

    text: str
    path: Path


def lines(data: Mapping[str, Any], remarks: Mapping[Path, str]) -> Iterator[Line]:
    """The lines of an environment. A remark stands behind the key of its path, or above it where that gets too long."""
    yield Line(HEAD, ())
    for line in _mapping(data, 0, ()):
        remark = remarks.get(line.path)
        if not remark or not _writes_key(line):
            yield line
        elif len(line.text) + len(remark) + 4 <= _WIDEST:
            yield Line(f"{line.text}    # {remark}", line.path)
        else:
            indent = len(line.text) - len(line.text.lstrip())
            yield Line(f"{' ' * indent}# {remark}", line.path)
            yield line


def line_count(data: Mapping[str, Any]) -> int:
    """How many lines some keys of a group take."""
    return sum(1 for _ in _mapping(data, 4, ("vms", "")))


def instance_lines(data: Mapping[str, Any]) -> int:
    """How many lines one entry of `instances` takes."""
    return sum(1 for _ in _entry("1", data, 6, ("vms", "", "instances", "1")))


def _writes_key(line: Line) -> bool:
    return line.text.lstrip().startswith(f"{scalar(line.path[-1])}:")


def _mapping(data: Mapping[str, Any], indent: int, path: Path) -> Iterator[Line]:
    for key, value in data.items():
        yield from _entry(key, value, indent, (*path, key))


def _entry(key: str, value: Any, indent: int, path: Path) -> Iterator[Line]:
    name = f"{' ' * indent}{_key(key, path)}:"
    value = _short(value, path)
    if isinstance(value, Mapping) and value and (_opened(path) or not _fits(name, value)):
        yield Line(name, path)
        yield from _mapping(value, indent + 2, path)
    elif isinstance(value, list) and value and (key == "sshKeys" or not _fits(name, value)):
        yield from (Line(text, path) for text in _list(name, value, indent))
    elif isinstance(value, str) and "\n" in value:
        yield from (Line(text, path) for text in f"{name}{block(value, indent + 2)}".split("\n"))
    else:
        yield Line(f"{name} {flow(value)}", path)


def _key(key: str, path: Path) -> str:
    """A key; the number of an instance needs no quotes."""
    return key if len(path) > 1 and path[-2] == "instances" and key.isdecimal() else scalar(key)


def _opened(path: Path) -> bool:
    """Whether a mapping always has a line for each entry: what is in it is read one by one."""
    if len(path) == 1:
        return path[0] in _OPEN
    if path[0] == "vms":
        return len(path) == 2 or (len(path) == 3 and path[2] in _OPEN)
    return path[0] == "defaults" and len(path) == 2 and path[1] in _OPEN


def _fits(name: str, value: Any) -> bool:
    return not _holds_block(value) and len(name) + 1 + len(flow(_shortened(value))) <= _WIDTH


def _holds_block(value: Any) -> bool:
    """Whether something in a value wants lines of its own: a text of several, or a list of SSH keys."""
    if isinstance(value, Mapping):
        return "sshKeys" in value or any(map(_holds_block, value.values()))
    if isinstance(value, list):
        return any(map(_holds_block, value))
    return isinstance(value, str) and "\n" in value


def _short(value: Any, path: Path) -> Any:
    """The short form of a disk, and of attachments; and all that stands on one line in its short form."""
    if isinstance(value, Mapping):
        if len(path) > 1 and path[-2] == "disks" and value.keys() == {"storage"} and value["storage"]:
            return value["storage"]
        return value if _opened(path) or not _fits("", value) else _shortened(value, path)
    return _shortened(value, path)


def _shortened(value: Any, path: Path = ()) -> Any:
    if isinstance(value, Mapping):
        found = {key: _shortened(item, (*path, key)) for key, item in value.items()}
        if len(path) > 1 and path[-2] == "disks" and found.keys() == {"storage"} and found["storage"]:
            return found["storage"]
        return found
    if isinstance(value, list):
        return [item["name"] if isinstance(item, Mapping) and item.keys() == {"name"} else item for item in value]
    return value


def _list(name: str, value: list[Any], indent: int) -> Iterator[str]:
    """A list of more than fits on its line: short items in lines of many, long ones one by one."""
    items = [flow(item) for item in value]
    if name.strip() == "sshKeys:" or max(map(len, items)) > _WIDTH // 3:
        yield name
        for item in value:
            yield from f"{' ' * (indent + 2)}-{block(item, indent + 4)}".split("\n")
        return
    yield f"{name} ["
    row = " " * (indent + 2)
    for position, item in enumerate(items):
        text = f"{item}," if position < len(items) - 1 else item
        if len(row) + len(text) + 1 > _WIDTH and row.strip():
            yield row.rstrip()
            row = " " * (indent + 2)
        row += f"{text} "
    yield row.rstrip()
    yield f"{' ' * indent}]"
