"""What a line, or a whole file, reaches: environments, groups, objects and fields. The reverse of `explain`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.expand.model import Fleet, Resource
from vmgen.explain.leaves import Follower, Leaf, Leaves
from vmgen.explain.objects import catalog_entries
from vmgen.explain.sight import Sight
from vmgen.explain.sources import EnvironmentSources, ObjectSources
from vmgen.explain.target import Standing, Target, standing
from vmgen.merge.environment import Environment
from vmgen.problems import Place
from vmgen.read.layer_file import Files, LayerFile
from vmgen.read.located import Located, dotted
from vmgen.read.project import Project
from vmgen.render.manifests import path_of

# Stands among the fields for the object as a whole: that it is there, or a field of it that is left out now.
WHOLE = "*"


class Reached(NamedTuple):
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
    checked: tuple[str, ...]


class Impact(NamedTuple):
    """All that a target reaches. `keys` are the dotted paths of what stands on the line; `readers` are the environments
    that are made from the file, reached or not."""

    target: Target
    keys: tuple[str, ...]
    readers: tuple[str, ...]
    objects: tuple[Reached, ...]


class Reach:
    """Finds what one target reaches, environment by environment, and keeps the keys that stand on it."""

    def __init__(self, target: Target, project: Project, files: Files) -> None:
        self.keys: dict[str, None] = {}
        self._target = target
        self._project = project
        self._files = files
        self._follower = Follower(project)

    def objects(self, environment: Environment, fleet: Fleet, layers: Iterable[LayerFile]) -> Iterator[Reached]:
        """The objects of an environment that the target reaches."""
        platform = environment.platform
        sources, entries = EnvironmentSources(environment, self._project), catalog_entries(environment)
        merged = (platform.content, platform.catalog.content, *sources.user_data.fragments())
        on_line = standing(self._target, (*(layer.content for layer in layers), *merged))
        self.keys.update(dict.fromkeys(on_line.keys))
        sight = Sight(self._target, on_line, frozenset(self._named_layers(on_line)), platform)
        for resource in fleet.resources:
            template = fleet.kind_of(resource).template
            leaves = self._follower.leaves(template, resource.context())
            given = sources.of(resource)
            fields = tuple(dict.fromkeys(self._fields(sight, resource, template, leaves, given)))
            checked = tuple(_checked(sight, leaves, given, entries))
            if fields or checked:
                file = path_of(fleet, resource)
                yield Reached(fleet.environment, resource.group, resource.kind, resource.name, file, fields, checked)

    def _fields(self, sight: Sight, resource: Resource, template: str, leaves: Leaves, given: ObjectSources) -> Iterator[str]:
        left_out = (value for way in leaves.left_out for value in given.at(way))
        if sight.makes(resource.kind) or any(map(sight.sees, given.counted)) or any(map(sight.sees, left_out)):
            yield WHOLE
        written = False
        for leaf in leaves.leaves:
            by_template = any(map(sight.is_at, (leaf.line, *leaf.asked)))
            written = written or by_template
            if by_template or any(map(sight.sees, _made_by(leaf, given))):
                yield dotted(leaf.path)
        if not written and self._shapes(template, leaves):
            yield WHOLE

    def _shapes(self, template: str, leaves: Leaves) -> bool:
        """Whether the target belongs to a template, and shapes what it writes though no value stands there."""
        if self._target.file not in self._follower.files(template):
            return False
        written = any(place[:2] == (self._target.file, self._target.line) for place in leaves.lines)
        return written or not self._target.line or self._target.text.lstrip().startswith("{%")

    def _named_layers(self, on_line: Standing) -> Iterator[str]:
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
                yield self._project.shown(path)
                extends = self._files.layer(path).content.get("extends")
                waiting.extend(path.parent / base.data for base in (extends.items if extends else ()))


def _made_by(leaf: Leaf, given: ObjectSources) -> Iterator[Located]:
    for way in (*leaf.ways, *leaf.conditions):
        yield from given.at(way)


def _checked(sight: Sight, leaves: Leaves, given: ObjectSources, entries: Mapping[tuple[Place, str], Located]) -> Iterator[str]:
    """The fields that name an entry of the catalog which the target describes."""
    for leaf in leaves.leaves:
        named = (entries.get((value.place, str(value.data))) for value in _made_by(leaf, given))
        if any(entry and sight.describes(entry.place) for entry in named):
            yield dotted(leaf.path)
