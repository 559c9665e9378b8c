"""The kinds of change that a row of the table of verdicts can ask for, such as `grow` or `appended`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vmgen.quantities import parse_size


class Absent:
    """The value of a field that is not set."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


def are_equal(before: Any, after: Any) -> bool:
    """Compare values as YAML and the platform do: `true`, `1` and `1.0` differ, which Python takes for equal."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(are_equal(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(are_equal, before, after))
    # Python has `True == 1 == 1.0`, but a chart that gets `1` for a boolean fails, so this is a change.
    return bool(before == after) and (isinstance(before, str) or type(before) is type(after))


def _is_growth(before: Any, after: Any) -> bool:
    old, new = _parse_amount(before), _parse_amount(after)
    return old is not None and new is not None and old < new


def _parse_amount(value: Any) -> float | None:
    """Return a number, or a size in bytes; None for anything else."""
    if isinstance(value, float):
        return value
    try:
        return parse_size(value)
    except ValueError:
        return None


def _is_first_replaced(before: Any, after: Any) -> bool:
    old, new = list_item_names(before), list_item_names(after)
    return bool(old and new) and old[0] != new[0]


def _is_appended(before: Any, after: Any) -> bool:
    old, new = list_item_names(before), list_item_names(after)
    return len(old) < len(new) and old == new[: len(old)]


def _has_new_items(before: Any, after: Any) -> bool:
    old = list_item_names(before)
    return any(name not in old for name in list_item_names(after))


def _is_reordered(before: Any, after: Any) -> bool:
    old, new = list_item_names(before), list_item_names(after)
    return old != new and sorted(map(str, old)) == sorted(map(str, new))


def _is_reformatted(before: Any, after: Any) -> bool:
    """Return whether two lists are equal, if a plain name equals an object with this name and nothing else."""
    old, new = (
        # Hikube's page writes `disks: [web-1]`, where the chart of Cozystack takes `disks: [{name: web-1}]` only.
        [{"name": item} if isinstance(item, str) else item for item in value] if isinstance(value, list) else []
        for value in (before, after)
    )
    return bool(old) and are_equal(old, new)


def list_item_names(value: Any) -> list[Any]:
    """Return the items of a list, each mapping by its `name`."""
    items = value if isinstance(value, list) else []
    return [item.get("name") if isinstance(item, dict) else item for item in items]


CHANGE_KINDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "any": lambda *_: True,
    "grow": _is_growth,
    "shrink": lambda before, after: _is_growth(after, before),
    "enabled": lambda before, after: after is True and before is not True,
    "disabled": lambda before, after: after is False and before is not False,
    "filled": lambda before, after: not before and bool(after),
    "emptied": lambda before, after: bool(before) and not after,
    "first": _is_first_replaced,
    "appended": _is_appended,
    "reordered": _is_reordered,
    "reformatted": _is_reformatted,
    "gains": _has_new_items,
    "added": lambda before, _: before is ABSENT,
    "removed": lambda _, after: after is ABSENT,
    # For disks that take the place of others, which is found where the names of the VM and of new disks are known.
    "new-system": lambda *_: False,
    "other-system": lambda *_: False,
    "other-disk": lambda *_: False,
    # For the name of a new object: `before` is the greatest length that the API takes.
    "too-long": lambda before, after: len(after) > before,
}
