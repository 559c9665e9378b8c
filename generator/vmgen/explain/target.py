"""What stands on a line of a file: the places that an impact starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from vmgen.problems import Place, VmgenError
from vmgen.read.located import Located, dotted, walk
from vmgen.read.project import Project
from vmgen.suggestions import did_you_mean

_Way = tuple[str | int, ...]


class Target(NamedTuple):
    """A file, or one line of it, as messages name it. `text` is what the line says, empty for the whole file."""

    file: str
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Standing(NamedTuple):
    """What stands on a target's line, in files of located values: the paths, the texts below them, and all places."""

    ways: tuple[_Way, ...]
    texts: tuple[tuple[_Way, str], ...]
    places: frozenset[Place]

    @property
    def keys(self) -> tuple[str, ...]:
        """The paths as people write them."""
        return tuple(dict.fromkeys(dotted(way) for way in self.ways if way))


def target(written: str, project: Project) -> Target:
    """The target of `FILE` or `FILE:LINE`, with a suggestion where there is no such file. A column is ignored."""
    file, line = _parts(written)
    path = _found(file, project)
    if path is None:
        known = [project.shown(each) for each in project.environments.rglob("*") if each.is_file()]
        known += [
            f"templates/{each.relative_to(folder).as_posix()}" for folder in project.template_folders for each in _in(folder)
        ]
        raise VmgenError(f"no file {file}{did_you_mean(file, known)}")
    if not line:
        return Target(project.shown(path))
    lines = path.read_bytes().decode(errors="replace").splitlines()
    if line > len(lines):
        raise VmgenError(f"{project.shown(path)} has {len(lines)} lines, and no line {line}")
    return Target(project.shown(path), line, lines[line - 1])


def _parts(written: str) -> tuple[str, int]:
    file, *numbers = written.split(":")
    if all(number.isdecimal() for number in numbers) and len(numbers) < 3:
        return file, int(numbers[0]) if numbers else 0
    return written, 0


def _found(file: str, project: Project) -> Path | None:
    # A built-in template has the name under which messages show it.
    built_in = project.template(file.removeprefix("templates/")) if file.startswith("templates/") else None
    path = project.root / file
    return Path(path) if path.is_file() else built_in


def _in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def standing(target: Target, contents: Iterable[Located]) -> Standing:
    """What stands on the line: of a key, with everything below it; of a text of several lines, the whole text."""
    found = [
        (path, value)
        for content in contents
        for path, value in _all(content)
        if target.file in (value.place.file, value.key and value.key.file)
    ]
    on_line = [(path, value) for path, value in found if _begins(value, target)]
    if not on_line:
        on_line = _around(target, found)
    places = {place for _, value in on_line for place in _places(value, target)}
    texts = (((*way, *below), each.data) for way, value in on_line for below, each in walk(value) if isinstance(each.data, str))
    return Standing(tuple(way for way, _ in on_line), tuple(dict.fromkeys(texts)), frozenset(places))


def _all(content: Located) -> Iterator[tuple[_Way, Located]]:
    """Every value, with those of lower layers that a merged file keeps under it."""
    for path, value in walk(content):
        lower: Located | None = value
        while lower:
            yield path, lower
            lower = lower.under


def _begins(value: Located, target: Target) -> bool:
    """Whether a value's key stands on the line, or a scalar's value. A mapping by itself begins where its first key does."""
    if value.key and value.key[:2] == (target.file, target.line):
        return True
    return not isinstance(value.data, dict | tuple) and value.place[:2] == (target.file, target.line)


def _around(target: Target, found: list[tuple[_Way, Located]]) -> list[tuple[_Way, Located]]:
    """The text that goes on at a line on which nothing begins."""
    before = [each for each in found if isinstance(each[1].data, str) and 0 < each[1].place.line < target.line]
    if not before:
        return []
    path, value = max(before, key=lambda each: each[1].place)
    inside = target.line <= value.place.line + str(value.data).count("\n")
    goes_on = target.text.strip() and not target.text.lstrip().startswith("#")
    deeper = value.key is None or len(target.text) - len(target.text.lstrip()) >= value.key.column
    return [(path, value)] if inside or (goes_on and deeper) else []


def _places(value: Located, target: Target) -> Iterator[Place]:
    if value.key and value.key[:2] != (target.file, target.line):
        yield value.place
        return
    for _, below in walk(value):
        yield from (place for place in (below.place, below.key) if place and place.file == target.file)
