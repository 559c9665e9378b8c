"""Which VMs a person would call a group: those with numbered names, and those that are the same in everything but name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.adopt.parts import EMPTY, Part, Parts
from vmgen.adopt.sharing import cheapest, override, override_lines

_NUMBERED = re.compile(r"(?P<base>[a-z]([-a-z0-9]*[a-z0-9])?)-(?P<number>[1-9][0-9]{0,3})")
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# A VM that shares no number with others is taken into their group for its name's beginning only if so few keys differ.
_MOST_DIFFERENT = 2
# Of how many groups it is asked whether one more VM belongs to them: in a fleet of a thousand unlike VMs nothing is found.
_MOST_TRIED = 50


class Member(NamedTuple):
    """A VM to be grouped: its name, and what it is."""

    name: str
    parts: tuple[Part, ...]


class Group(NamedTuple):
    """VMs that become one group. `parts` is what most of them are, `structure` the keys that say which VMs there are."""

    key: str
    structure: Mapping[str, Any]
    members: tuple[Member, ...]
    parts: tuple[Part, ...]

    def label(self, member: Member) -> str:
        """How `instances` names a member."""
        return member.name.rpartition("-")[2] if "count" in self.structure else member.name


class _Family(NamedTuple):
    """VMs that may become one group; `numbered` where their names say so. `base` is empty where they share no beginning."""

    base: str
    members: tuple[Member, ...]
    numbered: bool


def groups(members: Iterable[Member], parts: Parts, base: tuple[Part, ...], *, unlike_names: bool = False) -> tuple[Group, ...]:
    """The members as groups, in the order of their first VMs. `base` is what a group has before anything is written.

    With `unlike_names`, VMs that are the same become one group even where their names have nothing in common.
    """
    grouping = _Grouping(tuple(members), parts, base)
    found = [made for family in grouping.families() for made in grouping.split(family)]
    if unlike_names:
        found = grouping.merged(found)
    order = {member.name: position for position, member in enumerate(grouping.members)}
    found.sort(key=lambda family: min(order[member.name] for member in family.members))
    return grouping.named(found)


class _Grouping:
    def __init__(self, members: tuple[Member, ...], parts: Parts, base: tuple[Part, ...]) -> None:
        self.members = members
        self.parts = parts
        self.base = base

    def families(self) -> list[_Family]:
        """Numbered names by their base; the rest by the beginning of their names, up to the last dash."""
        numbered: dict[str, list[Member]] = defaultdict(list)
        for member in self.members:
            match = _NUMBERED.fullmatch(member.name)
            if match:
                numbered[match["base"]].append(member)
        families = [_Family(base, tuple(some), True) for base, some in numbered.items() if len(some) > 1]
        taken = {member.name for family in families for member in family.members}
        others: dict[str, list[Member]] = defaultdict(list)
        for member in self.members:
            if member.name not in taken:
                others[member.name.rpartition("-")[0]].append(member)
        return families + [_Family(base, tuple(some), False) for base, some in others.items()]

    def split(self, family: _Family) -> list[_Family]:
        """The groups of a family: each has those VMs that take fewer lines together than alone."""
        if not family.base:
            return [_Family("", (member,), False) for member in family.members]
        found: list[_Family] = []
        clusters = _clusters(family.members)
        while clusters:
            main, *rest = clusters
            inside, outside = [main], list[tuple[Member, ...]]()
            for cluster in rest:
                (inside if self._belongs(cluster, main, family) else outside).append(cluster)
            names = {member.name for cluster in inside for member in cluster}
            members = tuple(member for member in family.members if member.name in names)
            found.append(_Family(family.base, members, family.numbered))
            clusters = outside
        return found

    def merged(self, families: list[_Family]) -> list[_Family]:
        """The families, those put together that are the same but for names, unless numbers say that they are apart."""
        found = [family for family in families if family.numbered and len(family.members) > 1]
        others = [family for family in families if not family.numbered or len(family.members) == 1]
        merged: list[_Family] = []
        for family in sorted(others, key=lambda family: len(family.members), reverse=True):
            at = next((at for at, other in enumerate(merged[:_MOST_TRIED]) if self._alike(family, other)), len(merged))
            if at == len(merged):
                merged.append(family)
            else:
                base = merged[at].base if merged[at].base == family.base else ""
                merged[at] = _Family(base, merged[at].members + family.members, False)
        return found + merged

    def _alike(self, family: _Family, other: _Family) -> bool:
        """Whether families have a VM in common but for its name; or one VM would be a small exception in the other."""
        known = {member.parts for member in other.members}
        if any(member.parts in known for member in family.members):
            return True
        mains = _clusters(other.members)[:2] if len(other.members) > 1 else []
        return len(family.members) == 1 and any(self._belongs(family.members, main, other) for main in mains)

    def _belongs(self, cluster: tuple[Member, ...], main: tuple[Member, ...], family: _Family) -> bool:
        """Whether some VMs are shorter said as exceptions in the group of the main ones."""
        unlike = sum(one != other for one, other in zip(main[0].parts, cluster[0].parts))
        if not family.numbered and unlike > _MOST_DIFFERENT:
            return False
        different = override(self.parts, self.base, main[0].parts, cluster[0].parts)
        if different is None:
            return False
        alone = 1 + self._lines(cluster[0]) + (len(cluster) > 1)
        if not family.numbered and 2 * len(different) >= self._lines(main[0]):
            return False
        return len(cluster) * override_lines(different) <= alone

    def _lines(self, member: Member) -> int:
        over = (self.parts.difference(index, self.base[index], part) for index, part in enumerate(member.parts))
        return sum(self.parts.lines(each or EMPTY) for each in over)

    def named(self, families: Sequence[_Family]) -> tuple[Group, ...]:
        """The families with a key each: VMs that stand alone keep theirs, for it is their name."""
        keys = {family.members[0].name for family in families if len(family.members) == 1}
        made = []
        for family in families:
            if len(family.members) == 1:
                key, structure = family.members[0].name, {}
            else:
                key = self._free(family, keys)
                structure = _structure(key, family)
            keys.add(key)
            shared = cheapest(self.parts, self.base, [member.parts for member in family.members])
            made.append(Group(key, structure, family.members, shared))
        return tuple(made)

    def _free(self, family: _Family, keys: set[str]) -> str:
        first = family.members[0]
        wanted = family.base or self.parts.image(first.parts)
        wanted = wanted if _NAME.fullmatch(wanted) else first.name
        candidates = [wanted, first.name, *(f"{wanted}-group{number}" for number in ("", *range(2, len(keys) + 3)))]
        return next(each for each in candidates if each not in keys)


def _clusters(members: Iterable[Member]) -> list[tuple[Member, ...]]:
    """The members by what they are, the most frequent first."""
    found: dict[tuple[Part, ...], list[Member]] = defaultdict(list)
    for member in members:
        found[member.parts].append(member)
    return sorted((tuple(some) for some in found.values()), key=len, reverse=True)


def _structure(key: str, family: _Family) -> dict[str, Any]:
    """`count`, with `skip` where few numbers are missing; else `names`."""
    names: dict[str, Any] = {"names": [member.name for member in family.members]}
    if not family.numbered:
        return names
    numbers = sorted(int(member.name.rpartition("-")[2]) for member in family.members)
    skip = sorted(set(range(1, numbers[-1])) - set(numbers))
    counted: dict[str, Any] = {"count": len(numbers), **({"skip": skip} if skip else {})}
    if key != family.base:
        counted["name"] = family.base
    return counted if 2 * len(skip) <= len(numbers) else names
