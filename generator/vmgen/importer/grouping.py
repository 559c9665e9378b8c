"""Which VMs a person would call a group: those with numbered names, and those that are the same in everything but name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.importer.parts import (
    EMPTY_KEY_GROUP,
    KeyGroup,
    KeyGroupSplitter,
    build_override,
    count_entry_lines,
    find_best_defaults,
)

_NUMBERED_NAME = re.compile(r"(?P<base>[a-z]([-a-z0-9]*[a-z0-9])?)-(?P<number>[1-9][0-9]{0,3})")
_NAME_PATTERN = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# A VM that shares no number with others is taken into their group for its name's beginning only if so few keys differ.
_MAX_DIFFERENCES = 2
# Of how many groups it is asked whether one more VM belongs to them: in a fleet of a thousand unlike VMs nothing is found.
_MAX_GROUPS_TRIED = 50


class GroupMember(NamedTuple):
    """A VM to be grouped: its name, and what it is."""

    name: str
    key_groups: tuple[KeyGroup, ...]


class GroupDraft(NamedTuple):
    """VMs that become one group. `parts` is what most of them are, `structure` the keys that say which VMs there are."""

    key: str
    structure: Mapping[str, Any]
    members: tuple[GroupMember, ...]
    key_groups: tuple[KeyGroup, ...]

    def get_instance_key(self, member: GroupMember) -> str:
        """How `instances` names a member."""
        return member.name.rpartition("-")[2] if "count" in self.structure else member.name


class _GroupCandidate(NamedTuple):
    """VMs that may become one group; `numbered` where their names say so. `base` is empty where they share no beginning."""

    base: str
    members: tuple[GroupMember, ...]
    is_numbered: bool


def group_vms(
    members: Iterable[GroupMember], parts: KeyGroupSplitter, base: tuple[KeyGroup, ...], *, unlike_names: bool = False
) -> tuple[GroupDraft, ...]:
    """The members as groups, in the order of their first VMs. `base` is what a group has before anything is written.

    With `unlike_names`, VMs that are the same become one group even where their names have nothing in common.
    """
    grouping = _Grouper(tuple(members), parts, base)
    found = [made for family in grouping.find_candidates() for made in grouping.split(family)]
    if unlike_names:
        found = grouping.merge_alike(found)
    order = {member.name: position for position, member in enumerate(grouping.members)}
    found.sort(key=lambda family: min(order[member.name] for member in family.members))
    return grouping.assign_keys(found)


class _Grouper:
    def __init__(self, members: tuple[GroupMember, ...], parts: KeyGroupSplitter, base: tuple[KeyGroup, ...]) -> None:
        self.members = members
        self.splitter = parts
        self.base = base

    def find_candidates(self) -> list[_GroupCandidate]:
        """Numbered names by their base; the rest by the beginning of their names, up to the last dash."""
        numbered: dict[str, list[GroupMember]] = defaultdict(list)
        for member in self.members:
            match = _NUMBERED_NAME.fullmatch(member.name)
            if match:
                numbered[match["base"]].append(member)
        families = [_GroupCandidate(base, tuple(some), True) for base, some in numbered.items() if len(some) > 1]
        taken = {member.name for family in families for member in family.members}
        others: dict[str, list[GroupMember]] = defaultdict(list)
        for member in self.members:
            if member.name not in taken:
                others[member.name.rpartition("-")[0]].append(member)
        return families + [_GroupCandidate(base, tuple(some), False) for base, some in others.items()]

    def split(self, family: _GroupCandidate) -> list[_GroupCandidate]:
        """The groups of a family: each has those VMs that take fewer lines together than alone."""
        if not family.base:
            return [_GroupCandidate("", (member,), False) for member in family.members]
        found: list[_GroupCandidate] = []
        clusters = _group_identical(family.members)
        while clusters:
            main, *rest = clusters
            inside, outside = [main], list[tuple[GroupMember, ...]]()
            for cluster in rest:
                (inside if self._is_shorter_together(cluster, main, family) else outside).append(cluster)
            names = {member.name for cluster in inside for member in cluster}
            members = tuple(member for member in family.members if member.name in names)
            found.append(_GroupCandidate(family.base, members, family.is_numbered))
            clusters = outside
        return found

    def merge_alike(self, families: list[_GroupCandidate]) -> list[_GroupCandidate]:
        """The families, those put together that are the same but for names, unless numbers say that they are apart."""
        found = [family for family in families if family.is_numbered and len(family.members) > 1]
        others = [family for family in families if not family.is_numbered or len(family.members) == 1]
        merged: list[_GroupCandidate] = []
        for family in sorted(others, key=lambda family: len(family.members), reverse=True):
            at = next((at for at, other in enumerate(merged[:_MAX_GROUPS_TRIED]) if self._is_alike(family, other)), len(merged))
            if at == len(merged):
                merged.append(family)
            else:
                base = merged[at].base if merged[at].base == family.base else ""
                merged[at] = _GroupCandidate(base, merged[at].members + family.members, False)
        return found + merged

    def _is_alike(self, family: _GroupCandidate, other: _GroupCandidate) -> bool:
        """Whether families have a VM in common but for its name; or one VM would be a small exception in the other."""
        known = {member.key_groups for member in other.members}
        if any(member.key_groups in known for member in family.members):
            return True
        mains = _group_identical(other.members)[:2] if len(other.members) > 1 else []
        return len(family.members) == 1 and any(self._is_shorter_together(family.members, main, other) for main in mains)

    def _is_shorter_together(
        self, cluster: tuple[GroupMember, ...], main: tuple[GroupMember, ...], family: _GroupCandidate
    ) -> bool:
        """Whether some VMs are shorter said as exceptions in the group of the main ones."""
        unlike = sum(one != other for one, other in zip(main[0].key_groups, cluster[0].key_groups))
        if not family.is_numbered and unlike > _MAX_DIFFERENCES:
            return False
        different = build_override(self.splitter, self.base, main[0].key_groups, cluster[0].key_groups)
        if different is None:
            return False
        alone = 1 + self._count_lines(cluster[0]) + (len(cluster) > 1)
        if not family.is_numbered and 2 * len(different) >= self._count_lines(main[0]):
            return False
        return len(cluster) * count_entry_lines(different) <= alone

    def _count_lines(self, member: GroupMember) -> int:
        over = (self.splitter.find_difference(index, self.base[index], part) for index, part in enumerate(member.key_groups))
        return sum(self.splitter.count_lines(each or EMPTY_KEY_GROUP) for each in over)

    def assign_keys(self, families: Sequence[_GroupCandidate]) -> tuple[GroupDraft, ...]:
        """The families with a key each: VMs that stand alone keep theirs, for it is their name."""
        keys = {family.members[0].name for family in families if len(family.members) == 1}
        made = []
        for family in families:
            if len(family.members) == 1:
                key, structure = family.members[0].name, {}
            else:
                key = self._choose_key(family, keys)
                structure = _build_structure(key, family)
            keys.add(key)
            shared = find_best_defaults(self.splitter, self.base, [member.key_groups for member in family.members])
            made.append(GroupDraft(key, structure, family.members, shared))
        return tuple(made)

    def _choose_key(self, family: _GroupCandidate, keys: set[str]) -> str:
        first = family.members[0]
        wanted = family.base or self.splitter.get_image_name(first.key_groups)
        wanted = wanted if _NAME_PATTERN.fullmatch(wanted) else first.name
        candidates = [wanted, first.name, *(f"{wanted}-group{number}" for number in ("", *range(2, len(keys) + 3)))]
        return next(each for each in candidates if each not in keys)


def _group_identical(members: Iterable[GroupMember]) -> list[tuple[GroupMember, ...]]:
    """The members by what they are, the most frequent first."""
    found: dict[tuple[KeyGroup, ...], list[GroupMember]] = defaultdict(list)
    for member in members:
        found[member.key_groups].append(member)
    return sorted((tuple(some) for some in found.values()), key=len, reverse=True)


def _build_structure(key: str, family: _GroupCandidate) -> dict[str, Any]:
    """`count`, with `skip` where few numbers are missing; else `names`."""
    names: dict[str, Any] = {"names": [member.name for member in family.members]}
    if not family.is_numbered:
        return names
    numbers = sorted(int(member.name.rpartition("-")[2]) for member in family.members)
    skip = sorted(set(range(1, numbers[-1])) - set(numbers))
    counted: dict[str, Any] = {"count": len(numbers), **({"skip": skip} if skip else {})}
    if key != family.base:
        counted["name"] = family.base
    return counted if 2 * len(skip) <= len(numbers) else names
