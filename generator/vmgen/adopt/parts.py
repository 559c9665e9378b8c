"""What a VM is, in parts that follow from nothing but their own keys; and the least that must be written to get each.

A part is the JSON of some keys of a group, so that equal parts are equal texts: a fleet has few of them, and every answer
about one is kept. Whether a key may be left out is asked of the inference that renders it, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from vmgen.adopt.text import line_count
from vmgen.adopt.translate import STRATEGIES
from vmgen.merge.inference import inferred
from vmgen.merge.settings import Settings, marked
from vmgen.problems import Place
from vmgen.read.located import Located, plain
from vmgen.read.overlay import SOURCES, overlaid
from vmgen.read.platform import Platform

Part = str
EMPTY: Part = "{}"

# Keys that are inferred from each other, each set a part; every other key is a part of its own.
_TOGETHER = (
    (*SOURCES, "storage", "instanceProfile"),
    ("externalPorts", "externalMethod", "external"),
    ("running", "runStrategy"),
    ("instanceType", "resources"),
)
# Keys of disks: of no account for a VM that has none of its own.
_ONLY_FOR_DISKS = ("storageClass", "protect")
_BY_NAME = ("labels", "annotations")
_NOWHERE = Place("")


class Parts:
    """The parts of VMs on a platform."""

    def __init__(self, platform: Platform, keys: tuple[str, ...]) -> None:
        """`keys` are those of a group, in the order in which they are written."""
        alone = tuple((key,) for key in keys if not any(key in together for together in _TOGETHER))
        self.sets = (*_TOGETHER, *alone)
        self._platform = platform
        self._lowest = marked(platform.defaults, "platform")
        self._differences: dict[tuple[int, Part, Part], Part | None] = {}
        self._meanings: dict[tuple[int, Part], Any] = {}
        self._lines: dict[Part, int] = {EMPTY: 0}

    def of(self, values: Mapping[str, Any]) -> tuple[Part, ...]:
        """The values of a group, cut into parts."""
        return tuple(self._part({key: values[key] for key in keys if key in values}) for keys in self.sets)

    def image(self, parts: tuple[Part, ...]) -> str:
        """The image of a VM as a name may be written; empty where it has none."""
        return str(json.loads(parts[0]).get("image", "")).replace(".", "-")

    def lines(self, part: Part) -> int:
        """How many lines a part takes in a file. Each `null` counts for one more: it makes the reader look elsewhere."""
        if part not in self._lines:
            values = json.loads(part)
            self._lines[part] = line_count(values) + _nulls(values)
        return self._lines[part]

    def laid(self, below: Part, over: Part) -> Part:
        """One part over another, as layers are."""
        if over == EMPTY:
            return below
        merged = overlaid(_located(json.loads(below)), _located(json.loads(over)), "group")
        return self._part(plain(merged))

    def difference(self, index: int, below: Part, wanted: Part) -> Part | None:
        """The shortest part that, laid over `below`, means the same as `wanted`; None where there is none."""
        asked = (index, below, wanted)
        if asked not in self._differences:
            found = self._difference(index, json.loads(below), json.loads(wanted))
            self._differences[asked] = None if found is None else self._part(found)
        return self._differences[asked]

    def _part(self, values: Mapping[str, Any]) -> Part:
        ordered = {key: dict(sorted(value.items())) if key in _BY_NAME else value for key, value in values.items()}
        return json.dumps(ordered, ensure_ascii=False)

    def _difference(self, index: int, below: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
        keys = self.sets[index]
        if not wanted and keys[0] in _ONLY_FOR_DISKS:
            return {}
        if keys[0] in (*_BY_NAME, "disks"):
            key, between = keys[0], _between_disks if keys[0] == "disks" else _between
            found = between(below.get(key) or {}, wanted.get(key) or {})
            return None if found is None else {key: found} if found else {}
        meant = self._meaning(index, wanted)
        for over in self._candidates(keys, below, wanted):
            if self._meaning(index, json.loads(self.laid(json.dumps(below), json.dumps(over)))) == meant:
                return over
        return None

    def _candidates(
        self, keys: tuple[str, ...], below: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """What might be written, the shortest first. A default of the platform's cannot be removed, only replaced."""
        defaults = self._lowest.mapping
        choice = [key for key in keys if key in wanted or (key in below and key not in defaults)]
        subsets = [
            {key: wanted.get(key) for key in some} for size in range(len(choice) + 1) for some in combinations(choice, size)
        ]
        yield from sorted(subsets, key=lambda over: (line_count(over), len(json.dumps(over))))

    def _meaning(self, index: int, values: Mapping[str, Any]) -> Any:
        asked = (index, self._part(values))
        if asked not in self._meanings:
            merged = overlaid(self._lowest, _located(values), "group")
            complete = inferred(Settings(merged), self._platform)
            found = {key: complete.value(key) for key in self.sets[index]}
            if "running" in found:
                found = {"runStrategy": found["runStrategy"] or STRATEGIES.get(found["running"])}
            self._meanings[asked] = found
        return self._meanings[asked]


def _nulls(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(map(_nulls, value.values()))
    return value is None


def _located(data: Any) -> Located:
    if isinstance(data, Mapping):
        return Located({key: _located(value) for key, value in data.items()}, _NOWHERE)
    if isinstance(data, list):
        return Located(tuple(_located(item) for item in data), _NOWHERE)
    return Located(data, _NOWHERE)


def _between(below: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What makes one mapping of another, key by key; `null` removes."""
    found = {key: value for key, value in wanted.items() if key not in below or below[key] != value}
    return found | {key: None for key in below if key not in wanted}


def _between_disks(below: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """What makes one list of disks of another; None where that changes the order, which layers cannot."""
    order = [suffix for suffix in below if suffix in wanted] + [suffix for suffix in wanted if suffix not in below]
    if order != list(wanted):
        return None
    found: dict[str, Any] = {suffix: None for suffix in below if suffix not in wanted}
    for suffix, disk in wanted.items():
        if suffix not in below:
            found[suffix] = disk
        elif below[suffix] != disk:
            found[suffix] = _between_two_disks(below[suffix], disk)
    return found


def _between_two_disks(below: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    found = _between(below, wanted)
    for kind in _BY_NAME:
        if below.get(kind) and wanted.get(kind):
            inner = _between(below[kind], wanted[kind])
            found = {key: value for key, value in found.items() if key != kind} | ({kind: inner} if inner else {})
    if any(name in wanted for name in SOURCES):  # a source takes the others away by itself
        found = {key: value for key, value in found.items() if key not in SOURCES or value is not None}
    return found
