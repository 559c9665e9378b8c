"""What stands on a line of a file: the places that an impact starts from.

What can be seen from a target: a value that came from it, a line of a template, an entry of the catalog.

What a line, or a whole file, reaches: environments, groups, objects and fields. The reverse of `explain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from vmgen.expand.model import Fleet, Resource
from vmgen.explain.origins import find_catalog_entries, find_rule_inputs
from vmgen.explain.sources import EnvironmentSources, ObjectSources
from vmgen.explain.trace import RenderedField, RenderTrace, RenderTracer
from vmgen.merge.environment import Environment
from vmgen.merge.layers import WRITTEN_LAYERS
from vmgen.merge.platform import Platform
from vmgen.problems import Place, VmgenError, did_you_mean
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.located import Located, format_path, walk
from vmgen.read.repository import Project
from vmgen.render.manifests import get_manifest_path

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


# Keys of a kind in platform.yaml that decide what its manifests are.
_TEMPLATE_KEYS = ("template", "folder")


@dataclass(frozen=True)
class TargetMatcher:
    """A target with what stands on it. All that came from `layers` is seen, too: the target names these files."""

    target: Target
    line_contents: LineContents
    layers: frozenset[str]
    platform: Platform

    def matches_value(self, value: Located) -> bool:
        """Whether a value came from the target: it stands there, or a rule made it of what does."""
        return any(self._matches_place(place) for place in _list_value_places(value))

    def _matches_place(self, place: Place) -> bool:
        if place.file in self.layers:
            return True
        whole = not self.target.line or not place.line  # some values are made of a file as a whole
        return place.file == self.target.file if whole else place in self.line_contents.places

    def matches_line(self, place: Place) -> bool:
        """Whether a line of a template is the target, or is in it."""
        return place.file == self.target.file and self.target.line in (0, place.line)

    def selects_template(self, kind: str) -> bool:
        """Whether the target chooses the templates of a kind: it names the platform, or the template."""
        if not self.target.line:
            place: Place = self.platform.content.data["kinds"].data[kind].place
            return place.file == self.target.file
        for way in self.line_contents.value_paths:
            if way == ("platform",) or way == ("kinds",):
                return True
            if way[:2] == ("kinds", kind) and (len(way) == 2 or way[2] in _TEMPLATE_KEYS):
                return True
        return False

    def matches_catalog_entry(self, entry: Place) -> bool:
        """Whether the target is an entry of the catalog, or a part of one. The place is that of the entry's key."""
        return entry in self._catalog_entry_places if self.target.line else entry.file == self.target.file

    @cached_property
    def _catalog_entry_places(self) -> frozenset[Place]:
        found = set()
        for section, *below in (way for way in self.line_contents.value_paths if way):
            entries = self.platform.catalog.content.get(str(section))
            for name, entry in (entries.mapping if entries else {}).items():
                if not below or below[0] == name:
                    found.add(entry.key_place or entry.place)
        return frozenset(found)


def _list_value_places(value: Located) -> Iterator[Place]:
    yield value.place
    if value.key_place and value.key_place.file != value.place.file:
        yield value.key_place
    if value.layer not in WRITTEN_LAYERS:
        yield from (taken.place for taken in find_rule_inputs(value))


# Stands among the fields for the object as a whole: that it is there, or a field of it that is left out now.
WHOLE_OBJECT = "*"


class AffectedObject(NamedTuple):
    """An object that the target reaches: an edit there can change its `fields`.

    `checked` are fields that name an entry of the catalog which the target describes: they stay as they are, and are
    checked against it.
    """

    environment: str
    group: str
    kind: str
    name: str
    file: str
    fields: tuple[str, ...]
    checked_fields: tuple[str, ...]


class Impact(NamedTuple):
    """All that a target reaches. `keys` are the dotted paths of what stands on the line; `readers` are the environments
    that are made from the file, reached or not."""

    target: Target
    keys: tuple[str, ...]
    dependent_environments: tuple[str, ...]
    objects: tuple[AffectedObject, ...]


