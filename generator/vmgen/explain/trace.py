"""Values that leave a token where a template writes them, and tell when a template asks about them.

A token holds its number between two characters of a private-use area, which no rule of YAML treats as more than text.

Which value of a template's stands in which leaf of the manifest: found by rendering it once more, with tokens.

Nothing is known here about any template. Each scalar is replaced by a token, each line of the template leaves its number in
a comment, and each condition says what it looked at; then the text is read back.
"""

from __future__ import annotations

import operator
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from vmgen.problems import Place
from vmgen.read.located import Located, walk
from vmgen.read.repository import Project
from vmgen.read.templates import Templates
from vmgen.read.yaml_reader import read_yaml
from vmgen.render.manifests import MANIFEST_FILTERS
from vmgen.yaml_text import finalize

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


_LINE_MARKER = re.compile(" #\ue002([0-9]+)\ue003")


class RenderedField(NamedTuple):
    """A scalar of a manifest, or an empty list or mapping.

    `ways` lead to the values that stand in it, none for a text of the template; `conditions` to those that decided that it
    is there. `line` is the line of the template that wrote it, `asked` the lines of the conditions around it.
    """

    path: ValuePath
    template_line: Place
    value_paths: TracedPaths
    condition_paths: TracedPaths
    condition_lines: tuple[Place, ...]


class RenderTrace(NamedTuple):
    """The leaves of a manifest, and the lines of templates that wrote any of it.

    `left_out` leads to the values that decided that something is not there.
    """

    fields: tuple[RenderedField, ...]
    omitted_paths: TracedPaths
    template_lines: frozenset[Place]


class _GuardedRange(NamedTuple):
    """A stretch of the output that a condition guards."""

    start: int
    end: int
    condition_paths: TracedPaths
    condition_line: Place


class RenderTracer:
    """Renders objects with tokens. Manifests that come out alike are read back once."""

    def __init__(self, project: Project) -> None:
        filters = {name: wrap_filter(function) for name, function in MANIFEST_FILTERS.items()}
        self._templates = Templates(project, self._finalize, filters, tracer=self)
        self._token_numbers: dict[TracedPaths, int] = {}
        self._marker_numbers: dict[Place, int] = {}
        self._traces: dict[tuple[object, ...], RenderTrace] = {}
        self._template_files: dict[str, frozenset[str]] = {}
        self._reset()

    def _reset(self) -> None:
        self._offset = 0
        self._read_paths: list[ValuePath] = []
        self._pending_condition: tuple[TracedPaths, Place] | None = None
        self._open_conditions: list[tuple[int, tuple[TracedPaths, Place]]] = []
        self._guarded_ranges: list[_GuardedRange] = []
        self._omitted_paths: list[ValuePath] = []

    def trace(self, template: str, context: Mapping[str, Any]) -> RenderTrace:
        """The leaves of what a template makes of a context."""
        self._reset()
        pieces = []
        for piece in self._templates.generate(
            template, {name: trace_value(value, (name,), self) for name, value in context.items()}
        ):
            pieces.append(piece)
            self._offset += len(piece)
        self._record_omission()
        text = "".join(pieces)
        shape = (template, text, tuple(self._guarded_ranges), tuple(self._omitted_paths))
        if shape not in self._traces:
            found = self._parse_output(text, self._templates.read_source(template)[1])
            places = list(self._marker_numbers)
            lines = frozenset(places[number] for _, number in _find_line_markers(text))
            self._traces[shape] = RenderTrace(tuple(found), tuple(dict.fromkeys(self._omitted_paths)), lines)
        return self._traces[shape]

    def list_files(self, template: str) -> frozenset[str]:
        """The files of a template and of those that it includes, as messages name them."""
        if template not in self._template_files:
            names = self._templates.find_referenced(template)
            self._template_files[template] = frozenset(f"templates/{name}" for name in names if name)
        return self._template_files[template]

    # What the values say.

    def render_token(self, ways: TracedPaths) -> str:
        """The text that stands for a value in the output."""
        return f"\ue000{self._token_numbers.setdefault(ways, len(self._token_numbers))}\ue001"

    def record_read(self, ways: TracedPaths) -> None:
        """The template decided something by a value."""
        self._read_paths.extend(ways)

    def _finalize(self, value: Any) -> str:
        reads, self._read_paths = self._read_paths, []  # of an `a or b`: what was asked made the value, too
        return finalize(to_tokens(self._attach_paths(value, reads)))

    # What the template says.

    def mark_line(self, file: str, number: int) -> str:
        """A comment with the number of the template's line."""
        return f" #\ue002{self._marker_numbers.setdefault(Place(file, number, 1), len(self._marker_numbers))}\ue003"

    def trace_condition(self, value: Any, file: str, number: int, first: bool) -> bool:
        """The answer to a condition, with all that was read for it."""
        answer = bool(value)
        before: TracedPaths = ()
        if first:
            self._record_omission()
        elif self._pending_condition:
            before = self._pending_condition[0]
        self._pending_condition = (*before, *self._read_paths), Place(file, number, 1)
        self._read_paths = []
        return answer

    def enter_branch(self, value: Any) -> Any:
        """What the condition guards begins."""
        if self._pending_condition:
            self._open_conditions.append((self._offset, self._pending_condition))
            self._pending_condition = None
        return value

    def leave_branch(self, value: Any) -> Any:
        """What the condition guards ends."""
        self._record_omission()
        start, (ways, line) = self._open_conditions.pop()
        self._guarded_ranges.append(_GuardedRange(start, self._offset, ways, line))
        return value

    def trace_choice(self, value: Any) -> Any:
        """One of the two values of an inline condition: made by what was asked, too."""
        asked, self._pending_condition = (self._pending_condition[0] if self._pending_condition else ()), None
        return self._attach_paths(value, asked)

    def _attach_paths(self, value: Any, reads: Iterable[ValuePath]) -> Any:
        if isinstance(value, list | dict):
            return value
        ways = tuple(dict.fromkeys((*get_paths(value), *reads)))
        return TracedScalar(unwrap(value), ways, self) if ways else value

    def _record_omission(self) -> None:
        """A condition was asked, and nothing was written for it."""
        if self._pending_condition:
            self._omitted_paths.extend(self._pending_condition[0])
            self._pending_condition = None

    # Reading it back.

    def _parse_output(self, text: str, file: str) -> Iterator[RenderedField]:
        content, problems = read_yaml(text.encode(), file)
        if content is None or problems:
            # Marks that stand inside a scalar of several lines have broken it.
            content, _ = read_yaml(_LINE_MARKER.sub("", text).encode(), file)
            lines = []
        else:
            lines = _find_line_markers(text)
        places = list(self._marker_numbers)
        marked = [at for at, _ in lines]
        starts = _compute_line_offsets(text)
        for path, leaf in walk(content or Located({}, Place(file))):
            if not isinstance(leaf.data, dict | tuple) or not leaf.data:
                after = bisect_left(marked, leaf.place.line)
                line = places[lines[after][1]] if after < len(lines) else Place(file)
                offset = starts[leaf.place.line - 1] + leaf.place.column - 1
                guards = [each for each in self._guarded_ranges if not lines or each.start <= offset < each.end]
                yield RenderedField(
                    path, line, self._find_paths(leaf.data), _merge_paths(guards), tuple(each.condition_line for each in guards)
                )

    def _find_paths(self, data: Any) -> TracedPaths:
        known = list(self._token_numbers)
        found = TOKEN_PATTERN.findall(data) if isinstance(data, str) else ()
        return tuple(dict.fromkeys(way for number in found for way in known[int(number)]))


def _merge_paths(guards: list[_GuardedRange]) -> TracedPaths:
    return tuple(dict.fromkeys(way for each in guards for way in each.condition_paths))


def wrap_filter(function: Any) -> Any:
    return lambda value, *arguments, **named: function(to_tokens(value), *arguments, **named)


def _find_line_markers(text: str) -> list[tuple[int, int]]:
    """Each line of the output that carries a mark, with the mark's number; a piece of several lines has it on its last."""
    found = ((number, _LINE_MARKER.search(line)) for number, line in enumerate(text.split("\n"), start=1))
    return [(number, int(mark.group(1))) for number, mark in found if mark]


def _compute_line_offsets(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts
