"""Values for templates that record where a template writes them and what it decides by them.

Each scalar is written as a numbered token between two private-use characters, which YAML reads as plain text.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from vmgen.read.located import KeyPath

# Paths from the names of a template's context: ("labels", "team"), ("disks", 0, "name").
TracedPaths = tuple[KeyPath, ...]

TOKEN_PATTERN = re.compile("\ue000([0-9]+)\ue001")


def format_token(number: int) -> str:
    """Return the token of a number; `TOKEN_PATTERN` finds it again."""
    return f"\ue000{number}\ue001"


class TraceSink(Protocol):
    """The receiver of what a template does with its values."""

    def render_token(self, paths: TracedPaths) -> str:
        """Return the text to write for a value that was made from these paths."""

    def record_read(self, paths: TracedPaths) -> None:
        """Record that the template decides something by the values at these paths."""


class TracedScalar:
    """A scalar that compares as its value does and is written as its token."""

    __slots__ = ("_paths", "_sink", "_value")

    def __init__(self, value: Any, paths: TracedPaths, sink: TraceSink) -> None:
        self._value = value
        self._paths = paths
        self._sink = sink

    def _read(self) -> Any:
        self._sink.record_read(self._paths)
        return self._value

    def __str__(self) -> str:
        return self._sink.render_token(self._paths)

    def __hash__(self) -> int:
        return hash(self._value)

    def __contains__(self, item: Any) -> bool:
        return unwrap(item) in self._read()

    def __iter__(self) -> Iterator[Any]:
        # A character of a traced text came from where the text did.
        return (self._derive(item) for item in self._value)

    def __getitem__(self, key: Any) -> Any:
        return self._derive(self._value[unwrap(key)])

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._value, name)
        if not callable(attribute):
            return self._derive(attribute)
        # A method such as `.upper()`: what it returns came from the same value.
        return lambda *args, **kwargs: self._derive(
            attribute(*map(unwrap, args), **{key: unwrap(value) for key, value in kwargs.items()})
        )

    # An operation gives a traced value again, so that `name ~ "-" ~ index` leads to both.
    def _derive(self, value: Any, operand: Any = None) -> Any:
        """Trace a value that was made from this one, and from `operand`, to the paths of both."""
        if isinstance(value, TracedScalar):
            return value
        return TracedScalar(value, tuple(dict.fromkeys((*self._paths, *get_paths(operand)))), self._sink)


def _make_conversion(convert: Callable[[Any], Any]) -> Callable[[TracedScalar], Any]:
    return lambda self: convert(self._read())


def _make_comparison(compare: Callable[[Any, Any], bool]) -> Callable[[TracedScalar, Any], bool]:
    def compare_values(self: TracedScalar, operand: Any) -> bool:
        # The answer is a plain bool, so a comparison is the last chance to see what a condition read.
        self._sink.record_read((*self._paths, *get_paths(operand)))
        return compare(self._value, unwrap(operand))

    return compare_values


def _make_operator(combine: Callable[[Any, Any], Any], *, is_reflected: bool = False) -> Callable[[TracedScalar, Any], Any]:
    def combine_values(self: TracedScalar, operand: Any) -> Any:
        pair = (unwrap(operand), self._value) if is_reflected else (self._value, unwrap(operand))
        return self._derive(combine(*pair), operand)

    return combine_values


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "bool": bool,
    "len": len,
    "int": int,
    "float": float,
    "index": operator.index,
}
# Python looks operators up on the class and never asks __getattr__ for them, so each is set here.
# https://docs.python.org/3/reference/datamodel.html#special-method-lookup
for _name, _convert in _CONVERSIONS.items():
    setattr(TracedScalar, f"__{_name}__", _make_conversion(_convert))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(TracedScalar, f"__{_name}__", _make_comparison(getattr(operator, _name)))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod"):
    setattr(TracedScalar, f"__{_name}__", _make_operator(getattr(operator, _name)))
    setattr(TracedScalar, f"__r{_name}__", _make_operator(getattr(operator, _name), is_reflected=True))


class _TracedContainer:
    """The common part of lists and mappings, of which only an empty one is a value by itself."""

    value_paths: TracedPaths
    trace_sink: TraceSink

    def __bool__(self) -> bool:
        # A full collection is traced by its items; that an empty one leaves something out is seen only here.
        if not len(self):  # type: ignore[arg-type]
            self.trace_sink.record_read(self.value_paths)
        return len(self) > 0  # type: ignore[arg-type]


class _TracedList(_TracedContainer, list[Any]):
    pass


class _TracedMapping(_TracedContainer, dict[str, Any]):
    pass


def trace_value(value: Any, path: KeyPath, sink: TraceSink) -> Any:
    """Wrap a value of a template's context, and all below it, so that `sink` learns of every use."""
    container: _TracedList | _TracedMapping
    if hasattr(value, "_asdict"):  # a template reads a named tuple by the names of its fields
        value = value._asdict()
    if isinstance(value, Mapping):
        container = _TracedMapping((key, trace_value(item, (*path, key), sink)) for key, item in value.items())
    elif isinstance(value, list | tuple):
        container = _TracedList(trace_value(item, (*path, index), sink) for index, item in enumerate(value))
    else:
        return TracedScalar(value, (path,), sink)
    container.value_paths, container.trace_sink = (path,), sink
    return container


def trace_context(context: Mapping[str, Any], sink: TraceSink) -> dict[str, Any]:
    """Wrap all values of a template's context."""
    return {name: trace_value(value, (name,), sink) for name, value in context.items()}


def get_paths(value: Any) -> TracedPaths:
    """Return the paths of a traced scalar; empty for any other value."""
    return value._paths if isinstance(value, TracedScalar) else ()


def unwrap(value: Any) -> Any:
    """Return the value of a traced scalar; any other value as it is."""
    return value._value if isinstance(value, TracedScalar) else value


def to_tokens(value: Any) -> Any:
    """Replace each traced scalar, and each empty traced container, by its token."""
    if isinstance(value, TracedScalar):
        return str(value)
    if isinstance(value, _TracedContainer) and not len(value):  # type: ignore[arg-type]
        return value.trace_sink.render_token(value.value_paths)
    if isinstance(value, Mapping):
        return {key: to_tokens(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_tokens(item) for item in value]
    return value


def accept_tokens(template_filter: Callable[..., Any]) -> Callable[..., Any]:
    """Make a filter of templates take traced values, of which it sees the tokens."""
    return lambda value, *args, **kwargs: template_filter(to_tokens(value), *args, **kwargs)
