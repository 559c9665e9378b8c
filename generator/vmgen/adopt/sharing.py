"""What several VMs share, so that it is written once: the values that leave the fewest lines in all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from vmgen.adopt.parts import EMPTY_KEY_GROUP, KeyGroup, KeyGroupSplitter
from vmgen.adopt.text import count_instance_lines

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
