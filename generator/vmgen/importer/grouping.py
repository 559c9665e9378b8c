"""Group VMs as a person would: by numbered names, and by equal settings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from vmgen.importer.key_groups import EMPTY_KEY_GROUP, KeyGroups, KeyGroupSplitter, build_override, find_best_defaults
from vmgen.importer.text import count_instance_lines

_NUMBERED_NAME = re.compile(r"(?P<base>[a-z]([-a-z0-9]*[a-z0-9])?)-(?P<number>[1-9][0-9]{0,3})")
_NAME_PATTERN = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# A VM without a common number series joins VMs whose names begin alike only if so few key groups differ.
_MAX_DIFFERENCES = 2
# Bounds the search in a fleet of a thousand unlike VMs.
_MAX_GROUPS_TRIED = 50


class GroupMember(NamedTuple):
    """A VM to be grouped."""

    name: str
    key_groups: KeyGroups


class GroupDraft(NamedTuple):
    """VMs that become one group. `key_groups` are its settings, `structure` the keys that list the VMs."""

    key: str
    structure: Mapping[str, Any]
    members: tuple[GroupMember, ...]
    key_groups: KeyGroups

    def get_instance_key(self, member: GroupMember) -> str:
        """Return the key of a member in `instances`: its number in a counted group, else its name."""
        return member.name.rpartition("-")[2] if "count" in self.structure else member.name


class _GroupCandidate(NamedTuple):
    """VMs that may become one group; `is_numbered` if their names are a series. `base` is empty without a common base."""

    base: str
    members: tuple[GroupMember, ...]
    is_numbered: bool


class VmGrouper:
    """Groups VMs by their names, or by equal settings too."""

    def __init__(self, members: Iterable[GroupMember], splitter: KeyGroupSplitter, base: KeyGroups) -> None:
        """`base` is what every group starts from."""
        self.members = tuple(members)
        self.splitter = splitter
        self.base = base

    def group(self, *, unlike_names: bool = False) -> tuple[GroupDraft, ...]:
        """Group the VMs, in the order of the first VM of each group.

        With `unlike_names`, equal VMs become one group even if their names have nothing in common.
        """
        candidates = self.merge_alike(self._candidates_by_name) if unlike_names else list(self._candidates_by_name)
        positions = {member.name: position for position, member in enumerate(self.members)}
        candidates.sort(key=lambda candidate: min(positions[member.name] for member in candidate.members))
        return self.assign_keys(candidates)

    @cached_property
    def _candidates_by_name(self) -> list[_GroupCandidate]:
        return [part for candidate in self.find_candidates() for part in self.split(candidate)]

    def find_candidates(self) -> list[_GroupCandidate]:
        """Group numbered names by their base, and the others by the beginning of their names, up to the last dash."""
        # One numbered name alone, such as `db-1`, is no series: `count: 1` would say less than its name.
        numbered_members: dict[str, list[GroupMember]] = defaultdict(list)
        for member in self.members:
            match = _NUMBERED_NAME.fullmatch(member.name)
            if match:
                numbered_members[match["base"]].append(member)
        series = [_GroupCandidate(base, tuple(members), True) for base, members in numbered_members.items() if len(members) > 1]
        numbered_names = {member.name for candidate in series for member in candidate.members}
        others: dict[str, list[GroupMember]] = defaultdict(list)
        for member in self.members:
            if member.name not in numbered_names:
                others[member.name.rpartition("-")[0]].append(member)
        return series + [_GroupCandidate(base, tuple(members), False) for base, members in others.items()]

    def split(self, candidate: _GroupCandidate) -> list[_GroupCandidate]:
        """Split a candidate into groups of VMs that take fewer lines together than alone."""
        if not candidate.base:
            return [_GroupCandidate("", (member,), False) for member in candidate.members]
        groups: list[_GroupCandidate] = []
        clusters = _cluster_identical(candidate.members)
        while clusters:
            main, *rest = clusters
            inside = {member.name for member in main}
            clusters = []
            for cluster in rest:
                if self._is_shorter_together(cluster, main, candidate):
                    inside |= {member.name for member in cluster}
                else:
                    clusters.append(cluster)
            members = tuple(member for member in candidate.members if member.name in inside)
            groups.append(_GroupCandidate(candidate.base, members, candidate.is_numbered))
        return groups

    def merge_alike(self, candidates: list[_GroupCandidate]) -> list[_GroupCandidate]:
        """Merge candidates with equal VMs; numbered series stay apart."""
        series = [candidate for candidate in candidates if candidate.is_numbered and len(candidate.members) > 1]
        others = [candidate for candidate in candidates if not candidate.is_numbered or len(candidate.members) == 1]
        groups: list[_GroupCandidate] = []
        # The largest first, so that single VMs join a group as its exceptions and not the other way round.
        for candidate in sorted(others, key=lambda candidate: len(candidate.members), reverse=True):
            for index, group in enumerate(groups[:_MAX_GROUPS_TRIED]):
                if self._is_alike(candidate, group):
                    base = group.base if group.base == candidate.base else ""
                    groups[index] = _GroupCandidate(base, group.members + candidate.members, False)
                    break
            else:
                groups.append(candidate)
        return series + groups

    def _is_alike(self, candidate: _GroupCandidate, group: _GroupCandidate) -> bool:
        """Return True if both have equal VMs, or the candidate is one VM that is a small exception in the group."""
        settings = {member.key_groups for member in group.members}
        # One equal VM is enough: the others were found to be its exceptions already.
        if any(member.key_groups in settings for member in candidate.members):
            return True
        mains = _cluster_identical(group.members)[:2] if len(group.members) > 1 else []
        return len(candidate.members) == 1 and any(self._is_shorter_together(candidate.members, main, group) for main in mains)

    def _is_shorter_together(
        self, cluster: tuple[GroupMember, ...], main: tuple[GroupMember, ...], candidate: _GroupCandidate
    ) -> bool:
        """Return True if equal VMs take fewer lines as exceptions in the group of the main VMs than in their own."""
        main_settings, settings = main[0].key_groups, cluster[0].key_groups
        differences = sum(left != right for left, right in zip(main_settings, settings))
        if not candidate.is_numbered and differences > _MAX_DIFFERENCES:
            return False
        override = build_override(self.splitter, self.base, main_settings, settings)
        if override is None or (not candidate.is_numbered and 2 * len(override) >= self._count_lines(main[0])):
            return False
        # A series keeps its numbers in one group at any price in keys; what it costs in lines still counts.
        lines_together = len(cluster) * count_instance_lines(override) if override else 0
        return lines_together <= 1 + self._count_lines(cluster[0]) + (len(cluster) > 1)

    def _count_lines(self, member: GroupMember) -> int:
        differences = map(self.splitter.find_difference, range(len(self.base)), self.base, member.key_groups)
        return sum(self.splitter.count_lines(difference or EMPTY_KEY_GROUP) for difference in differences)

    def assign_keys(self, candidates: Sequence[_GroupCandidate]) -> tuple[GroupDraft, ...]:
        """Return the candidates as groups with a key each. A single VM has its name as the key."""
        keys = {candidate.members[0].name for candidate in candidates if len(candidate.members) == 1}
        groups = []
        for candidate in candidates:
            key, structure = candidate.members[0].name, dict[str, Any]()
            if len(candidate.members) > 1:
                key = self._choose_key(candidate, keys)
                structure = _build_structure(key, candidate)
            keys.add(key)
            key_groups = find_best_defaults(self.splitter, self.base, [member.key_groups for member in candidate.members])
            groups.append(GroupDraft(key, structure, candidate.members, key_groups))
        return tuple(groups)

    def _choose_key(self, candidate: _GroupCandidate, keys: set[str]) -> str:
        first = candidate.members[0]
        name = candidate.base or self.splitter.get_image_name(first.key_groups)
        # The key of a group is a part of the names of its VMs, which begin with a letter.
        name = name if _NAME_PATTERN.fullmatch(name) else first.name
        choices = [name, first.name, *(f"{name}-group{number}" for number in ("", *range(2, len(keys) + 3)))]
        return next(choice for choice in choices if choice not in keys)


def _cluster_identical(members: Iterable[GroupMember]) -> list[tuple[GroupMember, ...]]:
    """Return the members in clusters of equal settings, the largest first."""
    clusters: dict[KeyGroups, list[GroupMember]] = defaultdict(list)
    for member in members:
        clusters[member.key_groups].append(member)
    return sorted(map(tuple, clusters.values()), key=len, reverse=True)


def _build_structure(key: str, candidate: _GroupCandidate) -> dict[str, Any]:
    """Return `count`, with `skip` if at most one number is missing for two that are there; else `names`."""
    names: dict[str, Any] = {"names": [member.name for member in candidate.members]}
    if not candidate.is_numbered:
        return names
    numbers = sorted(int(member.name.rpartition("-")[2]) for member in candidate.members)
    skip = sorted(set(range(1, numbers[-1])) - set(numbers))
    # A list of numbers to skip that is longer says less than the names.
    if 2 * len(skip) > len(numbers):
        return names
    structure: dict[str, Any] = {"count": len(numbers), **({"skip": skip} if skip else {})}
    return structure if key == candidate.base else {**structure, "name": candidate.base}
