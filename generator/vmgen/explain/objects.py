"""One object, explained: each leaf of its manifest with all that made it what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vmgen.check.catalog_use import SECTIONS, entries, uses
from vmgen.expand.model import Fleet, Resource
from vmgen.explain.leaves import Follower, Leaf
from vmgen.explain.origins import Origin, Origins
from vmgen.explain.sources import EnvironmentSources, ObjectSources
from vmgen.explain.watched import Way
from vmgen.merge.environment import Environment
from vmgen.problems import Place
from vmgen.read.layer_file import LayerFile
from vmgen.read.located import Located, dotted, walk
from vmgen.read.project import Project
from vmgen.read.yaml_reader import read_yaml
from vmgen.render.manifests import path_of


class Field(NamedTuple):
    """A leaf of a manifest.

    `line` and `column` are where it stands in the manifest, `origins` where its value came from (none for a text of the
    template), `because` what decided that it is there at all, `entries` the entries of the catalog that its value names,
    and `template` the line of the template that wrote it.
    """

    path: Way
    value: Any
    line: int
    column: int
    origins: tuple[Origin, ...]
    because: tuple[Origin, ...]
    entries: tuple[Origin, ...]
    template: Place

    @property
    def name(self) -> str:
        """The path as people write it: `spec.disks[0]`."""
        return dotted(self.path)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An object with its fields. `counted` are the origins of its being there: the group's count, skip, names."""

    environment: str
    kind: str
    name: str
    file: str
    text: str = field(repr=False)
    fields: tuple[Field, ...]
    counted: tuple[Origin, ...]


class Explainer:
    """Explains the objects of one environment."""

    def __init__(self, environment: Environment, fleet: Fleet, files: Iterable[LayerFile], project: Project) -> None:
        self._fleet = fleet
        self._follower = Follower(project)
        self._sources = EnvironmentSources(environment, project)
        self._origins = Origins(environment, files)
        self._entries = catalog_entries(environment)

    def explanation(self, resource: Resource, manifests: Mapping[str, bytes]) -> Explanation:
        """Everything about one object; `manifests` are the rendered files of its environment."""
        path = path_of(self._fleet, resource)
        text = manifests[path].decode()
        content, _ = read_yaml(manifests[path], path)
        written = dict(walk(content)) if content else {}
        sources = self._sources.of(resource)
        found = self._follower.leaves(self._fleet.kind_of(resource).template, resource.context())
        fields = tuple(self._field(leaf, written[leaf.path], sources) for leaf in found.leaves)
        counted = self._origins.of(sources.counted)
        return Explanation(self._fleet.environment, resource.kind, resource.name, path, text, fields, counted)

    def _field(self, leaf: Leaf, written: Located, sources: ObjectSources) -> Field:
        values = [value for way in leaf.ways for value in sources.at(way)]
        because = [value for way in leaf.conditions for value in sources.at(way)]
        named = [found for value in values if (found := self._entries.get((value.place, str(value.data))))]
        return Field(
            leaf.path,
            [] if written.data == () else written.data,
            written.place.line,
            written.place.column,
            self._origins.of(values),
            self._origins.of(because),
            self._origins.of(named),
            leaf.line,
        )


def catalog_entries(environment: Environment) -> dict[tuple[Place, str], Located]:
    """The catalog's entries that the environment names, by the place and the name, each placed at its key.

    A name stands here as it was written and as the platform has it. (One place may name two: the image and its profile.)
    """
    found = {}
    by_name = {section: entries(environment, section) for section in SECTIONS}
    for use in uses(environment, SECTIONS, lambda section, name: name in by_name[section]):
        named = by_name[use.section][use.written.data]
        proper = environment.platform.catalog.image_names.get(use.written.data, use.written.data)
        for name in {use.written.data, proper}:
            found[use.written.place, name] = Located(named.data, named.key or named.place)
    return found
