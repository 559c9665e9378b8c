"""The part of an environment that can be expanded although something in it has the wrong shape.

A plan shows every change that it can, so one wrong value takes out its group or its disk and not the environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.merge.environment import Environment
from vmgen.merge.settings import contains_invalid
from vmgen.read.located import INVALID, Located
from vmgen.read.schema import load_builtin_schema

# What these keys hold reaches no manifest.
_KEYS_BESIDE_MANIFESTS = frozenset({"budget", "delivery", "policy", "prices", "retire"})
_KEYS_OF_OBJECTS = ("vms", "disks")


class Omissions(NamedTuple):
    """The groups and standalone disks of an environment that cannot be expanded, by their keys.

    The folder of a group is its key, so the committed files there cannot be compared either.
    """

    groups: frozenset[str] = frozenset()
    disks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.groups or self.disks)

    def __or__(self, other: Omissions) -> Omissions:
        return Omissions(self.groups | other.groups, self.disks | other.disks)

    def covers(self, path: str) -> bool:
        """Return true for the path of a manifest, below `manifests/`, that is left out with its group or disk."""
        names = path.split("/")[2:]  # behind the environment and the folder of the kind
        return names[0] in self.groups if len(names) > 1 else bool(names) and names[0].partition(".")[0] in self.disks


def select_expandable(environment: Environment) -> tuple[Environment, Omissions] | None:
    """Return the environment without what cannot be expanded; None if a wrong value reaches all of its objects."""
    content = environment.settings.located.mapping
    reaching = load_builtin_schema("environment").document["properties"].keys() - _KEYS_BESIDE_MANIFESTS
    shared = [value for key, value in content.items() if key in reaching and key not in _KEYS_OF_OBJECTS]
    if any(map(contains_invalid, shared)) or any(content[key].data is INVALID for key in _KEYS_OF_OBJECTS if key in content):
        return None
    groups, disks = (_list_invalid(content[key]) if key in content else frozenset() for key in _KEYS_OF_OBJECTS)
    omissions = Omissions(groups, disks)
    return omit(environment, omissions), omissions


def omit(environment: Environment, omissions: Omissions) -> Environment:
    """Return the environment without some groups and standalone disks."""
    return environment._replace(
        groups=tuple(group for group in environment.groups if group.key not in omissions.groups),
        disks=tuple(disk for disk in environment.disks if disk.name not in omissions.disks),
    )


def split(environment: Environment) -> Iterator[tuple[Environment, Omissions]]:
    """Yield the environment with each of its groups and standalone disks alone, and that as what to leave out."""
    for group in environment.groups:
        yield environment._replace(groups=(group,), disks=()), Omissions(groups=frozenset({group.key}))
    for disk in environment.disks:
        yield environment._replace(groups=(), disks=(disk,)), Omissions(disks=frozenset({disk.name}))


def _list_invalid(entries: Located) -> frozenset[str]:
    return frozenset(key for key, value in entries.mapping.items() if contains_invalid(value))
