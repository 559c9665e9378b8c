"""What several VMs share, so that it is written once: the values that leave the fewest lines in all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from vmgen.adopt.parts import EMPTY, Part, Parts
from vmgen.adopt.text import instance_lines

# How many of the values that occur are tried as the shared one.
_MOST_TRIED = 4
_NEVER = 1_000_000


def cheapest(parts: Parts, base: tuple[Part, ...], members: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
    """For each part the value that, as the shared one, leaves the members with the fewest lines of their own."""
    return tuple(
        _cheapest_part(parts, index, base[index], Counter(member[index] for member in members)) for index in range(len(base))
    )


def _cheapest_part(parts: Parts, index: int, base: Part, counted: Counter[Part]) -> Part:
    candidates = [part for part, _ in counted.most_common(_MOST_TRIED)]
    if len(candidates) == 1:
        return candidates[0]

    def cost(candidate: Part) -> tuple[int, int]:
        over = parts.difference(index, base, candidate)
        if over is None:
            return _NEVER, 0
        below = parts.laid(base, over)
        lines, length = parts.lines(over), len(over)
        for part, number in counted.items():
            lines += number * lines_between(parts, index, below, part)
            length += number * len(parts.difference(index, below, part) or "")
        return lines, length

    return min(candidates, key=cost)


def lines_between(parts: Parts, index: int, below: Part, wanted: Part) -> int:
    """How many lines it takes to get a part over another."""
    over = parts.difference(index, below, wanted)
    return _NEVER if over is None else parts.lines(over)


def override(parts: Parts, base: tuple[Part, ...], group: tuple[Part, ...], member: tuple[Part, ...]) -> dict[str, Any] | None:
    """What a member of a group has to write over it; None where it cannot be a member."""
    if group == member:
        return {}
    found: dict[str, Any] = {}
    for index, wanted in enumerate(member):
        written = parts.difference(index, base[index], group[index])
        over = None if written is None else parts.difference(index, parts.laid(base[index], written), wanted)
        if over is None:
            return None
        found |= json.loads(over)
    return found


def override_lines(values: dict[str, Any]) -> int:
    """The lines of an entry of `instances`."""
    return instance_lines(values) if values else 0


def shared_by_groups(parts: Parts, base: tuple[Part, ...], groups: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
    """What `defaults:` should write: for each part what saves lines over all groups, if the whole saves any."""
    chosen, saved = [], 0
    for index, below in enumerate(base):
        over, gain = _shared_part(parts, index, below, Counter(group[index] for group in groups))
        chosen.append(over)
        saved += gain
    return tuple(chosen) if saved > 1 else tuple(EMPTY for _ in base)


def _shared_part(parts: Parts, index: int, base: Part, counted: Counter[Part]) -> tuple[Part, int]:
    """The part to write in `defaults:`, and how many lines that saves."""
    without = _lines_over(parts, index, base, counted)
    best, gain = EMPTY, 0
    for candidate in [part for part, _ in counted.most_common(_MOST_TRIED)] + _common(counted):
        over = parts.difference(index, base, candidate)
        if over is None or over == EMPTY:
            continue
        laid = parts.laid(base, over)
        cost = parts.lines(over) + _lines_over(parts, index, laid, counted)
        if without - cost > gain and _holds_for_half(parts, index, laid, counted):
            best, gain = over, without - cost
    return best, gain


def _lines_over(parts: Parts, index: int, below: Part, counted: Counter[Part]) -> int:
    return sum(number * lines_between(parts, index, below, part) for part, number in counted.items())


def _holds_for_half(parts: Parts, index: int, below: Part, counted: Counter[Part]) -> bool:
    """Whether at least half of the groups need no more: a default that most replace is none."""
    content = sum(number for part, number in counted.items() if parts.difference(index, below, part) == EMPTY)
    return 2 * content >= sum(counted.values())


def _common(counted: Counter[Part]) -> list[Part]:
    """What all values of a part have in common, key by key, where they are mappings: labels, disks."""
    values = [json.loads(part) for part in counted]
    if any(len(value) != 1 or not isinstance(next(iter(value.values())), dict) for value in values):
        return []
    name = next(iter(values[0]))
    first, *rest = (value[name] for value in values)
    same = {key: item for key, item in first.items() if all(other.get(key) == item for other in rest)}
    return [json.dumps({name: same}, ensure_ascii=False)] if same else []
