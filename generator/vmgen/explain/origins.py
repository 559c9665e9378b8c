"""Origins as people name them: the place, the layer it belongs to, the key that stands there, and what it overrode.

One object, explained: each leaf of its manifest with all that made it what it is.

The object and the fields that somebody names on the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vmgen.check.rules.catalog import CATALOG_SECTIONS, find_references, get_entries
from vmgen.expand.model import Fleet, Resource
from vmgen.explain.sources import EnvironmentSources, ObjectSources
from vmgen.explain.trace import RenderedField, RenderTracer, ValuePath
from vmgen.merge.environment import Environment
from vmgen.merge.layers import DEFAULTS_FILE, WRITTEN_LAYERS
from vmgen.problems import Place, VmgenError, did_you_mean
from vmgen.read.layer_file import LayerFile
from vmgen.read.located import INVALID, Located, format_path, to_plain, walk
from vmgen.read.repository import Project
from vmgen.read.yaml_reader import read_yaml
from vmgen.render.manifests import get_manifest_path


class Origin(NamedTuple):
    """One place that a value came from.

    `layer` is `environment`, `defaults`, `group`, `instance`, `disk`, `_defaults.yaml`, `extends`, `key file`,
    `platform`, `catalog` or `template`. `key` is the dotted path of what stands there, `value` what is written there.
    `rule` is the sentence of the rule that took it, empty where the value is the field's own. `overrides` are the values
    of lower layers that this one replaced, the nearest first.
    """

    place: Place
    layer: str
    key: str
    value: Any
    rule: str = ""
    overrides: tuple[Origin, ...] = ()


class OriginResolver:
    """Names the origins of located values in one environment."""

    def __init__(self, environment: Environment, files: Iterable[LayerFile]) -> None:
        self._file = environment.file
        self._entry_by_place: dict[Place, _PlaceEntry] = {}
        for file in files:
            self._index(file.content, "")
        self._index(environment.platform.content, "platform")
        self._index(environment.platform.catalog.content, "catalog")

    def _index(self, content: Located, layer: str) -> None:
        for path, value in walk(content):
            lower: Located | None = value
            while lower:
                if lower.key_place:
                    self._index_place(lower.key_place, layer, path, path[-1], is_key=True)
                if lower.key_place is None or lower.key_place.file == lower.place.file:  # not a line of a key file
                    self._index_place(lower.place, layer, path, lower.data)
                lower = lower.overrides if layer else None  # only the files of the platform come merged already

    def _index_place(self, place: Place, layer: str, path: tuple[str | int, ...], data: Any, *, is_key: bool = False) -> None:
        known = self._entry_by_place.get(place)
        if known is None or (is_key and isinstance(known.data, dict)):  # a mapping begins where its first key does
            self._entry_by_place[place] = _PlaceEntry(layer or self._find_layer(place, path), format_path(path), data)
        elif isinstance(known.data, dict | tuple):  # the short form of what now has a long one
            self._entry_by_place[place] = known._replace(data=data)

    def _find_layer(self, place: Place, path: tuple[str | int, ...]) -> str:
        if place.file != self._file:
            return DEFAULTS_FILE if place.file.endswith(f"/{DEFAULTS_FILE}") else "extends"
        if path[:1] == ("vms",):
            return "instance" if path[2:3] == ("instances",) else "group"
        return {"defaults": "defaults", "disks": "disk"}.get(str(path[0]) if path else "", "environment")

    def resolve(self, sources: Iterable[Located]) -> tuple[Origin, ...]:
        """The origins of values, each once."""
        found = (origin for value in sources for origin in self._resolve_value(value, value.layer))
        return tuple({(origin.place, origin.rule): origin for origin in found}.values())

    def _resolve_value(self, value: Located, layer: str) -> Iterator[Origin]:
        if layer in WRITTEN_LAYERS:
            yield self._build_origin(value, "", self._find_overridden(value))
        else:
            yield self._build_origin(value, layer, ())
            for taken in find_rule_inputs(value):
                yield self._build_origin(taken, layer, self._find_overridden(taken))
        if value.key_place and value.key_place.file != value.place.file:
            yield self._build_origin(Located(None, value.key_place), "names the key file", ())

    def _find_overridden(self, value: Located) -> tuple[Origin, ...]:
        """What a value replaced, layer by layer; a rule's value with the sentence of the rule."""
        found, lower = [], value.overrides
        while lower is not None:
            rule = "" if lower.layer in WRITTEN_LAYERS else lower.layer
            if lower.data is not None and lower.data is not INVALID:
                found.append(self._build_origin(lower, rule, ()))
            lower = None if rule else lower.overrides
        return tuple(found)

    def _build_origin(self, value: Located, rule: str, overrides: tuple[Origin, ...]) -> Origin:
        known = self._entry_by_place.get(value.place)
        if known is None:
            layer = "template" if value.place.file.startswith("templates/") else "key file" if value.key_place else "fragment"
            known = _PlaceEntry(value.layer if value.layer in WRITTEN_LAYERS[1:] else layer, "", value.data)
        # A rule's value is not what is written at the place that set it off.
        data = known.data if rule or value.data is None else value.data
        return Origin(value.place, known.layer, known.key, _to_plain(data), rule, overrides)


