"""The part of a fleet that somebody asked for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from vmgen.expand.model import Disk, Fleet, VirtualMachine
from vmgen.problems import VmgenError

_REQUIREMENT_PATTERN = re.compile(r"(?P<not>!?)(?P<key>[^=!,\s]+)(?:(?P<operator>==?|!=)(?P<value>[^=!,\s]*))?")


class LabelRequirement(NamedTuple):
    """One condition on labels, as `kubectl -l` has them: `team=shop`, `team!=shop`, `team`, `!team`."""

    key: str
    value: str | None
    expected: bool

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fit."""
        fits = self.key in labels if self.value is None else labels.get(self.key) == self.value
        return fits is self.expected


def parse_selectors(selectors: Collection[str]) -> tuple[LabelRequirement, ...]:
    """The conditions of some `-l` options, each of which may hold several, with commas between."""
    return tuple(_parse_requirement(text.strip()) for selector in selectors for text in selector.split(","))


def _parse_requirement(text: str) -> LabelRequirement:
    found = _REQUIREMENT_PATTERN.fullmatch(text)
    if not found or (found["not"] and found["operator"]):
        raise VmgenError(f"'{text}' is no condition on labels; write key=value, key!=value, key or !key")
    return LabelRequirement(found["key"], found["value"], not found["not"] and found["operator"] != "!=")


class Selection(NamedTuple):
    """Which VMs are wanted: of these groups (of all, where none is named), only exposed ones, with these labels."""

    groups: frozenset[str] = frozenset()
    exposed: bool = False
    requirements: tuple[LabelRequirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups or self.exposed or self.requirements)

    def select_machines(self, fleet: Fleet) -> tuple[VirtualMachine, ...]:
        """The VMs that are wanted."""
        return tuple(machine for machine in fleet.machines if self._matches_machine(machine)) if self else fleet.machines

    def select_disks(self, fleet: Fleet) -> tuple[Disk, ...]:
        """The disks that are wanted: by their own group and labels, and as disks of exposed VMs."""
        if not self:
            return fleet.disks
        public = {disk.name for machine in fleet.machines if machine.values["external"] for disk in machine.disks}
        return tuple(
            disk for disk in fleet.disks if self._matches(disk.group, disk.values) and (not self.exposed or disk.name in public)
        )

    def _matches_machine(self, machine: VirtualMachine) -> bool:
        return self._matches(machine.group, machine.values) and (not self.exposed or bool(machine.values["external"]))

    def _matches(self, group: str, values: Mapping[str, Mapping[str, str]]) -> bool:
        return (not self.groups or group in self.groups) and all(term.matches(values["labels"]) for term in self.requirements)
