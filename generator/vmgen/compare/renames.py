"""Renames: an object that is gone beside a new one, in the same environment, that is the same in all but its name."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from vmgen.compare.wanted import Identity


class HasManifest(Protocol):
    """An object with what its manifest says of it."""

    @property
    def identity(self) -> Identity: ...

    @property
    def environment(self) -> str: ...

    @property
    def document(self) -> Mapping[str, Any]: ...


def find_rename_candidates(vanished: Sequence[HasManifest], created: Sequence[HasManifest]) -> Mapping[Identity, Identity]:
    """For each object that looks renamed its other half, both ways.

    Of several that look the same those are joined whose names end alike: web-2-data with shop-2-data.
    """
    if not vanished or not created:
        return {}
    old, new = _group_by_likeness(vanished), _group_by_likeness(created)
    joined: dict[Identity, Identity] = {}
    for likeness in old.keys() & new.keys():
        for one, other in _pair_by_ending(old[likeness], new[likeness]):
            joined[one], joined[other] = other, one
    return _drop_implausible(joined, [each.identity for each in vanished])


def _drop_implausible(joined: Mapping[Identity, Identity], vanished: Iterable[Identity]) -> Mapping[Identity, Identity]:
    """Without the disks of a VM that is gone for good: system disks all look the same, so one alone is no rename."""
    gone = list(vanished)
    machines = {(each.namespace, each.name): joined.get(each) for each in gone if each.kind == "VMInstance"}
    kept = dict(joined)
    for one in gone:
        parts = one.name.split("-")
        owners = [(one.namespace, "-".join(parts[:length])) for length in range(1, len(parts))] if one in joined else []
        for owner in owners:
            if one.kind == "VMDisk" and owner in machines and not _belongs_to(joined[one], machines[owner]):
                del kept[joined[one]], kept[one]
                break
    return kept


def _belongs_to(disk: Identity, machine: Identity | None) -> bool:
    return machine is not None and disk.name.startswith(f"{machine.name}-")


def _group_by_likeness(found: Iterable[HasManifest]) -> dict[str, list[Identity]]:
    """The objects by what they are, but for their names and what is called after them."""
    groups: dict[str, list[Identity]] = defaultdict(list)
    for each in found:
        name = each.identity.name
        groups[f"{each.environment} {each.identity.kind} {_serialize_without_name(each.document.get('spec'), name)}"].append(
            each.identity
        )
    return groups


def _serialize_without_name(spec: Any, name: str) -> str:
    """A spec with its own name taken out of it: `web-1-data` on the disks of web-1 becomes `-data`."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(item) for key, item in value.items()}
        if isinstance(value, list):
            return [without(item) for item in value]
        if isinstance(value, str) and (value == name or value.startswith(f"{name}-")):
            return f"<name>{value[len(name) :]}"
        return value

    return json.dumps(without(spec), sort_keys=True, default=str)


def _pair_by_ending(old: list[Identity], new: list[Identity]) -> Iterator[tuple[Identity, Identity]]:
    """Pairs by the longest ending that two names share, whole parts of it; what is left is joined in order."""
    waiting, free = sorted(old), dict.fromkeys(sorted(new))
    deepest = max(identity.name.count("-") for identity in waiting)
    for skipped in range(deepest + 1):
        by_ending = _index_by_ending(free)
        left = []
        for one in waiting:
            candidates = by_ending.get(_drop_leading_parts(one.name, skipped), [])
            while candidates and candidates[-1] not in free:
                candidates.pop()
            if candidates:
                del free[candidates[-1]]
                yield one, candidates.pop()
            else:
                left.append(one)
        waiting = left
    yield from zip(waiting, free)


def _index_by_ending(identities: Iterable[Identity]) -> dict[str, list[Identity]]:
    """The names by each of their endings, the first of them last in its list."""
    found: dict[str, list[Identity]] = defaultdict(list)
    for identity in reversed(list(identities)):
        for skipped in range(identity.name.count("-") + 1):
            found[_drop_leading_parts(identity.name, skipped)].append(identity)
    return found


def _drop_leading_parts(name: str, skipped: int) -> str:
    """A name without its first parts; nothing where it has no more than those."""
    return name.split("-", skipped)[skipped] if skipped <= name.count("-") else ""


def find_old_base_name(old: str, new: str) -> str:
    """What the old name begins with, without the ending that it shares with the new one: `web` of web-1-data, shop-1-data."""
    one, other = old.split("-"), new.split("-")
    while len(one) > 1 and len(other) > 1 and one[-1] == other[-1]:
        one.pop()
        other.pop()
    return "-".join(one)