def find_rule_inputs(value: Located) -> tuple[Located, ...]:
    """The values that a rule made this one of, besides the one that set it off."""
    if value.overrides is None:
        return ()
    return value.overrides.items or (value.overrides,)


class _PlaceEntry(NamedTuple):
    """What stands at a place: its layer, its key, and the value, or the key itself."""

    layer: str
    key: str
    data: Any


def _to_plain(data: Any) -> Any:
    return to_plain(Located(data, Place(""))) if isinstance(data, dict | tuple) else data


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


# What people call the kinds, in lower case; the kind's own name goes, too.
_KIND_ALIASES = {"vm": "VMInstance", "vms": "VMInstance", "disk": "VMDisk", "disks": "VMDisk"}


def find_resource(written: str, fleet: Fleet) -> Resource:
    """The object of `web-1`, `vm/web-1` or `VMDisk/web-1-data`. VmgenError, with a suggestion, where there is none."""
    prefix, _, name = written.rpartition("/")
    kind = _resolve_kind(prefix, fleet)
    found = [each for each in fleet.resources if each.name == name and kind in ("", each.kind)]
    if len(found) == 1:
        return found[0]
    if found:
        raise VmgenError(f"'{name}' is a VM and a disk in {fleet.environment}; write vm/{name} or disk/{name}")
    names = [each.name for each in fleet.resources if kind in ("", each.kind)]
    what = kind or "object"
    hint = did_you_mean(name, names) or f"; it has {len(names)}, see vmgen list {fleet.environment}"
    raise VmgenError(f"no {what} '{name}' in {fleet.environment}{hint}")


def _resolve_kind(prefix: str, fleet: Fleet) -> str:
    if not prefix:
        return ""
    kinds = _KIND_ALIASES | {kind.lower(): kind for kind in fleet.platform.kinds}
    if prefix.lower() not in kinds:
        raise VmgenError(f"no kind '{prefix}'{did_you_mean(prefix, kinds) or '; write vm/NAME or disk/NAME'}")
    return kinds[prefix.lower()]


def select_fields(written: str | None, explanation: Explanation) -> tuple[ExplainedField, ...]:
    """The fields at and below a path, or the end of one; all of them where none is named."""
    if written is None:
        return explanation.fields
    exact = tuple(field for field in explanation.fields if _is_at_or_below(field.name, written))
    if exact:
        return exact
    ending = {name: _is_path_ending(name, written) for name in _list_field_paths(explanation)}
    paths = [name for name, matches in ending.items() if matches]
    if len(paths) == 1:
        return tuple(field for field in explanation.fields if _is_at_or_below(field.name, paths[0]))
    if paths:
        raise VmgenError(f"several fields of {explanation.name} end in '{written}': {', '.join(paths)}; write one of them")
    known = list(ending) + [path.rpartition(".")[2] for path in ending]
    raise VmgenError(f"no field '{written}' in {explanation.kind} {explanation.name}{did_you_mean(written, known)}")


def _is_at_or_below(name: str, path: str) -> bool:
    return name == path or name.startswith((f"{path}.", f"{path}["))


def _is_path_ending(name: str, written: str) -> bool:
    return name.endswith(f".{written}")


def _list_field_paths(explanation: Explanation) -> list[str]:
    """The paths of all fields and of the lists and mappings that hold them."""
    paths: dict[str, None] = {}
    for field in explanation.fields:
        path = ""
        for step in field.path:
            path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
            paths[path] = None
    return list(paths)
