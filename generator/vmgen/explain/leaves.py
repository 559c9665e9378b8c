"""Which value of a template's stands in which leaf of the manifest: found by rendering it once more, with tokens.

Nothing is known here about any template. Each scalar is replaced by a token, each line of the template leaves its number in
a comment, and each condition says what it looked at; then the text is read back.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.explain.watched import TOKEN, Watched, Way, Ways, bare, tokens, watched, ways_of
from vmgen.problems import Place
from vmgen.quoting import finalized
from vmgen.read.located import Located, walk
from vmgen.read.project import Project
from vmgen.read.templates import Templates
from vmgen.read.yaml_reader import read_yaml
from vmgen.render.manifests import FILTERS

_MARK = re.compile(" #\ue002([0-9]+)\ue003")


class Leaf(NamedTuple):
    """A scalar of a manifest, or an empty list or mapping.

    `ways` lead to the values that stand in it, none for a text of the template; `conditions` to those that decided that it
    is there. `line` is the line of the template that wrote it, `asked` the lines of the conditions around it.
    """

    path: Way
    line: Place
    ways: Ways
    conditions: Ways
    asked: tuple[Place, ...]


class Leaves(NamedTuple):
    """The leaves of a manifest, and the lines of templates that wrote any of it.

    `left_out` leads to the values that decided that something is not there.
    """

    leaves: tuple[Leaf, ...]
    left_out: Ways
    lines: frozenset[Place]


class _Scope(NamedTuple):
    """A stretch of the output that a condition guards."""

    start: int
    end: int
    ways: Ways
    line: Place


class Follower:
    """Renders objects with tokens. Manifests that come out alike are read back once."""

    def __init__(self, project: Project) -> None:
        filters = {name: _on_tokens(function) for name, function in FILTERS.items()}
        self._templates = Templates(project, self._finalized, filters, watch=self)
        self._numbers: dict[Ways, int] = {}
        self._lines: dict[Place, int] = {}
        self._known: dict[tuple[object, ...], Leaves] = {}
        self._files: dict[str, frozenset[str]] = {}
        self._begin()

    def _begin(self) -> None:
        self._at = 0
        self._reads: list[Way] = []
        self._pending: tuple[Ways, Place] | None = None
        self._open: list[tuple[int, tuple[Ways, Place]]] = []
        self._scopes: list[_Scope] = []
        self._left_out: list[Way] = []

    def leaves(self, template: str, context: Mapping[str, Any]) -> Leaves:
        """The leaves of what a template makes of a context."""
        self._begin()
        pieces = []
        for piece in self._templates.pieces(template, {name: watched(value, (name,), self) for name, value in context.items()}):
            pieces.append(piece)
            self._at += len(piece)
        self._skipped()
        text = "".join(pieces)
        shape = (template, text, tuple(self._scopes), tuple(self._left_out))
        if shape not in self._known:
            found = self._read_back(text, self._templates.source(template)[1])
            places = list(self._lines)
            lines = frozenset(places[number] for _, number in _line_numbers(text))
            self._known[shape] = Leaves(tuple(found), tuple(dict.fromkeys(self._left_out)), lines)
        return self._known[shape]

    def files(self, template: str) -> frozenset[str]:
        """The files of a template and of those that it includes, as messages name them."""
        if template not in self._files:
            names = self._templates.referenced(template)
            self._files[template] = frozenset(f"templates/{name}" for name in names if name)
        return self._files[template]

    # What the values say.

    def token(self, ways: Ways) -> str:
        """The text that stands for a value in the output."""
        return f"\ue000{self._numbers.setdefault(ways, len(self._numbers))}\ue001"

    def read(self, ways: Ways) -> None:
        """The template decided something by a value."""
        self._reads.extend(ways)

    def _finalized(self, value: Any) -> str:
        reads, self._reads = self._reads, []  # of an `a or b`: what was asked made the value, too
        return finalized(tokens(self._made_by(value, reads)))

    # What the template says.

    def line(self, file: str, number: int) -> str:
        """A comment with the number of the template's line."""
        return f" #\ue002{self._lines.setdefault(Place(file, number, 1), len(self._lines))}\ue003"

    def asked(self, value: Any, file: str, number: int, first: bool) -> bool:
        """The answer to a condition, with all that was read for it."""
        answer = bool(value)
        before: Ways = ()
        if first:
            self._skipped()
        elif self._pending:
            before = self._pending[0]
        self._pending = (*before, *self._reads), Place(file, number, 1)
        self._reads = []
        return answer

    def enter(self, value: Any) -> Any:
        """What the condition guards begins."""
        if self._pending:
            self._open.append((self._at, self._pending))
            self._pending = None
        return value

    def leave(self, value: Any) -> Any:
        """What the condition guards ends."""
        self._skipped()
        start, (ways, line) = self._open.pop()
        self._scopes.append(_Scope(start, self._at, ways, line))
        return value

    def chosen(self, value: Any) -> Any:
        """One of the two values of an inline condition: made by what was asked, too."""
        asked, self._pending = (self._pending[0] if self._pending else ()), None
        return self._made_by(value, asked)

    def _made_by(self, value: Any, reads: Iterable[Way]) -> Any:
        if isinstance(value, list | dict):
            return value
        ways = tuple(dict.fromkeys((*ways_of(value), *reads)))
        return Watched(bare(value), ways, self) if ways else value

    def _skipped(self) -> None:
        """A condition was asked, and nothing was written for it."""
        if self._pending:
            self._left_out.extend(self._pending[0])
            self._pending = None

    # Reading it back.

    def _read_back(self, text: str, file: str) -> Iterator[Leaf]:
        content, problems = read_yaml(text.encode(), file)
        if content is None or problems:
            # Marks that stand inside a scalar of several lines have broken it.
            content, _ = read_yaml(_MARK.sub("", text).encode(), file)
            lines = []
        else:
            lines = _line_numbers(text)
        places = list(self._lines)
        marked = [at for at, _ in lines]
        starts = _starts(text)
        for path, leaf in walk(content or Located({}, Place(file))):
            if not isinstance(leaf.data, dict | tuple) or not leaf.data:
                after = bisect_left(marked, leaf.place.line)
                line = places[lines[after][1]] if after < len(lines) else Place(file)
                offset = starts[leaf.place.line - 1] + leaf.place.column - 1
                guards = [each for each in self._scopes if not lines or each.start <= offset < each.end]
                yield Leaf(path, line, self._ways_in(leaf.data), _all(guards), tuple(each.line for each in guards))

    def _ways_in(self, data: Any) -> Ways:
        known = list(self._numbers)
        found = TOKEN.findall(data) if isinstance(data, str) else ()
        return tuple(dict.fromkeys(way for number in found for way in known[int(number)]))


def _all(guards: list[_Scope]) -> Ways:
    return tuple(dict.fromkeys(way for each in guards for way in each.ways))


def _on_tokens(function: Any) -> Any:
    return lambda value, *arguments, **named: function(tokens(value), *arguments, **named)


def _line_numbers(text: str) -> list[tuple[int, int]]:
    """Each line of the output that carries a mark, with the mark's number; a piece of several lines has it on its last."""
    found = ((number, _MARK.search(line)) for number, line in enumerate(text.split("\n"), start=1))
    return [(number, int(mark.group(1))) for number, mark in found if mark]


def _starts(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts
