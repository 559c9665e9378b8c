"""What VMs and disks ask of the platform, added up: the arithmetic that budgets, costs, tables and plans share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vmgen.quantities import parse_size
from vmgen.read.catalog import Catalog

# The plain value of a key of a VM or disk, None where it has none.
ValueGetter = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over objects. Memory and storage are MiB; `storage` and `gpus` are by name, a disk's size under its class.

    A halted VM counts in full: its disks and its address stay, and one line starts it again. `unsized` counts what has a
    size that nobody can tell, such as a VM whose type the catalog does not know; only an old manifest has that.
    The difference of two totals is one too, with negative numbers in it.
    """

    vms: int = 0
    cpu: int = 0
    memory: int = 0
    disks: int = 0
    storage: Mapping[str, int] = field(default_factory=dict)
    addresses: int = 0
    gpus: Mapping[str, int] = field(default_factory=dict)
    unsized: int = 0

    @property
    def all_storage(self) -> int:
        """MiB of disk, whatever the class."""
        return sum(self.storage.values())

    def __bool__(self) -> bool:
        return self != Totals()

    def __add__(self, other: Totals) -> Totals:
        return sum_totals((self, other))

    def __sub__(self, other: Totals) -> Totals:
        return self + other * -1

    def __mul__(self, times: int) -> Totals:
        return Totals(
            self.vms * times,
            self.cpu * times,
            self.memory * times,
            self.disks * times,
            {name: size * times for name, size in self.storage.items()},
            self.addresses * times,
            {name: count * times for name, count in self.gpus.items()},
            self.unsized * times,
        )


def sum_totals(parts: Iterable[Totals]) -> Totals:
    """The sum. Names are sorted, and a name of which nothing is left is gone."""
    vms = cpu = memory = disks = addresses = unsized = 0
    storage: dict[str, int] = {}
    gpus: dict[str, int] = {}
    for part in parts:
        vms += part.vms
        cpu += part.cpu
        memory += part.memory
        disks += part.disks
        addresses += part.addresses
        unsized += part.unsized
        for sums, more in ((storage, part.storage), (gpus, part.gpus)):
            for name, number in more.items():
                sums[name] = sums.get(name, 0) + number
    return Totals(vms, cpu, memory, disks, _drop_zeros(storage), addresses, _drop_zeros(gpus), unsized)


def _drop_zeros(sums: Mapping[str, int]) -> dict[str, int]:
    return {name: sums[name] for name in sorted(sums) if sums[name]}


def compute_vm_totals(value: ValueGetter, catalog: Catalog) -> Totals:
    """What one VM asks for, its disks excepted. `value` reads a key of its settings, or of the `spec` of its manifest."""
    sized = _find_vm_size(value, catalog)
    cpu, memory = sized or (0, 0)
    gpus: dict[str, int] = {}
    for gpu in value("gpus") or ():
        name = gpu.get("name") if isinstance(gpu, dict) else gpu
        if isinstance(name, str):
            gpus[name] = gpus.get(name, 0) + 1
    addresses = 1 if value("external") is True else 0
    return Totals(vms=1, cpu=cpu, memory=memory, addresses=addresses, gpus=gpus, unsized=0 if sized else 1)


def _find_vm_size(value: ValueGetter, catalog: Catalog) -> tuple[int, int] | None:
    """vCPUs and MiB: the instance type's, or those of the `resources` that stand in its place."""
    named = value("instanceType")
    type_ = catalog.instance_types.get(named) if isinstance(named, str) else None
    if type_:
        return type_.cpu, type_.memory
    resources = value("resources")
    if named or not isinstance(resources, dict):
        return None
    try:
        # The chart multiplies: `cpu` is the cores of one socket.
        return int(resources["cpu"]) * int(resources["sockets"]), parse_size(resources["memory"])
    except (KeyError, ValueError, TypeError):
        return None


def compute_disk_totals(value: ValueGetter) -> Totals:
    """What one disk asks for. `value` reads a key of its settings, or of the `spec` of its manifest."""
    try:
        size = parse_size(value("storage"))
    except (KeyError, ValueError, TypeError):
        return Totals(disks=1, unsized=1)
    return Totals(disks=1, storage={str(value("storageClass") or ""): size})
