"""Origins as people name them: the place, the layer it belongs to, the key that stands there, and what it overrode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vmgen.merge.environment import Environment
from vmgen.merge.layers import DEFAULTS
from vmgen.problems import Place
from vmgen.read.layer_file import LayerFile
from vmgen.read.located import INVALID, Located, dotted, plain, walk
from vmgen.read.overlay import NO_RULE


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


class Origins:
    """Names the origins of located values in one environment."""

    def __init__(self, environment: Environment, files: Iterable[LayerFile]) -> None:
        self._file = environment.file
        self._written: dict[Place, _Written] = {}
        for file in files:
            self._learn(file.content, "")
        self._learn(environment.platform.content, "platform")
        self._learn(environment.platform.catalog.content, "catalog")

    def _learn(self, content: Located, layer: str) -> None:
        for path, value in walk(content):
            lower: Located | None = value
            while lower:
                if lower.key:
                    self._note(lower.key, layer, path, path[-1], is_key=True)
                if lower.key is None or lower.key.file == lower.place.file:  # not a line of a key file
                    self._note(lower.place, layer, path, lower.data)
                lower = lower.under if layer else None  # only the files of the platform come merged already

    def _note(self, place: Place, layer: str, path: tuple[str | int, ...], data: Any, *, is_key: bool = False) -> None:
        known = self._written.get(place)
        if known is None or (is_key and isinstance(known.data, dict)):  # a mapping begins where its first key does
            self._written[place] = _Written(layer or self._layer(place, path), dotted(path), data)
        elif isinstance(known.data, dict | tuple):  # the short form of what now has a long one
            self._written[place] = known._replace(data=data)

    def _layer(self, place: Place, path: tuple[str | int, ...]) -> str:
        if place.file != self._file:
            return DEFAULTS if place.file.endswith(f"/{DEFAULTS}") else "extends"
        if path[:1] == ("vms",):
            return "instance" if path[2:3] == ("instances",) else "group"
        return {"defaults": "defaults", "disks": "disk"}.get(str(path[0]) if path else "", "environment")

    def of(self, sources: Iterable[Located]) -> tuple[Origin, ...]:
        """The origins of values, each once."""
        found = (origin for value in sources for origin in self._of(value, value.layer))
        return tuple({(origin.place, origin.rule): origin for origin in found}.values())

    def _of(self, value: Located, layer: str) -> Iterator[Origin]:
        if layer in NO_RULE:
            yield self._origin(value, "", self._lower(value))
        else:
            yield self._origin(value, layer, ())
            for taken in taken_by_rule(value):
                yield self._origin(taken, layer, self._lower(taken))
        if value.key and value.key.file != value.place.file:
            yield self._origin(Located(None, value.key), "names the key file", ())

    def _lower(self, value: Located) -> tuple[Origin, ...]:
        """What a value replaced, layer by layer; a rule's value with the sentence of the rule."""
        found, lower = [], value.under
        while lower is not None:
            rule = "" if lower.layer in NO_RULE else lower.layer
            if lower.data is not None and lower.data is not INVALID:
                found.append(self._origin(lower, rule, ()))
            lower = None if rule else lower.under
        return tuple(found)

    def _origin(self, value: Located, rule: str, overrides: tuple[Origin, ...]) -> Origin:
        known = self._written.get(value.place)
        if known is None:
            layer = "template" if value.place.file.startswith("templates/") else "key file" if value.key else "fragment"
            known = _Written(value.layer if value.layer in NO_RULE[1:] else layer, "", value.data)
        # A rule's value is not what is written at the place that set it off.
        data = known.data if rule or value.data is None else value.data
        return Origin(value.place, known.layer, known.key, _plain(data), rule, overrides)


def taken_by_rule(value: Located) -> tuple[Located, ...]:
    """The values that a rule made this one of, besides the one that set it off."""
    if value.under is None:
        return ()
    return value.under.items or (value.under,)


class _Written(NamedTuple):
    """What stands at a place: its layer, its key, and the value, or the key itself."""

    layer: str
    key: str
    data: Any


def _plain(data: Any) -> Any:
    return plain(Located(data, Place(""))) if isinstance(data, dict | tuple) else data
