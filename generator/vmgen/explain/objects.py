"""One object, explained: each leaf of its manifest with all that made it what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vmgen.check.catalog_use import CATALOG_SECTIONS, find_references, get_entries
from vmgen.expand.model import Fleet, Resource
from vmgen.explain.leaves import RenderedField, RenderTracer
from vmgen.explain.origins import Origin, OriginResolver
from vmgen.explain.sources import EnvironmentSources, ObjectSources
from vmgen.explain.watched import ValuePath
from vmgen.merge.environment import Environment
from vmgen.problems import Place
from vmgen.read.layer_file import LayerFile
from vmgen.read.located import Located, format_path, walk
from vmgen.read.project import Project
from vmgen.read.yaml_reader import read_yaml
from vmgen.render.manifests import get_manifest_path


class ExplainedField(NamedTuple):
    """A leaf of a manifest.

    `line` and `column` are where it stands in the manifest, `origins` where its value came from (none for a text of the
    template), `because` what decided that it is there at all, `entries` the entries of the catalog that its value names,
    and `template` the line of the template that wrote it.
    """

    path: ValuePath
    value: Any
    line: int
    column: int
    origins: tuple[Origin, ...]
    condition_origins: tuple[Origin, ...]
    catalog_origins: tuple[Origin, ...]
    template_line: Place

    @property
    def name(self) -> str:
        """The path as people write it: `spec.disks[0]`."""
        return format_path(self.path)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An object with its fields. `counted` are the origins of its being there: the group's count, skip, names."""

    environment: str
    kind: str
    name: str
    file: str
    text: str = field(repr=False)
    fields: tuple[ExplainedField, ...]
    existence_origins: tuple[Origin, ...]


class Explainer:
    """Explains the objects of one environment."""

    def __init__(self, environment: Environment, fleet: Fleet, files: Iterable[LayerFile], project: Project) -> None:
        self._fleet = fleet
        self._tracer = RenderTracer(project)
        self._sources = EnvironmentSources(environment, project)
        self._origin_resolver = OriginResolver(environment, files)
        self._catalog_entries = find_catalog_entries(environment)

    def explain(self, resource: Resource, manifests: Mapping[str, bytes]) -> Explanation:
        """Everything about one object; `manifests` are the rendered files of its environment."""
        path = get_manifest_path(self._fleet, resource)
        text = manifests[path].decode()
        content, _ = read_yaml(manifests[path], path)
        written = dict(walk(content)) if content else {}
        sources = self._sources.find_object_sources(resource)
        found = self._tracer.trace(self._fleet.get_kind(resource).template, resource.build_context())
        fields = tuple(self._build_field(leaf, written[leaf.path], sources) for leaf in found.fields)
        counted = self._origin_resolver.resolve(sources.existence_sources)
        return Explanation(self._fleet.environment, resource.kind, resource.name, path, text, fields, counted)

    def _build_field(self, leaf: RenderedField, written: Located, sources: ObjectSources) -> ExplainedField:
        values = [value for way in leaf.value_paths for value in sources.find_values(way)]
        because = [value for way in leaf.condition_paths for value in sources.find_values(way)]
        named = [found for value in values if (found := self._catalog_entries.get((value.place, str(value.data))))]
        return ExplainedField(
            leaf.path,
            [] if written.data == () else written.data,
            written.place.line,
            written.place.column,
            self._origin_resolver.resolve(values),
            self._origin_resolver.resolve(because),
            self._origin_resolver.resolve(named),
            leaf.template_line,
        )


def find_catalog_entries(environment: Environment) -> dict[tuple[Place, str], Located]:
    """The catalog's entries that the environment names, by the place and the name, each placed at its key.

    A name stands here as it was written and as the platform has it. (One place may name two: the image and its profile.)
    """
    found = {}
    by_name = {section: get_entries(environment, section) for section in CATALOG_SECTIONS}
    for use in find_references(environment, CATALOG_SECTIONS, lambda section, name: name in by_name[section]):
        named = by_name[use.section][use.value.data]
        proper = environment.platform.catalog.image_names.get(use.value.data, use.value.data)
        for name in {use.value.data, proper}:
            found[use.value.place, name] = Located(named.data, named.key_place or named.place)
    return found
