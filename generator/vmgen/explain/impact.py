"""Find the objects and fields that an edit of a file, or of one line, can change: the reverse of `explain`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vmgen.expand.model import Fleet, Resource
from vmgen.explain.nulls import WHOLE_OBJECT, Null, NullEffects, Removal
from vmgen.explain.origins import find_catalog_entries, find_rule_inputs, find_values
from vmgen.explain.sources import EnvironmentSources, ObjectSources
from vmgen.explain.trace import RenderedField, RenderTrace, RenderTracer
from vmgen.merge.environment import Environment
from vmgen.merge.layers import WRITTEN_LAYERS
from vmgen.merge.platform import Platform
from vmgen.problems import Place, VmgenError, did_you_mean
from vmgen.quantities import format_count, parse_number
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.located import KeyPath, Located, format_path, walk
from vmgen.read.repository import Project
from vmgen.render.manifests import get_manifest_path

# Keys of a kind in platform.yaml that select its templates.
_TEMPLATE_KEYS = ("template", "folder")

_LocatedPath = tuple[KeyPath, Located]


class Target(NamedTuple):
    """A file, as messages name it, or one line of it. The line is 0 and its text empty for the whole file."""

    file: str
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def contains(self, place: Place | None) -> bool:
        """Return true for a place on the line."""
        return place is not None and place[:2] == (self.file, self.line)


class AffectedObject(NamedTuple):
    """An object with the `fields` that an edit of the target can change.

    `checked_fields` name a catalog entry that the target describes: their values stay, but are checked against it.
    """

    environment: str
    group: str
    kind: str
    name: str
    file: str
    fields: tuple[str, ...]
    checked_fields: tuple[str, ...]


class Impact(NamedTuple):
    """All that a target affects. `keys` are the dotted paths on the line, `removals` those that are null.

    `dependent_environments` are made from the file, affected or not.
    """

    target: Target
    keys: tuple[str, ...]
    removals: tuple[Removal, ...]
    dependent_environments: tuple[str, ...]
    objects: tuple[AffectedObject, ...]


def parse_target(reference: str, project: Project) -> Target:
    """Parse `FILE`, `FILE:LINE` or `FILE:LINE:COLUMN`; the column is ignored.

    Raises VmgenError, with a suggestion, if the file or the line does not exist.
    """
    file, *parts = reference.split(":")
    numbers = [parse_number(part) for part in parts]
    if len(numbers) > 2 or None in numbers:  # a colon may be a part of a file's name
        file, numbers = reference, []
    line = numbers[0] if numbers else 0
    path = _find_file(file, project)
    if path is None:
        environment_files = [f"environments/{path}" for path in project.list_files(project.environments)]
        environment_files += [f"templates/{path}" for folder in project.template_folders for path in project.list_files(folder)]
        raise VmgenError(f"no file {file}{did_you_mean(file, environment_files)}")
    display_path = project.display_path(path)
    if not line:
        return Target(display_path)
    try:
        lines = project.read_source(path).decode(errors="replace").splitlines()
    except OSError as error:
        raise VmgenError(f"{display_path} cannot be read: {error.strerror}") from None
    if line > len(lines):
        raise VmgenError(f"{display_path} has {format_count(len(lines), 'line')}, and no line {line}")
    return Target(display_path, line, lines[line - 1])


def _find_file(file: str, project: Project) -> Path | None:
    path = project.root / file
    if path.is_file():
        return path
    # Messages show a built-in template under `templates/` as well.
    return project.find_template(file.removeprefix("templates/")) if file.startswith("templates/") else None


class ImpactFinder:
    """Finds the objects that a target affects, one environment at a time.

    It collects the `keys` on the line, and what their nulls remove.
    """

    def __init__(self, target: Target, project: Project, layer_loader: LayerLoader) -> None:
        self.keys: dict[str, None] = {}
        self.removals: dict[Removal, None] = {}
        self._target = target
        self._project = project
        self._layer_loader = layer_loader
        self._tracer = RenderTracer(project)

    def find_objects(self, environment: Environment, fleet: Fleet, layers: tuple[LayerFile, ...]) -> Iterator[AffectedObject]:
        """Find the objects of an environment that the target affects."""
        platform = environment.platform
        environment_sources, catalog_entries = EnvironmentSources(environment, self._project), find_catalog_entries(environment)
        contents = (platform.content, platform.catalog.content, *environment_sources.user_data.merge_fragments())
        line_contents = find_line_contents(self._target, (*(layer.content for layer in layers), *contents))
        self.keys.update(dict.fromkeys(line_contents.keys))
        null_effects = NullEffects(line_contents.nulls, layers)
        self.removals.update(dict.fromkeys(null_effects.find_removals()))
        extended_layers = frozenset(self._find_extended_layers(line_contents))
        catalog_entry_places = frozenset(_find_catalog_entry_places(line_contents, platform))
        matcher = _TargetMatcher(self._target, line_contents, extended_layers, platform, catalog_entry_places)
        shared: dict[tuple[object, ...], tuple[tuple[str, ...], tuple[str, ...]]] = {}
        traces: dict[tuple[object, ...], RenderTrace] = {}
        for resource in fleet.resources:
            template = fleet.get_kind(resource).template
            is_shared = self._tracer.only_writes_names(template)
            key = environment_sources.get_sharing_key(resource) if is_shared else None
            if key is None or key not in shared:
                trace = traces.get(resource.render_key) if is_shared else None
                trace = trace or self._tracer.trace(template, resource.build_context())
                traces[resource.render_key] = trace
                sources = environment_sources.find_object_sources(resource)
                null_fields = null_effects.find_fields(resource, environment_sources.find_instance(resource), trace)
                written_fields = self._find_fields(matcher, resource, template, trace, sources)
                fields = tuple(dict.fromkeys((*null_fields, *written_fields)))
                checked_fields = tuple(_find_checked_fields(matcher, trace, sources, catalog_entries))
                if key is not None:
                    shared[key] = fields, checked_fields
            else:
                fields, checked_fields = shared[key]
            if fields or checked_fields:
                path = get_manifest_path(fleet, resource)
                yield AffectedObject(
                    fleet.environment, resource.group, resource.kind, resource.name, path, fields, checked_fields
                )

    def _find_fields(
        self, matcher: _TargetMatcher, resource: Resource, template: str, trace: RenderTrace, sources: ObjectSources
    ) -> Iterator[str]:
        if matcher.selects_template(resource.kind) or any(
            map(matcher.matches_value, (*sources.existence_sources, *find_values(trace.omitted_paths, sources)))
        ):
            yield WHOLE_OBJECT
        is_written_by_target = False
        for field in trace.fields:
            is_field_written = any(map(matcher.matches_line, (field.template_line, *field.condition_lines)))
            is_written_by_target |= is_field_written
            if is_field_written or any(map(matcher.matches_value, _find_field_values(field, sources))):
                yield format_path(field.path)
        if not is_written_by_target and self._is_template_logic(template, trace):
            yield WHOLE_OBJECT

    def _is_template_logic(self, template: str, trace: RenderTrace) -> bool:
        """Return true if the target belongs to a template and can change what it writes, though it writes no field."""
        if self._target.file not in self._tracer.list_files(template):
            return False
        is_output = any(map(self._target.contains, trace.template_lines))
        return is_output or not self._target.line or self._target.text.lstrip().startswith("{%")

    def _find_extended_layers(self, line_contents: LineContents) -> Iterator[str]:
        """Find the files that the line lists under `extends`, and those that they extend."""
        names = [text for path, text in line_contents.texts if path[:1] == ("extends",)]
        if self._target.file.startswith("templates/"):
            yield from (f"templates/{name}" for name in names)
            return
        pending = [(self._project.root / self._target.file).parent / name for name in names]
        visited_paths = set()
        while pending:
            path = pending.pop().resolve()
            path = self._project.root / os.path.relpath(path, os.path.realpath(self._project.root))
            if path not in visited_paths:
                visited_paths.add(path)
                yield self._project.display_path(path)
                extends = self._layer_loader.load(path).content.get("extends")
                pending.extend(path.parent / base.text for base in (extends.items if extends else ()))


def _find_field_values(field: RenderedField, sources: ObjectSources) -> list[Located]:
    return find_values((*field.value_paths, *field.condition_paths), sources)


def _find_checked_fields(
    matcher: _TargetMatcher, trace: RenderTrace, sources: ObjectSources, catalog_entries: Mapping[tuple[Place, str], Located]
) -> Iterator[str]:
    """Find the fields that name a catalog entry which the target describes."""
    for field in trace.fields:
        values = _find_field_values(field, sources)
        entries = filter(None, (catalog_entries.get((value.place, str(value.data))) for value in values))
        if any(matcher.matches_catalog_entry(entry.place) for entry in entries):
            yield format_path(field.path)


class _TargetMatcher(NamedTuple):
    """Decides whether a value, a template line or a catalog entry belongs to a target.

    Values from the files of `extended_layers` belong to it, too: the target lists these files.
    """

    target: Target
    line_contents: LineContents
    extended_layers: frozenset[str]
    platform: Platform
    catalog_entry_places: frozenset[Place]

    def matches_value(self, value: Located) -> bool:
        """Return true if a value is at the target, or if a rule made it from a value there."""
        places = [value.place]
        if value.key_place and value.key_place.file != value.place.file:
            places.append(value.key_place)
        if value.layer not in WRITTEN_LAYERS:
            places.extend(rule_input.place for rule_input in find_rule_inputs(value))
        return any(map(self._matches_place, places))

    def _matches_place(self, place: Place) -> bool:
        if place.file in self.extended_layers:
            return True
        if self.target.line and place.line:  # some values are made from a file as a whole
            return place in self.line_contents.places
        return place.file == self.target.file

    def matches_line(self, place: Place) -> bool:
        """Return true if a line of a template is the target or is in it."""
        return place.file == self.target.file and self.target.line in (0, place.line)

    def selects_template(self, kind: str) -> bool:
        """Return true if the target selects the platform, or the template of a kind."""
        if not self.target.line:
            kinds = self.platform.content.mapping["kinds"]
            return kinds.mapping[kind].place.file == self.target.file
        return any(
            path in (("platform",), ("platformVersion",), ("kinds",))
            or (path[:2] == ("kinds", kind) and (len(path) == 2 or path[2] in _TEMPLATE_KEYS))
            for path in self.line_contents.paths
        )

    def matches_catalog_entry(self, key_place: Place) -> bool:
        """Return true if the target is an entry of the catalog or a part of it, given the place of the entry's key."""
        return key_place in self.catalog_entry_places if self.target.line else key_place.file == self.target.file


