"""The fleet as rows: one VM or one disk each."""

from __future__ import annotations

from collections.abc import Iterator

from generator.expand.model import Disk, Fleet, VirtualMachine
from generator.quantities import mebibytes, size

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


def vm_rows(fleet: Fleet) -> Iterator[tuple[object, ...]]:
    """A row for each VM; vCPU and memory are empty where the catalog does not know the type."""
    sizes = {disk.name: mebibytes(disk.values["storage"]) for disk in fleet.disks}
    for machine in fleet.machines:
        kind = fleet.platform.catalog.instance_types.get(machine.values["instanceType"])
        total = sum(sizes.get(disk.name, 0) for disk in machine.disks)
        yield (
            fleet.environment,
            machine.name,
            machine.group,
            machine.values["instanceType"],
            kind.cpu if kind else "",
            size(kind.memory) if kind else "",
            machine.settings.value("image", ""),
            len(machine.disks),
            size(total) if total else "",
            exposure(machine),
            "running" if machine.values["running"] else "halted",
        )


def disk_rows(fleet: Fleet) -> Iterator[tuple[object, ...]]:
    """A row for each disk."""
    for disk in fleet.disks:
        yield (
            fleet.environment,
            disk.name,
            disk.group,
            disk.vm,
            source(disk),
            disk.values["storage"],
            disk.values["storageClass"],
            "yes" if disk.values["optical"] else "no",
            "yes" if disk.settings.value("protect", True) else "no",
        )


def exposure(machine: VirtualMachine) -> str:
    """How the Internet reaches a VM: nothing, its ports, or `all ports`."""
    if not machine.values["external"]:
        return ""
    if machine.values["externalMethod"] != "PortList":
        return "all ports"
    return ",".join(map(str, machine.values["externalPorts"]))


def source(disk: Disk) -> str:
    """What a disk is made from, in a word: the image, the address, the disk, or `blank`."""
    for kind, details in disk.values["source"].items():
        return f"{kind} {next(iter(details.values()), '')}".strip()
    return "blank"
