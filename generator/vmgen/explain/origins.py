"""Explain where each value of a manifest came from: file, line and layer.

`Explainer.explain` works in three steps. `trace` renders the object once more with placeholder tokens and finds the context
paths behind each field. `sources` finds the located values at these paths. `OriginResolver` makes them origins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.check.catalog_references import CATALOG_SECTIONS, find_references, get_entries
from vmgen.expand.model import Fleet, Resource
from vmgen.explain.sources import EnvironmentSources, ObjectSources
from vmgen.explain.trace import RenderedField, RenderTracer
from vmgen.explain.traced_values import TracedPaths
from vmgen.merge.environment import Environment
from vmgen.merge.layers import DEFAULTS_FILE, WRITTEN_LAYERS
from vmgen.problems import Place, VmgenError, did_you_mean
from vmgen.read.layer_file import LayerFile
from vmgen.read.located import INVALID, KeyPath, Located, format_path, to_plain, walk
from vmgen.read.repository import Project
from vmgen.read.yaml_reader import read_yaml
from vmgen.render.manifests import get_manifest_path


class Origin(NamedTuple):
    """A place that a value came from.

    `layer` is `environment`, `defaults`, `group`, `instance`, `disk`, `_defaults.yaml`, `extends`, `key file`, `fragment`,
    `platform`, `catalog` or `template`. `key` is the dotted path at the place, empty if it has none; `value` is the value
    there. `rule` is the text of the rule that used it, empty if the field has the value itself. `overrides` are the values
    of lower layers that this one replaced, the nearest first.
    """

    place: Place
    layer: str
    key: str
    value: Any
    rule: str = ""
    overrides: tuple[Origin, ...] = ()


class ExplainedField(NamedTuple):
    """A scalar of a manifest, or an empty list or mapping.

    `line` and `column` count from 1 in the manifest. `origins` made the value, none if it is a text of the template;
    `condition_origins` decided that the field is there. `catalog_origins` are the catalog entries that the value names.
    """

    path: KeyPath
    value: Any
    line: int
    column: int
    origins: tuple[Origin, ...]
    condition_origins: tuple[Origin, ...]
    catalog_origins: tuple[Origin, ...]
    template_line: Place

    @property
    def name(self) -> str:
        """The path as users write it: `spec.disks[0]`."""
        return format_path(self.path)


class Explanation(NamedTuple):
    """An object with its fields. `existence_origins` decided that it exists: the group's `count`, `skip` or `names`.

    `file` is relative to `manifests/`, `text` its content.
    """

    environment: str
    kind: str
    name: str
    file: str
    text: str
    fields: tuple[ExplainedField, ...]
    existence_origins: tuple[Origin, ...]


class Explainer:
    """Explains the objects of one environment."""

    def __init__(self, environment: Environment, fleet: Fleet, layers: Iterable[LayerFile], project: Project) -> None:
        self._fleet = fleet
        self._tracer = RenderTracer(project)
        self._sources = EnvironmentSources(environment, project)
        self._origin_resolver = OriginResolver(environment, layers)
        self._catalog_entries = find_catalog_entries(environment)

    def explain(self, resource: Resource, manifests: Mapping[str, bytes]) -> Explanation:
        """Explain all fields of an object; `manifests` are the rendered files of its environment."""
        path = get_manifest_path(self._fleet, resource)
        content, _ = read_yaml(manifests[path], path)
        manifest_values = dict(walk(content)) if content else {}
        sources = self._sources.find_object_sources(resource)
        trace = self._tracer.trace(self._fleet.get_kind(resource).template, resource.build_context())
        return Explanation(
            self._fleet.environment,
            resource.kind,
            resource.name,
            path,
            manifests[path].decode(),
            tuple(self._explain_field(field, manifest_values[field.path], sources) for field in trace.fields),
            self._origin_resolver.resolve(sources.existence_sources),
        )

    def _explain_field(self, field: RenderedField, value: Located, sources: ObjectSources) -> ExplainedField:
        values = find_values(field.value_paths, sources)
        entries = [entry for value in values if (entry := self._catalog_entries.get((value.place, str(value.data))))]
        return ExplainedField(
            field.path,
            [] if value.data == () else value.data,
            value.place.line,
            value.place.column,
            self._origin_resolver.resolve(values),
            self._origin_resolver.resolve(find_values(field.condition_paths, sources)),
            self._origin_resolver.resolve(entries),
            field.template_line,
        )


def find_values(paths: TracedPaths, sources: ObjectSources) -> list[Located]:
    """Find the values behind several paths of an object's context."""
    return [value for path in paths for value in sources.find_values(path)]


