"""Split a VM's settings into independent key groups, and find the smallest override and the best default for each.

A key group is the JSON of keys that are inferred from each other, so that equal groups are equal texts: a fleet has few of
them, and every result is cached. The inference that renders an environment decides if a key may be left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from vmgen.importer.text import count_lines
from vmgen.merge.inference import infer_vm
from vmgen.merge.layers import DISK_SOURCES, merge
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings
from vmgen.problems import Place
from vmgen.read.located import Located, to_plain

KeyGroup = str
# One key group for each of the splitter's key sets, in their order.
KeyGroups = tuple[KeyGroup, ...]
EMPTY_KEY_GROUP: KeyGroup = "{}"
_ENCODER = json.JSONEncoder(ensure_ascii=False)  # which `json.dumps` makes anew at each call

# Keys that are inferred from each other, on every platform.
_INFERRED_TOGETHER = (
    (*DISK_SOURCES, "storage", "instanceProfile"),
    ("externalPorts", "externalMethod", "external"),
)
# Keys of disks, without effect on a VM that has no disks of its own.
_DISK_ONLY_KEYS = ("storageClass", "protect")
_METADATA_KEYS = ("labels", "annotations")
_NO_PLACE = Place("")
# The most frequent values that are tried as the shared one.
_MAX_CANDIDATES = 4
# More lines than any file has, and small enough to be summed.
_INFEASIBLE = 1_000_000


class KeyGroupSplitter:
    """Splits the settings of VMs on a platform, and compares key groups. `index` is the position of a key group, from 0."""

    def __init__(self, platform: Platform, keys: tuple[str, ...]) -> None:
        """`keys` are those of a group, in the order in which they are written."""
        self._roles = platform.roles
        power_keys = (self._roles.power_switch, self._roles.run_strategy)
        # Every key that is in no set is a set of its own.
        together = (*_INFERRED_TOGETHER, power_keys, ("instanceType", *platform.get_size_path("cpu")[:1]))
        single_keys = tuple((key,) for key in keys if not any(key in key_set for key_set in together))
        self.key_sets = (*together, *single_keys)
        self._platform = platform
        self._platform_defaults = platform.defaults
        self._differences: dict[tuple[int, KeyGroup, KeyGroup], KeyGroup | None] = {}
        self._effective_values: dict[tuple[int, KeyGroup], Any] = {}
        self._combinations: dict[tuple[KeyGroup, KeyGroup], KeyGroup] = {}
        self._line_counts: dict[KeyGroup, int] = {EMPTY_KEY_GROUP: 0}

    def split(self, values: Mapping[str, Any]) -> KeyGroups:
        """Split the values of a group."""
        return tuple(_serialize({key: values[key] for key in keys if key in values}) for keys in self.key_sets)

    def get_image_name(self, key_groups: KeyGroups) -> str:
        """Return the image of a VM with the characters of a name; empty if it has none."""
        return str(json.loads(key_groups[0]).get("image", "")).replace(".", "-")

    def count_lines(self, key_group: KeyGroup) -> int:
        """Return the number of lines in a file. Each `null` counts twice, since it makes readers look elsewhere."""
        if key_group not in self._line_counts:
            values = json.loads(key_group)
            self._line_counts[key_group] = count_lines(values) + _count_nulls(values)
        return self._line_counts[key_group]

    def count_difference_lines(self, index: int, lower: KeyGroup, target: KeyGroup) -> int:
        """Return the number of lines of the difference; a very large one if there is none."""
        difference = self.find_difference(index, lower, target)
        return _INFEASIBLE if difference is None else self.count_lines(difference)

    def merge(self, lower: KeyGroup, upper: KeyGroup) -> KeyGroup:
        """Merge a key group over another, as layers are merged."""
        if upper == EMPTY_KEY_GROUP:
            return lower
        if (lower, upper) not in self._combinations:
            combination = merge(_to_located(json.loads(lower)), _to_located(json.loads(upper)), "group")
            self._combinations[lower, upper] = _serialize(to_plain(combination))
        return self._combinations[lower, upper]

    def find_difference(self, index: int, lower: KeyGroup, target: KeyGroup) -> KeyGroup | None:
        """Return the shortest key group that means the same as `target` when merged over `lower`; None if there is none."""
        cache_key = (index, lower, target)
        if cache_key not in self._differences:
            difference = self._compute_difference(index, json.loads(lower), json.loads(target))
            self._differences[cache_key] = None if difference is None else _serialize(difference)
        return self._differences[cache_key]

    def _compute_difference(self, index: int, lower: dict[str, Any], target: dict[str, Any]) -> dict[str, Any] | None:
        keys = self.key_sets[index]
        key = keys[0]
        if not target and key in _DISK_ONLY_KEYS:
            return {}
        if key in (*_METADATA_KEYS, "disks"):
            compare = _diff_disk_lists if key == "disks" else _diff_mappings
            difference = compare(lower.get(key) or {}, target.get(key) or {})
            return {key: difference} if difference else difference
        effective_target = self._resolve_values(index, target)
        # Inference makes several texts mean the same, so what a candidate means is computed, not compared by its keys.
        for candidate in self._list_candidates(keys, lower, target):
            combination = self.merge(json.dumps(lower), json.dumps(candidate))
            if self._resolve_values(index, json.loads(combination)) == effective_target:
                return candidate
        return None

    def _list_candidates(
        self, keys: tuple[str, ...], lower: Mapping[str, Any], target: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Return what may be written, the shortest first. `null` removes a key, but not a default of the platform's."""
        defaults = self._platform_defaults.mapping
        changeable = [key for key in keys if key in target or (key in lower and key not in defaults)]
        candidates = [
            {key: target.get(key) for key in subset}
            # All subsets: a key set has at most a handful of keys, and the shortest that works is wanted.
            for size in range(len(changeable) + 1)
            for subset in combinations(changeable, size)
        ]
        return sorted(candidates, key=lambda values: (count_lines(values), len(json.dumps(values))))

    def _resolve_values(self, index: int, values: Mapping[str, Any]) -> Any:
        """Return the effective values of a key set: with the platform's defaults and the inferred values."""
        cache_key = (index, _serialize(values))
        if cache_key not in self._effective_values:
            effective_settings = merge(self._platform_defaults, _to_located(values), "group")
            settings = infer_vm(Settings(effective_settings), self._platform)
            effective = {key: settings.get_plain(key) for key in self.key_sets[index]}
            if self._roles.power_switch in effective:
                # `running: true` and `runStrategy: Always` mean the same: https://kubevirt.io/user-guide/compute/run_strategies/
                effective = {self._roles.run_strategy: self._roles.find_strategy(effective)}
            self._effective_values[cache_key] = effective
        return self._effective_values[cache_key]


