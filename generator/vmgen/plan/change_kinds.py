"""The directions of a change that the table of verdicts tells apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vmgen.quantities import parse_size


class Absent:
    """Stands for a field that is not there."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


def _parse_amount(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        return parse_size(value) if isinstance(value, str) else None
    except (KeyError, ValueError):
        return None


def _is_growth(before: Any, after: Any) -> bool:
    one, other = _parse_amount(before), _parse_amount(after)
    return one is not None and other is not None and one < other


def _list_item_names(value: Any) -> list[Any]:
    """The items of a list; of an item that is a mapping, its name."""
    items = value if isinstance(value, list) else []
    return [item.get("name") if isinstance(item, dict) else item for item in items]


def _is_first_replaced(before: Any, after: Any) -> bool:
    one, other = _list_item_names(before), _list_item_names(after)
    return bool(one and other) and one[0] != other[0]


def _is_appended(before: Any, after: Any) -> bool:
    one, other = _list_item_names(before), _list_item_names(after)
    return len(one) < len(other) and one == other[: len(one)]


def _is_reordered(before: Any, after: Any) -> bool:
    one, other = _list_item_names(before), _list_item_names(after)
    return one != other and sorted(map(str, one)) == sorted(map(str, other))


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
    "added": lambda before, _: before is ABSENT,
    "removed": lambda _, after: after is ABSENT,
    # Of the name of a new object: `before` is the greatest length that the API takes.
    "too-long": lambda before, after: len(after) > before,
}