class OriginResolver:
    """Turns located values of one environment into origins: it knows the layer and the key of each place."""

    def __init__(self, environment: Environment, layers: Iterable[LayerFile]) -> None:
        self._file = environment.file
        self._entries: dict[Place, _PlaceEntry] = {}
        for layer in layers:
            self._index(layer.content, "")
        self._index(environment.platform.content, "platform")
        self._index(environment.platform.catalog.content, "catalog")

    def _index(self, content: Located, layer: str) -> None:
        """Index every place of a file. An empty `layer` follows from the place."""
        for path, top_value in walk(content):
            value: Located | None = top_value
            while value:
                if value.key_place:
                    self._index_place(value.key_place, layer, path, path[-1], is_key=True)
                if value.key_place is None or value.key_place.file == value.place.file:  # not a line of a key file
                    self._index_place(value.place, layer, path, value.data)
                # Only the files of a platform are merged before they get here.
                value = value.overrides if layer else None

    def _index_place(self, place: Place, layer: str, path: KeyPath, data: Any, *, is_key: bool = False) -> None:
        entry = self._entries.get(place)
        if entry is None or (is_key and isinstance(entry.data, dict)):  # a mapping starts where its first key does
            self._entries[place] = _PlaceEntry(layer or self._find_layer(place, path), format_path(path), data)
        elif isinstance(entry.data, dict | tuple):  # the short form of a value that the reader expanded
            self._entries[place] = entry._replace(data=data)

    def _find_layer(self, place: Place, path: KeyPath) -> str:
        if place.file != self._file:
            return DEFAULTS_FILE if place.file.endswith(f"/{DEFAULTS_FILE}") else "extends"
        if path[:1] == ("vms",):
            return "instance" if path[2:3] == ("instances",) else "group"
        return {"defaults": "defaults", "disks": "disk"}.get(str(path[0]) if path else "", "environment")

    def resolve(self, values: Iterable[Located]) -> tuple[Origin, ...]:
        """Return the origins of values, without duplicates."""
        origins: list[Origin] = []
        for value in values:
            if value.layer in WRITTEN_LAYERS:
                origins.append(self._build_origin(value, "", self._find_overridden(value)))
            else:
                origins.append(self._build_origin(value, value.layer, ()))
                for rule_input in find_rule_inputs(value):
                    origins.append(self._build_origin(rule_input, value.layer, self._find_overridden(rule_input)))
            if value.key_place and value.key_place.file != value.place.file:
                origins.append(self._build_origin(Located(None, value.key_place), "names the key file", ()))
        return tuple({(origin.place, origin.rule): origin for origin in origins}.values())

    def _find_overridden(self, value: Located) -> tuple[Origin, ...]:
        """Return what a value replaced, layer by layer, down to the first value that a rule made."""
        origins, lower = [], value.overrides
        while lower is not None:
            rule = "" if lower.layer in WRITTEN_LAYERS else lower.layer
            if lower.data is not None and lower.data is not INVALID:
                origins.append(self._build_origin(lower, rule, ()))
            lower = None if rule else lower.overrides
        return tuple(origins)

    def _build_origin(self, value: Located, rule: str, overrides: tuple[Origin, ...]) -> Origin:
        entry = self._entries.get(value.place)
        if entry is None:
            layer = "template" if value.place.file.startswith("templates/") else "key file" if value.key_place else "fragment"
            entry = _PlaceEntry(value.layer if value.layer in WRITTEN_LAYERS[1:] else layer, "", value.data)
        # A rule's value is not the value at the place that triggered the rule.
        data = entry.data if rule or value.data is None else value.data
        plain = to_plain(Located(data, value.place)) if isinstance(data, dict | tuple) else data
        return Origin(value.place, entry.layer, entry.key, plain, rule, overrides)


