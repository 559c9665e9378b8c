"""The part of a fleet that somebody asked for.

The fleet as rows: one VM or one disk each.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.expand.model import Disk, Fleet, VirtualMachine
from vmgen.problems import VmgenError
from vmgen.quantities import format_size, parse_size
from vmgen.report.totals import compute_machine_totals

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


VM_COLUMNS = (
    "environment",
    "vm",
    "group",
    "instanceType",
    "vcpu",
    "memory",
    "image",
    "disks",
    "storage",
    "exposure",
    "state",
)
DISK_COLUMNS = ("environment", "disk", "group", "vm", "source", "storage", "storageClass", "optical", "protected")


def build_vm_rows(fleet: Fleet, machines: Iterable[VirtualMachine]) -> Iterator[tuple[object, ...]]:
    """A row for each VM; `storage` is that of all its disks, those it shares included."""
    sizes = {disk.name: parse_size(disk.values["storage"]) for disk in fleet.disks}
    for machine in machines:
        asked = compute_machine_totals(machine, fleet)
        storage = sum(sizes.get(disk.name, 0) for disk in machine.disks)
        yield (
            fleet.environment,
            machine.name,
            machine.group,
            machine.values["instanceType"],
            asked.cpu or "",
            format_size(asked.memory) if asked.memory else "",
            machine.settings.get_plain("image", ""),
            len(machine.disks),
            format_size(storage) if storage else "",
            describe_exposure(machine),
            describe_state(machine),
        )


def build_disk_rows(fleet: Fleet, disks: Iterable[Disk]) -> Iterator[tuple[object, ...]]:
    """A row for each disk."""
    for disk in disks:
        yield (
            fleet.environment,
            disk.name,
            disk.group,
            disk.vm,
            describe_source(disk),
            disk.values["storage"],
            disk.values["storageClass"],
            "yes" if disk.values["optical"] else "no",
            "yes" if disk.settings.get_plain("protect", True) else "no",
        )


def describe_state(machine: VirtualMachine) -> str:
    """Whether a VM is meant to run: `running`, `halted`, or the run strategy where it has one of its own."""
    strategy = str(machine.values.get("runStrategy") or "")
    if strategy:
        return {"Always": "running", "Halted": "halted"}.get(strategy, strategy)
    return "running" if machine.values["running"] else "halted"


def describe_exposure(machine: VirtualMachine) -> str:
    """How the Internet reaches a VM: not at all (empty), by its ports, or by `all ports`."""
    if not machine.values["external"]:
        return ""
    if machine.values["externalMethod"] != "PortList":
        return "all ports"
    return ",".join(map(str, machine.values["externalPorts"]))


def describe_source(disk: Disk) -> str:
    """What a disk is made from, in a word: the image, the address, the disk, or `blank`."""
    for kind, details in disk.values["source"].items():
        return f"{kind} {next(iter(details.values()), '')}".strip()
    return "blank"
