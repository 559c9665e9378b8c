"""What a line, or a whole file, reaches: environments, groups, objects and fields. The reverse of `explain`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.expand.model import Fleet, Resource
from vmgen.explain.leaves import RenderedField, RenderTrace, RenderTracer
from vmgen.explain.objects import find_catalog_entries
from vmgen.explain.sight import TargetMatcher
from vmgen.explain.sources import EnvironmentSources, ObjectSources
from vmgen.explain.target import LineContents, Target, find_line_contents
from vmgen.merge.environment import Environment
from vmgen.problems import Place
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.located import Located, format_path
from vmgen.read.project import Project
from vmgen.render.manifests import get_manifest_path

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
