"""What totals cost in a month, by the prices that an environment writes. No price is built in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from vmgen.check.refused import contains_invalid
from vmgen.check.totals import Totals
from vmgen.merge.environment import Environment
from vmgen.problems import Place

if TYPE_CHECKING:
    from decimal import Decimal

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