class _PlaceEntry(NamedTuple):
    """The layer and dotted path of a place, and the value or the key there."""

    layer: str
    key: str
    data: Any


def find_rule_inputs(value: Located) -> tuple[Located, ...]:
    """Return the values that a rule made this one from, besides the one that triggered it."""
    return (value.overrides.items or (value.overrides,)) if value.overrides else ()


def find_catalog_entries(environment: Environment) -> dict[tuple[Place, str], Located]:
    """Return the catalog entries that the environment names, placed at their keys, by the place and the name of the use.

    An alias is there under the platform's own name, too. One place can use two entries: an image and its profile.
    """
    entries: dict[tuple[Place, str], Located] = {}
    entries_by_section = {section: get_entries(environment.platform, section) for section in CATALOG_SECTIONS}
    for use in find_references(environment, CATALOG_SECTIONS, lambda section, name: name in entries_by_section[section]):
        entry = entries_by_section[use.section][use.value.text]
        canonical_name = environment.platform.catalog.image_names.get(use.value.text, use.value.text)
        for name in {use.value.text, canonical_name}:
            entries[use.value.place, name] = Located(entry.data, entry.key_place or entry.place)
    return entries


# Short names of kinds, in lower case. A kind's own name works in any case.
_KIND_ALIASES = {"vm": "VMInstance", "vms": "VMInstance", "disk": "VMDisk", "disks": "VMDisk"}


def find_resource(reference: str, fleet: Fleet) -> Resource:
    """Find the object of `web-1`, `vm/web-1` or `VMDisk/web-1-data`.

    Raises VmgenError, with a suggestion, if there is no such object or several.
    """
    prefix, _, name = reference.rpartition("/")
    kinds = {"": "", **_KIND_ALIASES, **{kind.lower(): kind for kind in fleet.platform.kinds}}
    kind = kinds.get(prefix.lower())
    if kind is None:
        raise VmgenError(f"no kind '{prefix}'{did_you_mean(prefix, filter(None, kinds)) or '; write vm/NAME or disk/NAME'}")
    candidates = [resource for resource in fleet.resources if kind in ("", resource.kind)]
    matches = [resource for resource in candidates if resource.name == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise VmgenError(f"'{name}' is a VM and a disk in {fleet.environment}; write vm/{name} or disk/{name}")
    hint = did_you_mean(name, [resource.name for resource in candidates])
    hint = hint or f"; it has {len(candidates)}, see vmgen list {fleet.environment}"
    raise VmgenError(f"no {kind or 'object'} '{name}' in {fleet.environment}{hint}")


def select_fields(query: str | None, explanation: Explanation) -> tuple[ExplainedField, ...]:
    """Return the fields at and below a path, or below the only path that ends in `.query`; all fields if it is None.

    Raises VmgenError, with a suggestion, if no path matches or several do.
    """
    if query is None:
        return explanation.fields
    fields = _select_below(query, explanation)
    if fields:
        return fields
    prefixes = {
        format_path(field.path[:length]): None for field in explanation.fields for length in range(1, len(field.path) + 1)
    }
    paths = [path for path in prefixes if path.endswith(f".{query}")]
    if len(paths) == 1:
        return _select_below(paths[0], explanation)
    if paths:
        raise VmgenError(f"several fields of {explanation.name} end in '{query}': {', '.join(paths)}; write one of them")
    names = [*prefixes, *(path.rpartition(".")[2] for path in prefixes)]
    raise VmgenError(f"no field '{query}' in {explanation.kind} {explanation.name}{did_you_mean(query, names)}")


def _select_below(path: str, explanation: Explanation) -> tuple[ExplainedField, ...]:
    starts = (f"{path}.", f"{path}[")
    return tuple(field for field in explanation.fields if field.name == path or field.name.startswith(starts))
