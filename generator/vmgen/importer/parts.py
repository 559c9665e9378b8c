"""What a VM is, in parts that follow from nothing but their own keys; and the least that must be written to get each.

A part is the JSON of some keys of a group, so that equal parts are equal texts: a fleet has few of them, and every answer
about one is kept. Whether a key may be left out is asked of the inference that renders it, never guessed.

What several VMs share, so that it is written once: the values that leave the fewest lines in all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from vmgen.importer.text import count_instance_lines, count_lines
from vmgen.importer.translate import RUN_STRATEGIES
from vmgen.merge.inference import infer_vm
from vmgen.merge.layers import DISK_SOURCES, merge
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings, with_layer
from vmgen.problems import Place
from vmgen.read.located import Located, to_plain

KeyGroup = str
EMPTY_KEY_GROUP: KeyGroup = "{}"

# Keys that are inferred from each other, each set a part; every other key is a part of its own.
_INFERRED_TOGETHER = (
    (*DISK_SOURCES, "storage", "instanceProfile"),
    ("externalPorts", "externalMethod", "external"),
    ("running", "runStrategy"),
    ("instanceType", "resources"),
)
# Keys of disks: of no account for a VM that has none of its own.
_DISK_ONLY_KEYS = ("storageClass", "protect")
_METADATA_KEYS = ("labels", "annotations")
_NO_PLACE = Place("")


class KeyGroupSplitter:
    """The parts of VMs on a platform."""

    def __init__(self, platform: Platform, keys: tuple[str, ...]) -> None:
        """`keys` are those of a group, in the order in which they are written."""
        alone = tuple((key,) for key in keys if not any(key in together for together in _INFERRED_TOGETHER))
        self.key_sets = (*_INFERRED_TOGETHER, *alone)
        self._platform = platform
        self._platform_defaults = with_layer(platform.defaults, "platform")
        self._differences: dict[tuple[int, KeyGroup, KeyGroup], KeyGroup | None] = {}
        self._effective_values: dict[tuple[int, KeyGroup], Any] = {}
        self._line_counts: dict[KeyGroup, int] = {EMPTY_KEY_GROUP: 0}

    def split(self, values: Mapping[str, Any]) -> tuple[KeyGroup, ...]:
        """The values of a group, cut into parts."""
        return tuple(self._serialize({key: values[key] for key in keys if key in values}) for keys in self.key_sets)

    def get_image_name(self, parts: tuple[KeyGroup, ...]) -> str:
        """The image of a VM as a name may be written; empty where it has none."""
        return str(json.loads(parts[0]).get("image", "")).replace(".", "-")

    def count_lines(self, part: KeyGroup) -> int:
        """How many lines a part takes in a file. Each `null` counts for one more: it makes the reader look elsewhere."""
        if part not in self._line_counts:
            values = json.loads(part)
            self._line_counts[part] = count_lines(values) + _count_nulls(values)
        return self._line_counts[part]

    def merge(self, below: KeyGroup, over: KeyGroup) -> KeyGroup:
        """One part over another, as layers are."""
        if over == EMPTY_KEY_GROUP:
            return below
        merged = merge(_to_located(json.loads(below)), _to_located(json.loads(over)), "group")
        return self._serialize(to_plain(merged))

    def find_difference(self, index: int, below: KeyGroup, wanted: KeyGroup) -> KeyGroup | None:
        """The shortest part that, laid over `below`, means the same as `wanted`; None where there is none."""
        asked = (index, below, wanted)
        if asked not in self._differences:
            found = self._compute_difference(index, json.loads(below), json.loads(wanted))
            self._differences[asked] = None if found is None else self._serialize(found)
        return self._differences[asked]

    def _serialize(self, values: Mapping[str, Any]) -> KeyGroup:
        ordered = {key: dict(sorted(value.items())) if key in _METADATA_KEYS else value for key, value in values.items()}
        return json.dumps(ordered, ensure_ascii=False)

    def _compute_difference(self, index: int, below: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any] | None:
        keys = self.key_sets[index]
        if not wanted and keys[0] in _DISK_ONLY_KEYS:
            return {}
        if keys[0] in (*_METADATA_KEYS, "disks"):
            key, between = keys[0], _diff_disk_lists if keys[0] == "disks" else _diff_mappings
            found = between(below.get(key) or {}, wanted.get(key) or {})
            return None if found is None else {key: found} if found else {}
        meant = self._resolve_values(index, wanted)
        for over in self._list_candidates(keys, below, wanted):
            if self._resolve_values(index, json.loads(self.merge(json.dumps(below), json.dumps(over)))) == meant:
                return over
        return None

    def _list_candidates(
        self, keys: tuple[str, ...], below: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """What might be written, the shortest first. A default of the platform's cannot be removed, only replaced."""
        defaults = self._platform_defaults.mapping
        choice = [key for key in keys if key in wanted or (key in below and key not in defaults)]
        subsets = [
            {key: wanted.get(key) for key in some} for size in range(len(choice) + 1) for some in combinations(choice, size)
        ]
        yield from sorted(subsets, key=lambda over: (count_lines(over), len(json.dumps(over))))

    def _resolve_values(self, index: int, values: Mapping[str, Any]) -> Any:
        asked = (index, self._serialize(values))
        if asked not in self._effective_values:
            merged = merge(self._platform_defaults, _to_located(values), "group")
            complete = infer_vm(Settings(merged), self._platform)
            found = {key: complete.get_plain(key) for key in self.key_sets[index]}
            if "running" in found:
                found = {"runStrategy": found["runStrategy"] or RUN_STRATEGIES.get(found["running"])}
            self._effective_values[asked] = found
        return self._effective_values[asked]


