"""What VMs and disks ask of the platform, added up: the arithmetic that budgets, costs, tables and plans share.

What totals cost in a month, by the prices that an environment writes. No price is built in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from vmgen.check.disk_names import contains_invalid
from vmgen.merge.catalog import Catalog
from vmgen.merge.environment import Environment
from vmgen.problems import Place
from vmgen.quantities import parse_size

if TYPE_CHECKING:
    from decimal import Decimal


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


_MIB_PER_GIB = 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount for a month; `unpriced` names what is in the totals and has no price (`storage.local`)."""

    amount: Decimal
    currency: str
    unpriced: tuple[str, ...] = ()

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.amount - other.amount, self.currency, self.unpriced)

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.amount + other.amount, self.currency, tuple(dict.fromkeys((*self.unpriced, *other.unpriced))))

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,.2f}".strip()

    @property
    def signed_text(self) -> str:
        """The amount as a change: `+CHF 12.50`."""
        sign = "-" if self.amount < 0 else "+"
        return f"{sign}{Cost(abs(self.amount), self.currency)}"


class PriceList(NamedTuple):
    """The prices of one environment: of a vCPU, a GiB of memory, a GiB of disk by class, an address, a GPU by name."""

    values: dict[str, Any]
    place: Place

    @property
    def currency(self) -> str:
        return str(self.values.get("currency", ""))

    def compute_cost(self, totals: Totals) -> Cost:
        """What totals cost in a month; also of a difference."""
        from decimal import Decimal  # few environments have prices

        amount, unpriced = Decimal(0), []
        for name, number, per in _iter_billable(totals):
            price = self._find_price(name)
            if price is not None:
                amount += Decimal(str(price)) * number / per
            elif number:
                unpriced.append(".".join(name))
        return Cost(amount, self.currency, tuple(unpriced))

    def _find_price(self, name: tuple[str, ...]) -> float | None:
        found: Any = self.values
        for step in name:
            found = found.get(step) if isinstance(found, dict) else None
        return None if found is None else float(found)


def _iter_billable(totals: Totals) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Everything that may have a price: the path of the price below `prices:`, how much there is, and how much one unit is."""
    yield ("cpu",), totals.cpu, 1
    yield ("memory",), totals.memory, _MIB_PER_GIB
    for name, mebibytes in totals.storage.items():
        yield ("storage", name), mebibytes, _MIB_PER_GIB
    yield ("externalVMs",), totals.addresses, 1
    for name, count in totals.gpus.items():
        yield ("gpus", name), count, 1


def load_prices(environment: Environment) -> PriceList | None:
    """The prices that an environment writes, or None where it writes none, or what nobody can count with."""
    written = environment.settings.get("prices")
    if written is None or not written.mapping or contains_invalid(written):
        return None
    return PriceList(environment.settings.get_plain("prices"), written.key_place or written.place)