def _find_catalog_entry_places(line_contents: LineContents, platform: Platform) -> Iterator[Place]:
    for section, *steps in filter(None, line_contents.paths):
        entries = platform.catalog.content.get(str(section))
        for name, entry in (entries.mapping if entries else {}).items():
            if not steps or steps[0] == name:
                yield entry.key_place or entry.place


class LineContents(NamedTuple):
    """The values on a target's line: their paths, the texts and the nulls at and below them, and all their places."""

    paths: tuple[KeyPath, ...]
    texts: tuple[tuple[KeyPath, str], ...]
    nulls: tuple[Null, ...]
    places: frozenset[Place]

    @property
    def keys(self) -> tuple[str, ...]:
        """The paths as users write them."""
        return tuple(dict.fromkeys(format_path(path) for path in self.paths if path))


def find_line_contents(target: Target, contents: Iterable[Located]) -> LineContents:
    """Find the value on a line: a key with all below it, or the whole of a text of several lines."""
    in_file = [
        (path, value)
        for content in contents
        for path, value in _walk_all_layers(content)
        if target.file in (value.place.file, value.key_place and value.key_place.file)
    ]
    on_line = [
        (path, value)
        for path, value in in_file
        # A mapping starts where its first key does, so its place is no sign that it is on the line.
        if target.contains(value.key_place) or (not isinstance(value.data, dict | tuple) and target.contains(value.place))
    ]
    on_line = on_line or _find_enclosing_text(target, in_file)
    leaves = [((*path, *steps), leaf) for path, value in on_line for steps, leaf in walk(value)]
    texts = [(path, leaf.data) for path, leaf in leaves if isinstance(leaf.data, str)]
    nulls = tuple(Null(path, leaf.place) for path, leaf in leaves if leaf.data is None)
    places = {place for _, value in on_line for place in _list_target_places(value, target)}
    return LineContents(tuple(path for path, _ in on_line), tuple(dict.fromkeys(texts)), nulls, frozenset(places))


def _walk_all_layers(content: Located) -> Iterator[_LocatedPath]:
    """Walk through all values, with those that they override: a merged file has them."""
    for path, top_value in walk(content):
        value: Located | None = top_value
        while value:
            yield path, value
            value = value.overrides


def _find_enclosing_text(target: Target, in_file: list[_LocatedPath]) -> list[_LocatedPath]:
    """Find the text that continues on a line on which no value starts."""
    texts = [(path, value) for path, value in in_file if isinstance(value.data, str) and 0 < value.place.line < target.line]
    if not texts:
        return []
    path, value = max(texts, key=lambda item: item[1].place)
    if target.line <= value.place.line + str(value.data).count("\n"):
        return [(path, value)]
    # A folded text has fewer line breaks than lines, so its end follows from the indentation.
    line = target.text.lstrip()
    is_deeper = value.key_place is None or len(target.text) - len(line) >= value.key_place.column
    return [(path, value)] if line and not line.startswith("#") and is_deeper else []


def _list_target_places(value: Located, target: Target) -> Iterator[Place]:
    if value.key_place and not target.contains(value.key_place):
        yield value.place
        return
    for _, leaf in walk(value):
        yield from (place for place in (leaf.place, leaf.key_place) if place and place.file == target.file)
