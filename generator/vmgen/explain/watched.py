"""Values that leave a token where a template writes them, and tell when a template asks about them.

A token holds its number between two characters of a private-use area, which no rule of YAML treats as more than text.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

# The way to a value in what a template is given: ("labels", "team"), ("disks", 0, "name").
ValuePath = tuple[str | int, ...]
TracedPaths = tuple[ValuePath, ...]

TOKEN_PATTERN = re.compile("\ue000([0-9]+)\ue001")


class TraceSink(Protocol):
    """Hears what becomes of values."""

    def render_token(self, ways: TracedPaths) -> str:
        """The text that stands for a value in the output."""

    def record_read(self, ways: TracedPaths) -> None:
        """The template decided something by a value."""


class TracedScalar:
    """A scalar in a template: it compares as the scalar does, and is written as its token."""

    __slots__ = ("_paths", "_sink", "_value")

    def __init__(self, value: Any, ways: TracedPaths, listener: TraceSink) -> None:
        self._value = value
        self._paths = ways
        self._sink = listener

    def __str__(self) -> str:
        return self._sink.render_token(self._paths)

    def __bool__(self) -> bool:
        self._sink.record_read(self._paths)
        return bool(self._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __len__(self) -> int:
        self._sink.record_read(self._paths)
        return len(self._value)

    def __index__(self) -> int:
        self._sink.record_read(self._paths)
        return operator.index(self._value)

    def __int__(self) -> int:
        self._sink.record_read(self._paths)
        return int(self._value)

    def __float__(self) -> float:
        self._sink.record_read(self._paths)
        return float(self._value)

    def __iter__(self) -> Iterator[Any]:
        return (self.derive(item) for item in self._value)

    def __contains__(self, item: Any) -> bool:
        self._sink.record_read(self._paths)
        return unwrap(item) in self._value

    def __getitem__(self, key: Any) -> Any:
        return self.derive(self._value[unwrap(key)])

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._value, name)
        if not callable(found):
            return self.derive(found)
        return lambda *arguments, **named: self.derive(
            found(*map(unwrap, arguments), **{key: unwrap(value) for key, value in named.items()})
        )

    def derive(self, value: Any, *others: Any) -> Any:
        """A value made of this one and others: whatever made one of them made it."""
        ways = self._paths
        for other in others:
            ways += tuple(way for way in get_paths(other) if way not in ways)
        return value if isinstance(value, TracedScalar) else TracedScalar(value, ways, self._sink)


def _make_comparison(compare: Callable[[Any, Any], bool]) -> Callable[[TracedScalar, Any], bool]:
    def answer(self: TracedScalar, other: Any) -> bool:
        self._sink.record_read((*self._paths, *get_paths(other)))
        return compare(self._value, unwrap(other))

    return answer


def _make_operator(combine: Callable[[Any, Any], Any], *, swapped: bool = False) -> Callable[[TracedScalar, Any], Any]:
    def result(self: TracedScalar, other: Any) -> Any:
        pair = (unwrap(other), self._value) if swapped else (self._value, unwrap(other))
        return self.derive(combine(*pair), other)

    return result


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(TracedScalar, f"__{_name}__", _make_comparison(getattr(operator, _name)))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod"):
    setattr(TracedScalar, f"__{_name}__", _make_operator(getattr(operator, _name)))
    setattr(TracedScalar, f"__r{_name}__", _make_operator(getattr(operator, _name), swapped=True))


class _TracedContainer:
    """What lists and mappings have in common: only an empty one is a value by itself."""

    value_paths: TracedPaths
    trace_sink: TraceSink

    def __bool__(self) -> bool:
        if not len(self):  # type: ignore[arg-type]
            self.trace_sink.record_read(self.value_paths)
        return len(self) > 0  # type: ignore[arg-type]


class TracedList(_TracedContainer, list[Any]):
    """A list in a template."""


class TracedMapping(_TracedContainer, dict[str, Any]):
    """A mapping in a template."""


def trace_value(value: Any, way: ValuePath, listener: TraceSink) -> Any:
    """A value that a template is given, watched with all below it."""
    made: TracedList | TracedMapping
    if hasattr(value, "_asdict"):  # a template reads it by the names of its fields
        value = value._asdict()
    if isinstance(value, Mapping):
        made = TracedMapping((key, trace_value(item, (*way, key), listener)) for key, item in value.items())
    elif isinstance(value, list | tuple):
        made = TracedList(trace_value(item, (*way, index), listener) for index, item in enumerate(value))
    else:
        return TracedScalar(value, (way,), listener)
    made.value_paths, made.trace_sink = (way,), listener
    return made


def get_paths(value: Any) -> TracedPaths:
    """The ways of a watched scalar; none of anything else."""
    return value._paths if isinstance(value, TracedScalar) else ()


def unwrap(value: Any) -> Any:
    """The value itself."""
    return value._value if isinstance(value, TracedScalar) else value


def to_tokens(value: Any) -> Any:
    """A value with a token for each scalar and each empty list or mapping."""
    if isinstance(value, TracedScalar):
        return str(value)
    if isinstance(value, _TracedContainer) and not len(value):  # type: ignore[arg-type]
        return value.trace_sink.render_token(value.value_paths)
    if isinstance(value, Mapping):
        return {key: to_tokens(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_tokens(item) for item in value]
    return value
