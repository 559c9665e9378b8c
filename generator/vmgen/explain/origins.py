"""Origins as people name them: the place, the layer it belongs to, the key that stands there, and what it overrode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vmgen.merge.environment import Environment
from vmgen.merge.layers import DEFAULTS_FILE
from vmgen.problems import Place
from vmgen.read.layer_file import LayerFile
from vmgen.read.located import INVALID, Located, format_path, to_plain, walk
from vmgen.read.overlay import WRITTEN_LAYERS


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
