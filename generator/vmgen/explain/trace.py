"""Trace each field of a manifest to the paths of the template's context that it was made from.

The object is rendered once more: each value writes a token, each line of the template its number in a comment, and each
condition tells what it read. Parsing that output gives the fields. Nothing here depends on a particular template.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

from vmgen.explain.traced_values import (
    TOKEN_PATTERN,
    TracedPaths,
    TracedScalar,
    accept_tokens,
    format_token,
    get_paths,
    to_tokens,
    trace_context,
    unwrap,
)
from vmgen.problems import Place
from vmgen.read.located import KeyPath, Located, walk
from vmgen.read.repository import Project
from vmgen.read.templates import Templates
from vmgen.read.yaml_reader import read_yaml
from vmgen.render.manifests import MANIFEST_FILTERS, NAME_VARIABLES
from vmgen.yaml_text import finalize

_LINE_MARKER = re.compile(" #\ue002([0-9]+)\ue003")


class RenderedField(NamedTuple):
    """A scalar of a manifest, or an empty list or mapping.

    `template_line` wrote it. `value_paths` lead to the values in it, empty for a text of the template. `condition_paths`
    lead to the values that decided that it is there, `condition_lines` are the lines of these conditions.
    """

    path: KeyPath
    template_line: Place
    value_paths: TracedPaths
    condition_paths: TracedPaths
    condition_lines: tuple[Place, ...]


class RenderTrace(NamedTuple):
    """The fields of a manifest and the template lines that wrote any of it.

    `omitted_paths` lead to the values that decided that something is left out.
    """

    fields: tuple[RenderedField, ...]
    omitted_paths: TracedPaths
    template_lines: frozenset[Place]


class _Condition(NamedTuple):
    paths: TracedPaths
    line: Place


# A range of the output, in characters from 0 (the end is not part of it), that a condition guards.
_GuardedRange = tuple[int, int, _Condition]


class RenderTracer:
    """Renders objects with tokens. Is a `TraceSink` of values and a `TemplateTracer` of templates."""

    def __init__(self, project: Project) -> None:
        filters = {name: accept_tokens(function) for name, function in MANIFEST_FILTERS.items()}
        self._templates = Templates(project, self._finalize, filters, tracer=self)
        self._token_numbers: dict[TracedPaths, int] = {}
        self._marker_numbers: dict[Place, int] = {}
        self._traces: dict[tuple[object, ...], RenderTrace] = {}
        self._template_files: dict[str, frozenset[str]] = {}
        self._reset()

    def _reset(self) -> None:
        self._offset = 0
        self._read_paths: list[KeyPath] = []
        self._pending_condition: _Condition | None = None
        self._open_conditions: list[tuple[int, _Condition]] = []
        self._guarded_ranges: list[_GuardedRange] = []
        self._omitted_paths: list[KeyPath] = []

    def trace(self, template: str, context: Mapping[str, Any]) -> RenderTrace:
        """Trace what a template makes of a context that it has rendered before. Equal outputs are parsed once."""
        self._reset()
        pieces = []
        for piece in self._templates.generate(template, trace_context(context, self)):
            pieces.append(piece)
            self._offset += len(piece)
        self._record_omission()
        text = "".join(pieces)
        # VMs of a group differ in names alone, whose tokens are equal, so most outputs are parsed once.
        key = (template, text, tuple(self._guarded_ranges), tuple(self._omitted_paths))
        if key not in self._traces:
            fields = tuple(self._parse_fields(text, self._templates.read_source(template)[1]))
            lines = frozenset(line for _, line in self._find_marked_lines(text))
            self._traces[key] = RenderTrace(fields, tuple(dict.fromkeys(self._omitted_paths)), lines)
        return self._traces[key]

    def only_writes_names(self, template: str) -> bool:
        """Return whether a template of manifests only writes names and user data, so that one trace serves many objects."""
        return self._templates.is_name_independent(template, NAME_VARIABLES)

    def list_files(self, template: str) -> frozenset[str]:
        """List the files of a template and of those that it includes, as messages name them."""
        if template not in self._template_files:
            names = self._templates.find_referenced(template)
            self._template_files[template] = frozenset(f"templates/{name}" for name in names if name)
        return self._template_files[template]

    # TraceSink: called by the values.

    def render_token(self, paths: TracedPaths) -> str:
        """Return the token of these paths."""
        return format_token(self._token_numbers.setdefault(paths, len(self._token_numbers)))

    def record_read(self, paths: TracedPaths) -> None:
        """Add the paths to those of the next condition or output."""
        self._read_paths.extend(paths)

    def _finalize(self, value: Any) -> str:
        # `a or b` reads `a` even where it writes `b`, so `a` is an origin as well.
        read_paths, self._read_paths = self._read_paths, []
        return finalize(to_tokens(self._add_paths(value, read_paths)))

    # TemplateTracer: called by the instrumented template.

    def mark_line(self, file: str, number: int) -> str:
        """Return the comment that marks a line of a template."""
        # A YAML comment, so that the output parses as it does without it. Private-use characters mark the number.
        return f" #\ue002{self._marker_numbers.setdefault(Place(file, number, 1), len(self._marker_numbers))}\ue003"

    def trace_condition(self, value: Any, file: str, number: int, first: bool) -> bool:
        """Return the answer to a condition, and remember what was read for it; `first` is an `if`, else it is an `elif`."""
        answer = bool(value)
        if first:
            self._record_omission()
        # An `elif` is asked only if the conditions before it failed, so what those read decides about its branch too.
        earlier_paths = self._pending_condition.paths if self._pending_condition else ()
        self._pending_condition = _Condition((*earlier_paths, *self._read_paths), Place(file, number, 1))
        self._read_paths = []
        return answer

    def enter_branch(self, value: Any) -> Any:
        """Begin the output that the last condition guards."""
        if self._pending_condition:
            self._open_conditions.append((self._offset, self._pending_condition))
            self._pending_condition = None
        return value

    def leave_branch(self, value: Any) -> Any:
        """End the output that the innermost open condition guards."""
        self._record_omission()
        start, condition = self._open_conditions.pop()
        self._guarded_ranges.append((start, self._offset, condition))
        return value

    def trace_choice(self, value: Any) -> Any:
        """Trace a value of `a if c else b` to what the condition read, too."""
        read_paths = self._pending_condition.paths if self._pending_condition else ()
        self._pending_condition = None
        return self._add_paths(value, read_paths)

    def _add_paths(self, value: Any, read_paths: Iterable[KeyPath]) -> Any:
        if isinstance(value, list | dict):
            return value
        paths = tuple(dict.fromkeys((*get_paths(value), *read_paths)))
        return TracedScalar(unwrap(value), paths, self) if paths else value

    def _record_omission(self) -> None:
        """Close a condition for which no branch was entered."""
        if self._pending_condition:
            self._omitted_paths.extend(self._pending_condition.paths)
            self._pending_condition = None

    # Parsing the output.

    def _parse_fields(self, text: str, file: str) -> Iterator[RenderedField]:
        content, problems = read_yaml(text.encode(), file)
        marked_lines = self._find_marked_lines(text)
        if content is None or problems:
            # A marker inside a scalar of several lines breaks it. Without markers no field has a line or a range of its own.
            content, _ = read_yaml(_LINE_MARKER.sub("", text).encode(), file)
            marked_lines = []
        line_numbers = [number for number, _ in marked_lines]
        paths_by_number = list(self._token_numbers)
        line_offsets = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
        for path, value in walk(content or Located({}, Place(file))):
            # A field is a scalar or an empty collection: what holds others has no value of its own.
            if isinstance(value.data, dict | tuple) and value.data:
                continue
            # A line of a template may write several lines, the last of which ends in its marker.
            numbers = TOKEN_PATTERN.findall(value.data) if isinstance(value.data, str) else ()
            index = bisect_left(line_numbers, value.place.line)
            offset = line_offsets[value.place.line - 1] + value.place.column - 1
            conditions = [
                condition for start, end, condition in self._guarded_ranges if not marked_lines or start <= offset < end
            ]
            yield RenderedField(
                path,
                marked_lines[index][1] if index < len(marked_lines) else Place(file),
                tuple(dict.fromkeys(path for number in numbers for path in paths_by_number[int(number)])),
                tuple(dict.fromkeys(read for condition in conditions for read in condition.paths)),
                tuple(condition.line for condition in conditions),
            )

    def _find_marked_lines(self, text: str) -> list[tuple[int, Place]]:
        """Find the output lines that end in a marker, from 1, with the template line; several lines share the last one's."""
        template_lines = list(self._marker_numbers)
        markers = ((number, _LINE_MARKER.search(line)) for number, line in enumerate(text.split("\n"), start=1))
        return [(number, template_lines[int(marker.group(1))]) for number, marker in markers if marker]
