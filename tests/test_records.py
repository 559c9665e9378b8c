"""A record is what `typing.NamedTuple` makes of the same class, and a late pattern what `re` makes of the same text."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vmgen.patterns import Pattern
from vmgen.records import Record

import vmgen

BODY = '''
from __future__ import annotations
from functools import cached_property

class Place(Base):
    """A place in a file."""

    file: str
    line: int = 0
    tags: tuple[str, ...] = ()

    MOST = 3

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def below(self, lines: int = 1) -> Place:
        """The place some lines below."""
        return self._replace(line=self.line + lines)

    @property
    def first(self) -> bool:
        return self.line == 0

    @classmethod
    def of(cls, text: str) -> Place:
        return cls(*text.split(":", 1))

    @staticmethod
    def none() -> None:
        return None

    def __bool__(self) -> bool:
        return self.line >= 0

class Bare(Base):
    one: int
    two: int

class Empty(Base):
    pass

class Deep(Place):
    """One that remembers."""

    @cached_property
    def long(self) -> str:
        return self.file * 2

    @property
    def line_after(self) -> int:
        return self.line + 1

class Fields(Base):
    name: str

class OverFields(Fields):
    def __str__(self) -> str:
        return self.name
'''


def _classes(name: str, base: Any) -> ModuleType:
    """The classes of the text above, made by a base, in a module of their own."""
    module = ModuleType(name)
    sys.modules[name] = module
    module.__dict__["Base"] = base
    exec(BODY, module.__dict__)
    return module


OURS, THEIRS = _classes("made_by_record", Record), _classes("made_by_named_tuple", NamedTuple)


def _error(call: Callable[[], object]) -> str:
    with pytest.raises(Exception) as raised:
        call()
    return type(raised.value).__name__


SHOWS: Mapping[str, Callable[[Any], object]] = {
    "fields": lambda made: made.Place._fields,
    "defaults": lambda made: made.Place._field_defaults,
    "annotated": lambda made: [*made.Place.__annotations__],
    "docstring": lambda made: made.Place.__doc__,
    "docstring of none": lambda made: made.Bare.__doc__,
    "name": lambda made: (made.Place.__name__, made.Place.__qualname__),
    "module": lambda made: made.Place.__module__ == made.__name__,
    "bases": lambda made: made.Place.__mro__[1:],
    "slots": lambda made: made.Place.__slots__,
    "made by order": lambda made: tuple(made.Place("a", 2, ("x",))),
    "made by name": lambda made: tuple(made.Place(line=2, file="a")),
    "made with defaults": lambda made: tuple(made.Place("a")),
    "made of a list": lambda made: made.Place._make(["a", 1, ()]),
    "a field": lambda made: made.Place("a", 2).line,
    "a field by number": lambda made: made.Place("a", 2)[1],
    "unpacked": lambda made: [*made.Place("a", 2)],
    "matched": lambda made: made.Place.__match_args__,
    "repr": lambda made: repr(made.Place("a", 2)),
    "repr of no fields": lambda made: repr(made.Empty()),
    "repr below": lambda made: repr(made.Deep("a", 2)),
    "text": lambda made: str(made.Place("a", 2)),
    "text below": lambda made: str(made.OverFields("a")),
    "equal": lambda made: made.Place("a") == made.Place("a"),
    "equal to a tuple": lambda made: made.Place("a") == ("a", 0, ()),
    "not equal": lambda made: made.Place("a") != made.Place("b"),
    "hash": lambda made: hash(made.Place("a")) == hash(("a", 0, ())),
    "order": lambda made: sorted([made.Place("b"), made.Place("a", 2), made.Place("a")]),
    "truth": lambda made: (bool(made.Place("a", -1)), bool(made.Place("a")), bool(made.Empty())),
    "replaced": lambda made: repr(made.Place("a", 2)._replace(file="b")),
    "replaced below": lambda made: repr(made.Deep("a", 2)._replace(file="b")),
    "as a mapping": lambda made: made.Place("a")._asdict(),
    "method": lambda made: repr(made.Place("a").below(3)),
    "docstring of a method": lambda made: made.Place.below.__doc__,
    "property": lambda made: made.Place("a").first,
    "class method": lambda made: repr(made.Place.of("a:2")),
    "class method below": lambda made: repr(made.Deep.of("a:2")),
    "static method": lambda made: made.Place.none(),
    "constant": lambda made: (made.Place.MOST, made.Place("a").MOST),
    "docstring below": lambda made: made.Deep.__doc__,
    "property below": lambda made: made.Deep("a", 2).line_after,
    "cached property below": lambda made: (deep := made.Deep("a"), deep.long, vars(deep))[1:],
    "fields below": lambda made: made.Deep._fields,
    "kind below": lambda made: isinstance(made.Deep("a"), made.Place),
    "pickled": lambda made: repr(pickle.loads(pickle.dumps(made.Place("a", 2)))),
    "pickled below": lambda made: type(pickle.loads(pickle.dumps(made.Deep("a")))) is made.Deep,
    "copied": lambda made: copy.copy(made.Place("a")) == copy.deepcopy(made.Place("a")),
    "one value too few": lambda made: _error(lambda: made.Place()),
    "one value too many": lambda made: _error(lambda: made.Bare(1, 2, 3)),
    "an unknown field": lambda made: _error(lambda: made.Place("a", column=1)),
    "a field replaced that is none": lambda made: _error(lambda: made.Place("a")._replace(column=1)),
    "a field set": lambda made: _error(lambda: setattr(made.Place("a"), "line", 1)),
    "an attribute set": lambda made: _error(lambda: setattr(made.Place("a"), "other", 1)),
    "two unlike ones in order": lambda made: _error(lambda: sorted([made.Place("a"), made.Place(1)])),
}


@pytest.mark.parametrize("show", SHOWS.values(), ids=SHOWS)
def test_a_record_is_a_named_tuple(show: Callable[[Any], object]) -> None:
    """Whatever can be seen of a class, or of a value of it, is the same, whichever of the two made it."""
    assert show(OURS) == show(THEIRS)


@settings(max_examples=30, database=None)
@given(st.tuples(st.text(), st.integers(), st.tuples(st.text())), st.tuples(st.text(), st.integers(), st.tuples(st.text())))
def test_records_compare_as_their_fields_do(one: tuple[Any, ...], two: tuple[Any, ...]) -> None:
    """Equality, order and hash are those of the fields."""
    first, second = OURS.Place(*one), OURS.Place(*two)
    assert (first == second, first < second, hash(first)) == (one == two, one < two, hash(one))


def _modules() -> list[ModuleType]:
    found = pkgutil.walk_packages(vmgen.__path__, "vmgen.")
    return [importlib.import_module(info.name) for info in found if not info.name.startswith("vmgen.starter")]


MODULES = _modules()


def _records() -> Iterator[type]:
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, tuple) and value.__module__ == module.__name__:
                yield value


@pytest.mark.parametrize("made", [*_records()], ids=lambda made: f"{made.__module__}.{made.__qualname__}")
def test_every_record_of_the_package_is_where_it_says(made: Any) -> None:
    """Each can be found by its name, as pickle does for the processes of `--jobs`, and has a field for each annotation."""
    assert getattr(sys.modules[made.__module__], made.__qualname__) is made
    assert {*made.__annotations__} <= {*made._fields}


# ---- patterns

TEXTS = ("", "a", "web-1", "vmgen-hole-12-end", "password: x", "ssh-ed25519 AAAA x", "1 2\n3", "é\n", "https://u:p@h/x", "20Gi")
SAYS: Mapping[str, Callable[[Any, str], object]] = {
    "fullmatch": lambda pattern, text: _found(pattern.fullmatch(text)),
    "match": lambda pattern, text: _found(pattern.match(text)),
    "search": lambda pattern, text: _found(pattern.search(text)),
    "search from the second": lambda pattern, text: _found(pattern.search(text, 1)),
    "findall": lambda pattern, text: pattern.findall(text),
    "finditer": lambda pattern, text: [_found(match) for match in pattern.finditer(text)],
    "split": lambda pattern, text: pattern.split(text),
    "split once": lambda pattern, text: pattern.split(text, 1),
    "sub": lambda pattern, text: pattern.sub("<>", text),
    "sub by a function": lambda pattern, text: pattern.sub(lambda match: match.group()[::-1], text),
}


def _found(match: re.Match[str] | None) -> object:
    return match and (match.span(), match.groups(), match.groupdict())


PATTERNS = {
    f"{module.__name__}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Pattern)
}


def test_there_are_patterns() -> None:
    """The package is full of them, so that what is said below is said of something."""
    assert len(PATTERNS) > 20


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_every_pattern_of_the_package_gives_what_re_gives(pattern: Pattern) -> None:
    """Each is a regular expression, though nobody compiles it when it is written, and finds what `re` finds."""
    compiled = re.compile(pattern._text, pattern._flags)
    for text in TEXTS:
        assert {name: says(pattern, text) for name, says in SAYS.items()} == {
            name: says(compiled, text) for name, says in SAYS.items()
        }


@pytest.mark.parametrize("says", SAYS.values(), ids=SAYS)
def test_the_first_use_is_like_any_other(says: Callable[[Any, str], object]) -> None:
    """Whichever method is the first to be used, it gives what it gives later."""
    pattern, text = Pattern(r"(?P<letters>[a-z]+)-?(\d*)", re.IGNORECASE), "Web-1, db"
    first = says(pattern, text)
    assert first == says(pattern, text) == says(re.compile(r"(?P<letters>[a-z]+)-?(\d*)", re.IGNORECASE), text)


def test_a_pattern_is_compiled_at_its_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """To write one costs nothing, and to use it twice compiles it once."""
    compiled: list[str] = []
    compile_ = re.compile

    def noted(text: str, flags: int = 0) -> re.Pattern[str]:
        compiled.append(text)
        return compile_(text, flags)

    monkeypatch.setattr(re, "compile", noted)
    pattern = Pattern("a")
    before = [*compiled]
    pattern.match("a")
    pattern.search("a")
    assert (before, compiled) == ([], ["a"])


def test_what_is_no_pattern_says_so_at_its_first_use() -> None:
    """A text that is no regular expression raises what `re` raises, but late."""
    wrong = Pattern("(")
    with pytest.raises(re.error):
        wrong.match("a")


@pytest.mark.parametrize("name", ["nothing", "_other", "__wrapped__"])
def test_a_pattern_has_no_other_attributes(name: str) -> None:
    """What is no method of a pattern that is in use here is an error, and compiles nothing."""
    with pytest.raises(AttributeError, match=name):
        getattr(Pattern("("), name)
