"""Which value of a template's stands in which leaf of the manifest: found by rendering it once more, with tokens.

Nothing is known here about any template. Each scalar is replaced by a token, each line of the template leaves its number in
a comment, and each condition says what it looked at; then the text is read back.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.explain.watched import TOKEN_PATTERN, TracedPaths, TracedScalar, ValuePath, get_paths, to_tokens, trace_value, unwrap
from vmgen.problems import Place
from vmgen.quoting import finalize
from vmgen.read.located import Located, walk
from vmgen.read.project import Project
from vmgen.read.templates import Templates
from vmgen.read.yaml_reader import read_yaml
from vmgen.render.manifests import MANIFEST_FILTERS

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
        self._templates = Templates(project, self._finalize, filters, watch=self)
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