def build_override(splitter: KeyGroupSplitter, base: KeyGroups, group: KeyGroups, member: KeyGroups) -> dict[str, Any] | None:
    """Return what a VM has to write in a group's `instances`; None if it cannot be in the group.

    `base` is what every group starts from.
    """
    if group == member:
        return {}
    override: dict[str, Any] = {}
    for index, target in enumerate(member):
        group_difference = splitter.find_difference(index, base[index], group[index])
        if group_difference is None:
            return None
        difference = splitter.find_difference(index, splitter.merge(base[index], group_difference), target)
        if difference is None:
            return None
        override |= json.loads(difference)
    return override


def find_best_defaults(splitter: KeyGroupSplitter, base: KeyGroups, members: Sequence[KeyGroups]) -> KeyGroups:
    """Return the key groups that a group should write to leave its members with the fewest lines of their own."""
    counts = tuple(Counter[KeyGroup]() for _ in base)
    # A group has few different members, and many key groups in each.
    for member, number in Counter(members).items():
        for count, key_group in zip(counts, member):
            count[key_group] += number
    return tuple(_choose_default(splitter, index, lower, counts[index]) for index, lower in enumerate(base))


def _choose_default(splitter: KeyGroupSplitter, index: int, base: KeyGroup, counts: Counter[KeyGroup]) -> KeyGroup:
    candidates = _list_most_frequent(counts)
    if len(candidates) == 1:
        return candidates[0]

    def cost(candidate: KeyGroup) -> tuple[int, int]:
        difference = splitter.find_difference(index, base, candidate)
        if difference is None:
            return _INFEASIBLE, 0
        lower = splitter.merge(base, difference)
        lengths = (number * len(splitter.find_difference(index, lower, target) or "") for target, number in counts.items())
        lines = splitter.count_lines(difference) + _count_total_lines(splitter, index, lower, counts)
        # Fewer lines first; among as many, fewer characters.
        return lines, len(difference) + sum(lengths)

    return min(candidates, key=cost)


def find_shared_defaults(splitter: KeyGroupSplitter, base: KeyGroups, groups: Sequence[KeyGroups]) -> KeyGroups:
    """Return the key groups that `defaults:` should write; all are empty unless they save two lines or more in all."""
    choices = [
        _choose_shared_default(splitter, index, lower, Counter(group[index] for group in groups))
        for index, lower in enumerate(base)
    ]
    # One line saved is no reason to make the reader look in another place.
    is_worthwhile = sum(saved_lines for _, saved_lines in choices) > 1
    return tuple(key_group if is_worthwhile else EMPTY_KEY_GROUP for key_group, _ in choices)


def _choose_shared_default(
    splitter: KeyGroupSplitter, index: int, base: KeyGroup, counts: Counter[KeyGroup]
) -> tuple[KeyGroup, int]:
    """Return the key group to write in `defaults:`, and the number of lines that it saves."""
    lines_before = _count_total_lines(splitter, index, base, counts)
    best, saved_lines = EMPTY_KEY_GROUP, 0
    for candidate in _list_most_frequent(counts) + _find_common_entries(counts):
        difference = splitter.find_difference(index, base, candidate)
        if difference is None or difference == EMPTY_KEY_GROUP:
            continue
        lower = splitter.merge(base, difference)
        line_count = lines_before - splitter.count_lines(difference) - _count_total_lines(splitter, index, lower, counts)
        if line_count > saved_lines and _fits_half(splitter, index, lower, counts):
            best, saved_lines = difference, line_count
    return best, saved_lines


def _list_most_frequent(counts: Counter[KeyGroup]) -> list[KeyGroup]:
    return [key_group for key_group, _ in counts.most_common(_MAX_CANDIDATES)]


def _count_total_lines(splitter: KeyGroupSplitter, index: int, lower: KeyGroup, counts: Counter[KeyGroup]) -> int:
    return sum(number * splitter.count_difference_lines(index, lower, target) for target, number in counts.items())


def _fits_half(splitter: KeyGroupSplitter, index: int, lower: KeyGroup, counts: Counter[KeyGroup]) -> bool:
    """Return True if at least half of the groups write nothing more: a default that most override is none."""
    fitting = (n for target, n in counts.items() if splitter.find_difference(index, lower, target) == EMPTY_KEY_GROUP)
    return 2 * sum(fitting) >= counts.total()


def _find_common_entries(counts: Counter[KeyGroup]) -> list[KeyGroup]:
    """Return a key group of the entries that all have in common, if they are mappings (labels, disks); else nothing."""
    values = [json.loads(key_group) for key_group in counts]
    if any(len(value) != 1 or not isinstance(next(iter(value.values())), dict) for value in values):
        return []
    name = next(iter(values[0]))
    first, *rest = (value[name] for value in values)
    common = {key: item for key, item in first.items() if all(other.get(key) == item for other in rest)}
    return [json.dumps({name: common}, ensure_ascii=False)] if common else []


def _diff_mappings(lower: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to merge over one mapping to get another; `null` removes."""
    difference = {key: value for key, value in target.items() if key not in lower or lower[key] != value}
    return difference | {key: None for key in lower if key not in target}


def _diff_disk_lists(lower: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what to merge over some disks to get others; None if their order would differ, which a merge cannot change."""
    # A merge keeps the order of the lower layer and appends, and the order of disks is that in the VM.
    order = [suffix for suffix in lower if suffix in target] + [suffix for suffix in target if suffix not in lower]
    if order != list(target):
        return None
    difference: dict[str, Any] = {suffix: None for suffix in lower if suffix not in target}
    for suffix, disk in target.items():
        if suffix not in lower:
            difference[suffix] = disk
        elif lower[suffix] != disk:
            difference[suffix] = _diff_disk_settings(lower[suffix], disk)
    return difference


def _diff_disk_settings(lower: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    difference = _diff_mappings(lower, target)
    for key in _METADATA_KEYS:
        if lower.get(key) and target.get(key):
            difference.pop(key, None)
            inner = _diff_mappings(lower[key], target[key])
            if inner:
                difference[key] = inner
    if any(name in target for name in DISK_SOURCES):  # a merged source removes the others
        difference = {key: value for key, value in difference.items() if key not in DISK_SOURCES or value is not None}
    return difference


def _serialize(values: Mapping[str, Any]) -> KeyGroup:
    if not values:  # as of most key sets of a VM
        return EMPTY_KEY_GROUP
    entries = {key: dict(sorted(value.items())) if key in _METADATA_KEYS else value for key, value in values.items()}
    return _ENCODER.encode(entries)


def _count_nulls(value: Any) -> int:
    return sum(map(_count_nulls, value.values())) if isinstance(value, Mapping) else value is None


def _to_located(data: Any) -> Located:
    if isinstance(data, Mapping):
        return Located({key: _to_located(value) for key, value in data.items()}, _NO_PLACE)
    if isinstance(data, list):
        return Located(tuple(_to_located(item) for item in data), _NO_PLACE)
    return Located(data, _NO_PLACE)
