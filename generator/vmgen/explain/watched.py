"""Values that leave a token where a template writes them, and tell when a template asks about them.

A token holds its number between two characters of a private-use area, which no rule of YAML treats as more than text.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

# The way to a value in what a template is given: ("labels", "team"), ("disks", 0, "name").
Way = tuple[str | int, ...]
Ways = tuple[Way, ...]

TOKEN = re.compile("\ue000([0-9]+)\ue001")


class Listener(Protocol):
    """Hears what becomes of values."""

    def token(self, ways: Ways) -> str:
        """The text that stands for a value in the output."""

    def read(self, ways: Ways) -> None:
        """The template decided something by a value."""


class Watched:
    """A scalar in a template: it compares as the scalar does, and is written as its token."""

    __slots__ = ("_listener", "_value", "_ways")

    def __init__(self, value: Any, ways: Ways, listener: Listener) -> None:
        self._value = value
        self._ways = ways
        self._listener = listener

    def __str__(self) -> str:
        return self._listener.token(self._ways)

    def __bool__(self) -> bool:
        self._listener.read(self._ways)
        return bool(self._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __len__(self) -> int:
        self._listener.read(self._ways)
        return len(self._value)

    def __index__(self) -> int:
        self._listener.read(self._ways)
        return operator.index(self._value)

    def __int__(self) -> int:
        self._listener.read(self._ways)
        return int(self._value)

    def __float__(self) -> float:
        self._listener.read(self._ways)
        return float(self._value)

    def __iter__(self) -> Iterator[Any]:
        return (self.derived(item) for item in self._value)

    def __contains__(self, item: Any) -> bool:
        self._listener.read(self._ways)
        return bare(item) in self._value

    def __getitem__(self, key: Any) -> Any:
        return self.derived(self._value[bare(key)])

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._value, name)
        if not callable(found):
            return self.derived(found)
        return lambda *arguments, **named: self.derived(
            found(*map(bare, arguments), **{key: bare(value) for key, value in named.items()})
        )

    def derived(self, value: Any, *others: Any) -> Any:
        """A value made of this one and others: whatever made one of them made it."""
        ways = self._ways
        for other in others:
            ways += tuple(way for way in ways_of(other) if way not in ways)
        return value if isinstance(value, Watched) else Watched(value, ways, self._listener)


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[[Watched, Any], bool]:
    def answer(self: Watched, other: Any) -> bool:
        self._listener.read((*self._ways, *ways_of(other)))
        return compare(self._value, bare(other))

    return answer


def _combined(combine: Callable[[Any, Any], Any], *, swapped: bool = False) -> Callable[[Watched, Any], Any]:
    def result(self: Watched, other: Any) -> Any:
        pair = (bare(other), self._value) if swapped else (self._value, bare(other))
        return self.derived(combine(*pair), other)

    return result


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Watched, f"__{_name}__", _compared(getattr(operator, _name)))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod"):
    setattr(Watched, f"__{_name}__", _combined(getattr(operator, _name)))
    setattr(Watched, f"__r{_name}__", _combined(getattr(operator, _name), swapped=True))


class _Container:
    """What lists and mappings have in common: only an empty one is a value by itself."""

    ways: Ways
    listener: Listener

    def __bool__(self) -> bool:
        if not len(self):  # type: ignore[arg-type]
            self.listener.read(self.ways)
        return len(self) > 0  # type: ignore[arg-type]


class WatchedList(_Container, list[Any]):
    """A list in a template."""


class WatchedMapping(_Container, dict[str, Any]):
    """A mapping in a template."""


def watched(value: Any, way: Way, listener: Listener) -> Any:
    """A value that a template is given, watched with all below it."""
    made: WatchedList | WatchedMapping
    if hasattr(value, "_asdict"):  # a template reads it by the names of its fields
        value = value._asdict()
    if isinstance(value, Mapping):
        made = WatchedMapping((key, watched(item, (*way, key), listener)) for key, item in value.items())
    elif isinstance(value, list | tuple):
        made = WatchedList(watched(item, (*way, index), listener) for index, item in enumerate(value))
    else:
        return Watched(value, (way,), listener)
    made.ways, made.listener = (way,), listener
    return made


def ways_of(value: Any) -> Ways:
    """The ways of a watched scalar; none of anything else."""
    return value._ways if isinstance(value, Watched) else ()


def bare(value: Any) -> Any:
    """The value itself."""
    return value._value if isinstance(value, Watched) else value


def tokens(value: Any) -> Any:
    """A value with a token for each scalar and each empty list or mapping."""
    if isinstance(value, Watched):
        return str(value)
    if isinstance(value, _Container) and not len(value):  # type: ignore[arg-type]
        return value.listener.token(value.ways)
    if isinstance(value, Mapping):
        return {key: tokens(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tokens(item) for item in value]
    return value
