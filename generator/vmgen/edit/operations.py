"""The operations on an environment file, and what each makes of the file's plain value."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from vmgen.read.located import KeyPath, format_path
from vmgen.yaml_text import to_flow


class SetValue(NamedTuple):
    """Set a key. A new one, or what holds it, comes after the key `after`, or last.

    In block style its own keys or items get a line each.
    """

    path: KeyPath
    value: Any
    after: str = ""
    block: bool = False


class AppendItem(NamedTuple):
    """Append an item to a list, which is made if it is missing."""

    path: KeyPath
    item: Any


class RemoveValue(NamedTuple):
    """Remove a key or an item; with the last one goes the mapping or list that held it."""

    path: KeyPath


class RenameKey(NamedTuple):
    """Give a key another name, at its place."""

    path: KeyPath
    name: str


Operation = SetValue | AppendItem | RemoveValue | RenameKey


def apply_operation(operation: Operation, value: Any) -> Any:
    """Return what an operation makes of plain values. Where it does not apply, `splice_text` refuses it.

    Raises KeyError if what it removes is not there.
    """
    match operation:
        case SetValue(path, new, after):
            return _set_at(value, path, to_text_keys(new), after)
        case AppendItem(path, item):
            items = get_plain(value, path)
            return _set_at(value, path, [*(items if isinstance(items, list) else ()), to_text_keys(item)], "")
        case RemoveValue(path):
            return _remove_at(value, widen_removal(value, path))
        case RenameKey(path, name):
            holder = get_plain(value, path[:-1])
            entries = holder.items() if isinstance(holder, dict) else ()
            new_mapping = {name if key == path[-1] else key: item for key, item in entries}
            return _set_at(value, path[:-1], new_mapping, "") if path[:-1] else new_mapping


def widen_removal(value: Any, path: KeyPath) -> KeyPath:
    """Return the path of the outermost value that would be empty without the value at a path.

    Raises KeyError, with the path as text, if there is no value.
    """
    holder = get_plain(value, path[:-1])
    keys: Collection[str | int] = range(len(holder)) if isinstance(holder, list) else holder if isinstance(holder, dict) else ()
    if path[-1] not in keys:
        raise KeyError(format_path(path))
    while len(path) > 1 and len(get_plain(value, path[:-1])) == 1:
        path = path[:-1]
    return path


def get_plain(value: Any, path: KeyPath) -> Any:
    """Return the plain value at a path; None if there is none."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def to_text_keys(value: Any) -> Any:
    """Return a value with the keys as text, as they are read."""
    if isinstance(value, Mapping):
        return {str(key): to_text_keys(item) for key, item in value.items()}
    return [to_text_keys(item) for item in value] if isinstance(value, list | tuple) else value


def is_same(left: Any, right: Any) -> bool:
    """Return whether two plain values are the same: types, and the order of keys, included."""
    # In Python True equals 1 and 1.0, which are three values of YAML.
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    return bool(left == right)


def format_operations(operations: tuple[Operation, ...]) -> tuple[str, ...]:
    """Return the lines that a person writes instead: keys below those that hold them, and a comment for what goes."""
    tree: dict[str | int, Any] = {}
    lines = []
    for operation in operations:
        match operation:
            case SetValue(path, value):
                _put(tree, path, to_flow(value))
            case AppendItem(path, item):
                _put(tree, (*path, f"- {to_flow(item)}"), "")
            case RemoveValue(path):
                lines.append(f"# remove {format_path(path)}")
            case RenameKey(path, name):
                lines.append(f"# call {format_path(path)} {name}")
    return (*lines, *_format_tree(tree, ""))


def _put(tree: dict[str | int, Any], path: KeyPath, text: str) -> None:
    for step in path[:-1]:
        inner = tree.setdefault(step, {})
        tree = inner if isinstance(inner, dict) else {}
    tree[path[-1]] = text


def _format_tree(tree: Mapping[str | int, Any], pad: str) -> list[str]:
    lines = []
    for key, value in tree.items():
        if isinstance(value, dict):
            lines += [f"{pad}{key}:", *_format_tree(value, f"{pad}  ")]
        else:
            lines.append(f"{pad}{key}: {value}" if value else f"{pad}{key}")
    return lines


def _set_at(value: Any, path: KeyPath, new: Any, after: str) -> Any:
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = value if isinstance(value, list) else []
        return [_set_at(item, rest, new, after) if index == step else item for index, item in enumerate(items)]
    mapping = value if isinstance(value, dict) else {}
    entries = {key: _set_at(item, rest, new, after) if key == step else item for key, item in mapping.items()}
    if step in mapping:
        return entries
    fresh = {str(step): _set_at(None, rest, new, after)}
    if after not in mapping:
        return {**entries, **fresh}
    position = list(mapping).index(after) + 1
    return dict([*list(entries.items())[:position], *fresh.items(), *list(entries.items())[position:]])


def _remove_at(value: Any, path: KeyPath) -> Any:
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        if not rest:
            return [item for index, item in enumerate(value) if index != step]
        return [_remove_at(item, rest) if index == step else item for index, item in enumerate(value)]
    if not rest:
        return {key: item for key, item in value.items() if key != step}
    return {key: _remove_at(item, rest) if key == step else item for key, item in value.items()}
