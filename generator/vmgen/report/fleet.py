"""The fleet as rows: one VM or one disk each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vmgen.expand.model import Disk, Fleet, VirtualMachine
from vmgen.quantities import format_size, parse_size
from vmgen.report.totals import compute_machine_totals

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
