"""The VMs and disks of a fleet: selection by group, exposure and labels, and table rows."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.check.totals import Totals
from vmgen.expand.model import Disk, Fleet, VirtualMachine
from vmgen.problems import VmgenError
from vmgen.quantities import format_size
from vmgen.report.totals import compute_shape_totals

_REQUIREMENT_PATTERN = re.compile(r"(?P<not>!?)(?P<key>[^=!,\s]+)(?:(?P<operator>==?|!=)(?P<value>[^=!,\s]*))?")


class LabelRequirement(NamedTuple):
    """One requirement of a label selector, as in `kubectl -l`: `team=shop`, `team!=shop`, `team`, `!team`.

    `value` is None if only the key matters. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
    """

    key: str
    value: str | None
    expected: bool

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return true if labels fulfil the requirement."""
        # As kubectl has it, `team!=shop` also selects what has no such label.
        fits = self.key in labels if self.value is None else labels.get(self.key) == self.value
        return fits is self.expected


def parse_selectors(selectors: Collection[str]) -> tuple[LabelRequirement, ...]:
    """Parse `-l` options, each of which may hold several requirements with commas between.

    Raises VmgenError if one is malformed.
    """
    requirements = []
    for text in (text.strip() for selector in selectors for text in selector.split(",")):
        match = _REQUIREMENT_PATTERN.fullmatch(text)
        if not match or (match["not"] and match["operator"]):
            raise VmgenError(f"invalid label selector '{text}'; write key=value, key!=value, key or !key")
        is_met_by_value = not match["not"] and match["operator"] != "!="
        requirements.append(LabelRequirement(match["key"], match["value"], is_met_by_value))
    return tuple(requirements)


class Selection(NamedTuple):
    """A filter of VMs and disks. Without groups it selects all groups; an empty one is false and selects everything."""

    groups: frozenset[str] = frozenset()
    is_exposed: bool = False
    requirements: tuple[LabelRequirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups or self.is_exposed or self.requirements)

    def select_machines(self, fleet: Fleet) -> tuple[VirtualMachine, ...]:
        """Return the selected VMs."""
        if not self:
            return fleet.machines
        return tuple(
            machine
            for machine in fleet.machines
            if self._matches(machine.group, machine.values) and (not self.is_exposed or machine.values["external"])
        )

    def select_disks(self, fleet: Fleet) -> tuple[Disk, ...]:
        """Return the selected disks: by their own group and labels; exposed are those of exposed VMs."""
        if not self:
            return fleet.disks
        exposed_names = {disk.name for machine in fleet.machines if machine.values["external"] for disk in machine.disks}
        return tuple(
            disk
            for disk in fleet.disks
            if self._matches(disk.group, disk.values) and (not self.is_exposed or disk.name in exposed_names)
        )

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
DISK_COLUMNS = ("environment", "disk", "group", "vm", "source", "storage", "storageClass", "optical", "protected", "kept")


def build_vm_rows(fleet: Fleet, machines: Iterable[VirtualMachine]) -> Iterator[tuple[object, ...]]:
    """Build a row for each VM; `storage` is the sum of all its disks, shared ones included."""
    totals_by_values = compute_shape_totals(fleet)
    storage_by_values = {shape: totals.all_storage for shape, totals in totals_by_values.items()}
    storage_by_disk = {disk.name: storage_by_values[id(disk.values)] for disk in fleet.disks}
    cells_by_shape: dict[tuple[int, int], tuple[object, ...]] = {}
    storage_texts = {0: ""}
    for machine in machines:
        shape = (id(machine.values), id(machine.settings))  # VMs of a group share both
        if shape not in cells_by_shape:
            cells_by_shape[shape] = _describe_shape(machine, totals_by_values[shape[0]], fleet)
        instance_type, cpu, memory, image, exposure, state = cells_by_shape[shape]
        storage = sum([storage_by_disk.get(disk.name, 0) for disk in machine.disks])
        if storage not in storage_texts:
            storage_texts[storage] = format_size(storage)
        own = (fleet.environment, machine.name, machine.group)
        yield *own, instance_type, cpu, memory, image, len(machine.disks), storage_texts[storage], exposure, state


def _describe_shape(machine: VirtualMachine, totals: Totals, fleet: Fleet) -> tuple[object, ...]:
    """Return the cells that are the same for all VMs with the values and the settings of one."""
    return (
        machine.values["instanceType"],
        totals.cpu or "",
        format_size(totals.memory) if totals.memory else "",
        machine.settings.get_plain("image", ""),
        describe_exposure(machine),
        describe_state(machine, fleet),
    )


def build_disk_rows(fleet: Fleet, disks: Iterable[Disk]) -> Iterator[tuple[object, ...]]:
    """Build a row for each disk. One that a rebuild put aside is kept, and costs until it is retired."""
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
            "until retired" if disk.is_previous else "",
        )


def describe_state(machine: VirtualMachine, fleet: Fleet) -> str:
    """Return `running`, `halted`, or another run strategy of the VM as it is written."""
    roles = fleet.platform.roles
    strategy = roles.find_strategy(machine.values)
    return roles.states.get(strategy, strategy)


def describe_exposure(machine: VirtualMachine) -> str:
    """Return the public ports of a VM, `all ports`, or an empty string if it has no public address."""
    if not machine.values["external"]:
        return ""
    if machine.values["externalMethod"] != "PortList":
        return "all ports"
    return ",".join(map(str, machine.values["externalPorts"]))


def describe_source(disk: Disk) -> str:
    """Return the kind and the name of a disk's source, `image ubuntu`, or `blank`."""
    for kind, details in disk.values["source"].items():
        return f"{kind} {next(iter(details.values()), '')}".strip()
    return "blank"