class ImpactFinder:
    """Finds what one target reaches, environment by environment, and keeps the keys that stand on it."""

    def __init__(self, target: Target, project: Project, files: LayerLoader) -> None:
        self.keys: dict[str, None] = {}
        self._target = target
        self._project = project
        self._files = files
        self._tracer = RenderTracer(project)

    def find_objects(self, environment: Environment, fleet: Fleet, layers: Iterable[LayerFile]) -> Iterator[AffectedObject]:
        """The objects of an environment that the target reaches."""
        platform = environment.platform
        sources, entries = EnvironmentSources(environment, self._project), find_catalog_entries(environment)
        merged = (platform.content, platform.catalog.content, *sources.user_data.merge_fragments())
        on_line = find_line_contents(self._target, (*(layer.content for layer in layers), *merged))
        self.keys.update(dict.fromkeys(on_line.keys))
        sight = TargetMatcher(self._target, on_line, frozenset(self._find_extended_layers(on_line)), platform)
        for resource in fleet.resources:
            template = fleet.get_kind(resource).template
            leaves = self._tracer.trace(template, resource.build_context())
            given = sources.find_object_sources(resource)
            fields = tuple(dict.fromkeys(self._find_fields(sight, resource, template, leaves, given)))
            checked = tuple(_find_checked_fields(sight, leaves, given, entries))
            if fields or checked:
                file = get_manifest_path(fleet, resource)
                yield AffectedObject(fleet.environment, resource.group, resource.kind, resource.name, file, fields, checked)

    def _find_fields(
        self, sight: TargetMatcher, resource: Resource, template: str, leaves: RenderTrace, given: ObjectSources
    ) -> Iterator[str]:
        left_out = (value for way in leaves.omitted_paths for value in given.find_values(way))
        if (
            sight.selects_template(resource.kind)
            or any(map(sight.matches_value, given.existence_sources))
            or any(map(sight.matches_value, left_out))
        ):
            yield WHOLE_OBJECT
        written = False
        for leaf in leaves.fields:
            by_template = any(map(sight.matches_line, (leaf.template_line, *leaf.condition_lines)))
            written = written or by_template
            if by_template or any(map(sight.matches_value, _find_source_values(leaf, given))):
                yield format_path(leaf.path)
        if not written and self._is_template_logic(template, leaves):
            yield WHOLE_OBJECT

    def _is_template_logic(self, template: str, leaves: RenderTrace) -> bool:
        """Whether the target belongs to a template, and shapes what it writes though no value stands there."""
        if self._target.file not in self._tracer.list_files(template):
            return False
        written = any(place[:2] == (self._target.file, self._target.line) for place in leaves.template_lines)
        return written or not self._target.line or self._target.text.lstrip().startswith("{%")

    def _find_extended_layers(self, on_line: LineContents) -> Iterator[str]:
        """The files that stand on the line under `extends`, and those that they extend: all in them is reached."""
        named = [str(text) for way, text in on_line.texts if way[:1] == ("extends",)]
        if self._target.file.startswith("templates/"):
            yield from (f"templates/{name}" for name in named)
            return
        waiting = [(self._project.root / self._target.file).parent / name for name in named]
        seen = set()
        while waiting:
            path = waiting.pop().resolve()
            path = self._project.root / path.relative_to(self._project.root.resolve())
            if path not in seen:
                seen.add(path)
                yield self._project.display_path(path)
                extends = self._files.load(path).content.get("extends")
                waiting.extend(path.parent / base.data for base in (extends.items if extends else ()))


def _find_source_values(leaf: RenderedField, given: ObjectSources) -> Iterator[Located]:
    for way in (*leaf.value_paths, *leaf.condition_paths):
        yield from given.find_values(way)


def _find_checked_fields(
    sight: TargetMatcher, leaves: RenderTrace, given: ObjectSources, entries: Mapping[tuple[Place, str], Located]
) -> Iterator[str]:
    """The fields that name an entry of the catalog which the target describes."""
    for leaf in leaves.fields:
        named = (entries.get((value.place, str(value.data))) for value in _find_source_values(leaf, given))
        if any(entry and sight.matches_catalog_entry(entry.place) for entry in named):
            yield format_path(leaf.path)
