"""Versions of a platform: which parts of its data files hold at one of them.

A mapping with `since` or `until` exists in these versions only, both included; `changes` has, by version, what the mapping
changes it from that version on. `newest` is the newest version that vmgen knows, `next` the one after it.
"""

import re
from typing import NamedTuple

from vmgen.merge.layers import merge
from vmgen.problems import VmgenError
from vmgen.read.located import Located

NEXT, NEWEST = "next", "newest"
_BOUNDS = frozenset(("since", "until"))
_RANGE_KEYS = _BOUNDS | {"changes"}
_Number = tuple[int, ...]


class UnknownVersionError(VmgenError):
    """A version that is older than the oldest known one, or newer than the newest. The text lists the known ones."""


class Versions(NamedTuple):
    """The versions of a platform whose rules are known, oldest first; empty if its rules are always the same.

    `default` is the version of an environment that writes none, and `question` the sentence that says how to find out.
    """

    names: tuple[str, ...] = ()
    default: str = ""
    question: str = ""

    def resolve(self, name: str) -> str:
        """Return the known version whose rules hold for a written one: itself, or the nearest older one.

        A patch is ignored: `1.6.2` is 1.6. Raises UnknownVersionError.
        """
        if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){0,2}", name):
            raise UnknownVersionError(f"is no version such as {self.names[-1]}; available: {', '.join(self.names)}")
        # By numbers: as texts, 1.10 would be older than 1.9.
        number = _parse(name)
        names = ", ".join(f'"{version}"' for version in self.names)
        if number < _parse(self.names[0]):
            raise UnknownVersionError(f"is older than every version that vmgen knows; it knows {names}")
        if number > _parse(self.names[-1]):
            raise UnknownVersionError(f"is newer than every version that vmgen knows; it knows {names}")
        return next(version for version in reversed(self.names) if _parse(version) <= number)

    def is_older(self, version: str, other: str) -> bool:
        """Return whether a version is older than another."""
        return _parse(version) < _parse(other)

    def describe(self, versions: tuple[str, ...]) -> str:
        """Return known versions for a message: `1.3 and later`, `0.41 and earlier`, `1`, `1.0 to 1.3`."""
        first, last = versions[0], versions[-1]
        if len(versions) == 1:
            return f"{first} and later" if first == self.names[-1] and len(self.names) > 2 else first
        if last == self.names[-1]:
            return f"{first} and later"
        return f"{last} and earlier" if first == self.names[0] else f"{first} to {last}"

    def includes(self, entry: Located, version: str) -> bool:
        """Return whether an entry exists at a version, by its `since` and `until`. Without versions the newest counts."""
        if not isinstance(entry.data, dict) or _BOUNDS.isdisjoint(entry.data):  # as most entries
            return True
        since, until = _get_bound(entry, "since"), _get_bound(entry, "until")
        if NEXT in (since, version):
            return version == NEXT and not until
        if not self.names:
            return until in ("", NEWEST)
        number = _parse(version)
        return (not since or _parse(since) <= number) and (until in ("", NEWEST) or number <= _parse(until))

    def select(self, value: Located, version: str) -> Located:
        """Return the part of a data file that applies to a version, without its `since` and `until`."""
        if isinstance(value.data, tuple):
            items = tuple(self.select(item, version) for item in value.data if self.includes(item, version))
            same = len(items) == len(value.data) and all(new is old for new, old in zip(items, value.data))
            return value if same else value._replace(data=items)
        if not isinstance(value.data, dict):
            return value
        entry = value if _RANGE_KEYS.isdisjoint(value.data) else self._apply_changes(value, version)
        data = {
            key: self.select(item, version) if isinstance(item.data, dict | tuple) else item
            for key, item in entry.mapping.items()
            if self.includes(item, version)
        }
        # The same object where nothing changes, so that a version costs no copy of the catalog.
        same = len(data) == len(entry.mapping) and all(data[key] is entry.mapping[key] for key in data)
        return entry if same else entry._replace(data=data)

    def _apply_changes(self, entry: Located, version: str) -> Located:
        changed_entry = entry._replace(data={key: item for key, item in entry.mapping.items() if key not in _RANGE_KEYS})
        changes = entry.get("changes")
        steps = [(_parse(since), change) for since, change in changes.mapping.items()] if changes else []
        for since, change in sorted(steps, key=lambda step: step[0]):
            if not self.names or version == NEXT or since <= _parse(version):
                changed_entry = entry._replace(data=merge(changed_entry, change).data)
        return changed_entry


def _get_bound(entry: Located, key: str) -> str:
    version = entry.get(key)
    return version.text if version else ""


def _parse(version: str) -> _Number:
    """Return major and minor of a version; a patch is left out."""
    return tuple(int(part) for part in (*version.split("."), "0")[:2])
