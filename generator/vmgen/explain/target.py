"""What stands on a line of a file: the places that an impact starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from vmgen.problems import Place, VmgenError
from vmgen.read.located import Located, format_path, walk
from vmgen.read.project import Project
from vmgen.suggestions import did_you_mean

_ValuePath = tuple[str | int, ...]


class Target(NamedTuple):
    """A file, or one line of it, as messages name it. `text` is what the line says, empty for the whole file."""

    file: str
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class LineContents(NamedTuple):
    """What stands on a target's line, in files of located values: the paths, the texts below them, and all places."""

    value_paths: tuple[_ValuePath, ...]
    texts: tuple[tuple[_ValuePath, str], ...]
    places: frozenset[Place]

    @property
    def keys(self) -> tuple[str, ...]:
        """The paths as people write them."""
        return tuple(dict.fromkeys(format_path(way) for way in self.value_paths if way))


def parse_target(written: str, project: Project) -> Target:
    """The target of `FILE` or `FILE:LINE`, with a suggestion where there is no such file. A column is ignored."""
    file, line = _split_line_number(written)
    path = _find_file(file, project)
    if path is None:
        known = [project.display_path(each) for each in project.environments.rglob("*") if each.is_file()]
        known += [
            f"templates/{each.relative_to(folder).as_posix()}"
            for folder in project.template_folders
            for each in _list_files(folder)
        ]
        raise VmgenError(f"no file {file}{did_you_mean(file, known)}")
    if not line:
        return Target(project.display_path(path))
    lines = path.read_bytes().decode(errors="replace").splitlines()
    if line > len(lines):
        raise VmgenError(f"{project.display_path(path)} has {len(lines)} lines, and no line {line}")
    return Target(project.display_path(path), line, lines[line - 1])


def _split_line_number(written: str) -> tuple[str, int]:
    file, *numbers = written.split(":")
    if all(number.isdecimal() for number in numbers) and len(numbers) < 3:
        return file, int(numbers[0]) if numbers else 0
    return written, 0


def _find_file(file: str, project: Project) -> Path | None:
    # A built-in template has the name under which messages show it.
    built_in = project.find_template(file.removeprefix("templates/")) if file.startswith("templates/") else None
    path = project.root / file
    return Path(path) if path.is_file() else built_in


def _list_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def find_line_contents(target: Target, contents: Iterable[Located]) -> LineContents:
    """What stands on the line: of a key, with everything below it; of a text of several lines, the whole text."""
    found = [
        (path, value)
        for content in contents
        for path, value in _walk_all_layers(content)
        if target.file in (value.place.file, value.key_place and value.key_place.file)
    ]
    on_line = [(path, value) for path, value in found if _is_on_line(value, target)]
    if not on_line:
        on_line = _find_enclosing_text(target, found)
    places = {place for _, value in on_line for place in _list_target_places(value, target)}
    texts = (((*way, *below), each.data) for way, value in on_line for below, each in walk(value) if isinstance(each.data, str))
    return LineContents(tuple(way for way, _ in on_line), tuple(dict.fromkeys(texts)), frozenset(places))


def _walk_all_layers(content: Located) -> Iterator[tuple[_ValuePath, Located]]:
    """Every value, with those of lower layers that a merged file keeps under it."""
    for path, value in walk(content):
        lower: Located | None = value
        while lower:
            yield path, lower
            lower = lower.overrides


def _is_on_line(value: Located, target: Target) -> bool:
    """Whether a value's key stands on the line, or a scalar's value. A mapping by itself begins where its first key does."""
    if value.key_place and value.key_place[:2] == (target.file, target.line):
        return True
    return not isinstance(value.data, dict | tuple) and value.place[:2] == (target.file, target.line)


def _find_enclosing_text(target: Target, found: list[tuple[_ValuePath, Located]]) -> list[tuple[_ValuePath, Located]]:
    """The text that goes on at a line on which nothing begins."""
    before = [each for each in found if isinstance(each[1].data, str) and 0 < each[1].place.line < target.line]
    if not before:
        return []
    path, value = max(before, key=lambda each: each[1].place)
    inside = target.line <= value.place.line + str(value.data).count("\n")
    goes_on = target.text.strip() and not target.text.lstrip().startswith("#")
    deeper = value.key_place is None or len(target.text) - len(target.text.lstrip()) >= value.key_place.column
    return [(path, value)] if inside or (goes_on and deeper) else []


def _list_target_places(value: Located, target: Target) -> Iterator[Place]:
    if value.key_place and value.key_place[:2] != (target.file, target.line):
        yield value.place
        return
    for _, below in walk(value):
        yield from (place for place in (below.place, below.key_place) if place and place.file == target.file)
