"""Sums of the resources that VMs and disks request, and their monthly cost by the prices that an environment sets.

No price is built in. Budgets, costs, tables and plans share this arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vmgen.merge.environment import Environment
from vmgen.merge.platform import Platform
from vmgen.merge.settings import contains_invalid
from vmgen.problems import Place
from vmgen.quantities import GIBIBYTE, parse_size
from vmgen.read.located import to_plain

if TYPE_CHECKING:
    from decimal import Decimal

# Returns the plain value of a key of a VM or a disk, None if it is not set: of its settings, or of the `spec` of a manifest.
ValueGetter = Callable[[str], Any]


class Totals(NamedTuple):
    """Sums over objects: memory in bytes, storage in bytes by storage class, GPUs by name.

    A halted VM counts in full, since one line starts it again. `unsized_count` counts the objects of unknown size, such as a VM
    of a type that the catalog does not have; only an old manifest has these. A difference may have negative numbers.
    """

    vms: int = 0
    cpu: int = 0
    memory: int = 0
    disks: int = 0
    storage: Mapping[str, int] = {}
    addresses: int = 0
    gpus: Mapping[str, int] = {}
    unsized_count: int = 0

    @property
    def all_storage(self) -> int:
        """Bytes of all storage classes together."""
        return sum(self.storage.values())

    def __bool__(self) -> bool:
        return self != Totals()

    def __add__(self, other: Totals) -> Totals:  # type: ignore[override]
        return sum_totals((self, other))

    def __sub__(self, other: Totals) -> Totals:
        return self + other * -1

    def __mul__(self, times: int) -> Totals:  # type: ignore[override]
        return Totals(
            self.vms * times,
            self.cpu * times,
            self.memory * times,
            self.disks * times,
            {name: size * times for name, size in self.storage.items()},
            self.addresses * times,
            {name: count * times for name, count in self.gpus.items()},
            self.unsized_count * times,
        )


def sum_totals(summands: Iterable[Totals]) -> Totals:
    """Return the sum. Names are sorted, and those with the sum 0 are left out."""
    vms = cpu = memory = disks = addresses = unsized_count = 0
    storage: dict[str, int] = {}
    gpus: dict[str, int] = {}
    for totals in summands:
        vms += totals.vms
        cpu += totals.cpu
        memory += totals.memory
        disks += totals.disks
        addresses += totals.addresses
        unsized_count += totals.unsized_count
        for sums, by_name in ((storage, totals.storage), (gpus, totals.gpus)):
            for name, amount in by_name.items():
                sums[name] = sums.get(name, 0) + amount
    return Totals(vms, cpu, memory, disks, _drop_zeros(storage), addresses, _drop_zeros(gpus), unsized_count)


def _drop_zeros(sums: Mapping[str, int]) -> dict[str, int]:
    return {name: sums[name] for name in sorted(sums) if sums[name]}


def compute_vm_totals(get: ValueGetter, platform: Platform) -> Totals:
    """Return the totals of one VM without its disks."""
    size = _find_vm_size(get, platform)
    cpu, memory = size or (0, 0)
    gpus: dict[str, int] = {}
    gpu_list = get(platform.roles.gpu_devices)  # of a manifest that somebody else wrote it may be anything
    for gpu in gpu_list if isinstance(gpu_list, list | tuple) else ():
        name = gpu.get("name") if isinstance(gpu, dict) else gpu
        if isinstance(name, str):
            gpus[name] = gpus.get(name, 0) + 1
    # Each external VM has a Service with an address of its own, whatever the number of its ports.
    addresses = 1 if get("external") is True else 0
    return Totals(vms=1, cpu=cpu, memory=memory, addresses=addresses, gpus=gpus, unsized_count=0 if size else 1)


def _find_vm_size(get: ValueGetter, platform: Platform) -> tuple[int, int] | None:
    """Return the vCPUs and bytes of memory of the instance type, or those written without one; None if unknown."""
    type_name = get("instanceType")
    instance_type = platform.catalog.instance_types.get(type_name) if isinstance(type_name, str) else None
    if instance_type:
        return instance_type.cpu, instance_type.memory
    if type_name:
        return None
    try:
        cpu, memory = (_get_part(get, platform.get_size_path(part)) for part in ("cpu", "memory"))
        cores = platform.get_size_path("cores")
        # The chart multiplies the cores of one socket.
        return int(_get_part(get, cores) if cores else 1) * int(cpu), parse_size(memory)
    except (KeyError, ValueError, TypeError):
        return None


def _get_part(get: ValueGetter, path: list[str]) -> Any:
    """Return the value at a key path of a VM; None for an empty path. Raises KeyError or TypeError."""
    value: Any = get(path[0]) if path else None
    for key in path[1:]:
        value = value[key]
    return value


def compute_disk_totals(get: ValueGetter) -> Totals:
    """Return the totals of one disk."""
    try:
        size = parse_size(get("storage"))
    except ValueError:
        return Totals(disks=1, unsized_count=1)
    return Totals(disks=1, storage={str(get("storageClass") or ""): size})


class Cost(NamedTuple):
    """The cost of a month; `unpriced_keys` are the keys of the prices that are missing, such as `storage.local`."""

    amount: Decimal
    currency: str
    unpriced_keys: tuple[str, ...] = ()

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.amount - other.amount, self.currency, self.unpriced_keys)

    def __add__(self, other: Cost) -> Cost:  # type: ignore[override]
        return Cost(
            self.amount + other.amount, self.currency, tuple(dict.fromkeys((*self.unpriced_keys, *other.unpriced_keys)))
        )

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,.2f}".strip()

    @property
    def signed_text(self) -> str:
        """The cost as a change: `+CHF 12.50`."""
        sign = "-" if self.amount < 0 else "+"
        return f"{sign}{Cost(abs(self.amount), self.currency)}"


class TotalsDelta(NamedTuple):
    """The change of totals, and of the cost in a month; None without prices."""

    totals: Totals
    cost: Cost | None = None


class PriceList(NamedTuple):
    """The prices of an environment for a month: of a vCPU, a GiB of memory, a GiB by storage class, an address, a GPU."""

    values: dict[str, Any]
    place: Place

    @property
    def currency(self) -> str:
        return str(self.values.get("currency", ""))

    def compute_cost(self, totals: Totals) -> Cost:
        """Return the cost of totals, or of a difference of totals."""
        # No binary fraction: 0.1 a GiB times 30 has to be 3, to the cent.
        from decimal import Decimal  # few environments have prices

        amount, unpriced_keys = Decimal(0), []
        for path, quantity, unit in _iter_billable(totals):
            value: Any = self.values
            for step in path:
                value = value.get(step) if isinstance(value, dict) else None
            price = None if value is None else float(value)
            if price is not None:
                amount += Decimal(str(price)) * quantity / unit
            elif quantity:
                unpriced_keys.append(".".join(path))
        return Cost(amount, self.currency, tuple(unpriced_keys))


def _iter_billable(totals: Totals) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield the path of each price below `prices:`, the quantity that is used, and the quantity that the price is for."""
    yield ("cpu",), totals.cpu, 1
    yield ("memory",), totals.memory, GIBIBYTE
    for name, size in totals.storage.items():
        yield ("storage", name), size, GIBIBYTE
    yield ("externalVMs",), totals.addresses, 1
    for name, count in totals.gpus.items():
        yield ("gpus", name), count, 1


def load_prices(environment: Environment) -> PriceList | None:
    """Return the prices of an environment, or None if it sets none or some are invalid."""
    prices = environment.settings.get("prices")
    if prices is None or not prices.mapping or contains_invalid(prices):
        return None
    return PriceList(to_plain(prices), prices.key_place or prices.place)