def _count_nulls(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(map(_count_nulls, value.values()))
    return value is None


def _to_located(data: Any) -> Located:
    if isinstance(data, Mapping):
        return Located({key: _to_located(value) for key, value in data.items()}, _NO_PLACE)
    if isinstance(data, list):
        return Located(tuple(_to_located(item) for item in data), _NO_PLACE)
    return Located(data, _NO_PLACE)


def _diff_mappings(below: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What makes one mapping of another, key by key; `null` removes."""
    found = {key: value for key, value in wanted.items() if key not in below or below[key] != value}
    return found | {key: None for key in below if key not in wanted}


def _diff_disk_lists(below: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """What makes one list of disks of another; None where that changes the order, which layers cannot."""
    order = [suffix for suffix in below if suffix in wanted] + [suffix for suffix in wanted if suffix not in below]
    if order != list(wanted):
        return None
    found: dict[str, Any] = {suffix: None for suffix in below if suffix not in wanted}
    for suffix, disk in wanted.items():
        if suffix not in below:
            found[suffix] = disk
        elif below[suffix] != disk:
            found[suffix] = _diff_disk_settings(below[suffix], disk)
    return found


def _diff_disk_settings(below: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    found = _diff_mappings(below, wanted)
    for kind in _METADATA_KEYS:
        if below.get(kind) and wanted.get(kind):
            inner = _diff_mappings(below[kind], wanted[kind])
            found = {key: value for key, value in found.items() if key != kind} | ({kind: inner} if inner else {})
    if any(name in wanted for name in DISK_SOURCES):  # a source takes the others away by itself
        found = {key: value for key, value in found.items() if key not in DISK_SOURCES or value is not None}
    return found


# How many of the values that occur are tried as the shared one.
_MAX_CANDIDATES = 4
_INFEASIBLE = 1_000_000


def find_best_defaults(
    parts: KeyGroupSplitter, base: tuple[KeyGroup, ...], members: Sequence[tuple[KeyGroup, ...]]
) -> tuple[KeyGroup, ...]:
    """For each part the value that, as the shared one, leaves the members with the fewest lines of their own."""
    return tuple(
        _choose_candidate(parts, index, base[index], Counter(member[index] for member in members)) for index in range(len(base))
    )


def _choose_candidate(parts: KeyGroupSplitter, index: int, base: KeyGroup, counted: Counter[KeyGroup]) -> KeyGroup:
    candidates = [part for part, _ in counted.most_common(_MAX_CANDIDATES)]
    if len(candidates) == 1:
        return candidates[0]

    def cost(candidate: KeyGroup) -> tuple[int, int]:
        over = parts.find_difference(index, base, candidate)
        if over is None:
            return _INFEASIBLE, 0
        below = parts.merge(base, over)
        lines, length = parts.count_lines(over), len(over)
        for part, number in counted.items():
            lines += number * count_difference_lines(parts, index, below, part)
            length += number * len(parts.find_difference(index, below, part) or "")
        return lines, length

    return min(candidates, key=cost)


def count_difference_lines(parts: KeyGroupSplitter, index: int, below: KeyGroup, wanted: KeyGroup) -> int:
    """How many lines it takes to get a part over another."""
    over = parts.find_difference(index, below, wanted)
    return _INFEASIBLE if over is None else parts.count_lines(over)


def build_override(
    parts: KeyGroupSplitter, base: tuple[KeyGroup, ...], group: tuple[KeyGroup, ...], member: tuple[KeyGroup, ...]
) -> dict[str, Any] | None:
    """What a member of a group has to write over it; None where it cannot be a member."""
    if group == member:
        return {}
    found: dict[str, Any] = {}
    for index, wanted in enumerate(member):
        written = parts.find_difference(index, base[index], group[index])
        over = None if written is None else parts.find_difference(index, parts.merge(base[index], written), wanted)
        if over is None:
            return None
        found |= json.loads(over)
    return found


def count_entry_lines(values: dict[str, Any]) -> int:
    """The lines of an entry of `instances`."""
    return count_instance_lines(values) if values else 0


def find_shared_defaults(
    parts: KeyGroupSplitter, base: tuple[KeyGroup, ...], groups: Sequence[tuple[KeyGroup, ...]]
) -> tuple[KeyGroup, ...]:
    """What `defaults:` should write: for each part what saves lines over all groups, if the whole saves any."""
    chosen, saved = [], 0
    for index, below in enumerate(base):
        over, gain = _choose_shared_key_group(parts, index, below, Counter(group[index] for group in groups))
        chosen.append(over)
        saved += gain
    return tuple(chosen) if saved > 1 else tuple(EMPTY_KEY_GROUP for _ in base)


def _choose_shared_key_group(
    parts: KeyGroupSplitter, index: int, base: KeyGroup, counted: Counter[KeyGroup]
) -> tuple[KeyGroup, int]:
    """The part to write in `defaults:`, and how many lines that saves."""
    without = _count_total_lines(parts, index, base, counted)
    best, gain = EMPTY_KEY_GROUP, 0
    for candidate in [part for part, _ in counted.most_common(_MAX_CANDIDATES)] + _find_common_entries(counted):
        over = parts.find_difference(index, base, candidate)
        if over is None or over == EMPTY_KEY_GROUP:
            continue
        laid = parts.merge(base, over)
        cost = parts.count_lines(over) + _count_total_lines(parts, index, laid, counted)
        if without - cost > gain and _is_enough_for_half(parts, index, laid, counted):
            best, gain = over, without - cost
    return best, gain


def _count_total_lines(parts: KeyGroupSplitter, index: int, below: KeyGroup, counted: Counter[KeyGroup]) -> int:
    return sum(number * count_difference_lines(parts, index, below, part) for part, number in counted.items())


def _is_enough_for_half(parts: KeyGroupSplitter, index: int, below: KeyGroup, counted: Counter[KeyGroup]) -> bool:
    """Whether at least half of the groups need no more: a default that most replace is none."""
    content = sum(number for part, number in counted.items() if parts.find_difference(index, below, part) == EMPTY_KEY_GROUP)
    return 2 * content >= sum(counted.values())


def _find_common_entries(counted: Counter[KeyGroup]) -> list[KeyGroup]:
    """What all values of a part have in common, key by key, where they are mappings: labels, disks."""
    values = [json.loads(part) for part in counted]
    if any(len(value) != 1 or not isinstance(next(iter(value.values())), dict) for value in values):
        return []
    name = next(iter(values[0]))
    first, *rest = (value[name] for value in values)
    same = {key: item for key, item in first.items() if all(other.get(key) == item for other in rest)}
    return [json.dumps({name: same}, ensure_ascii=False)] if same else []
