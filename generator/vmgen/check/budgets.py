"""Budgets: the limits that an environment sets itself, what it asks for, and where it goes past them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from vmgen.check.demand import ResourceRequest, collect_requests
from vmgen.check.totals import Totals, sum_totals
from vmgen.merge.environment import Environment
from vmgen.problems import Place
from vmgen.quantities import format_size, parse_size


class BudgetMeasure(NamedTuple):
    """A key of `budget:`: what it limits, and a number of it in words."""

    key: str
    get_amount: Callable[[Totals], int]
    format_amount: Callable[[int], str]
    title: str


def build_count_formatter(one: str, several: str) -> Callable[[int], str]:
    """A number with its noun."""
    return lambda number: f"{number} {one if number == 1 else several}"


MEASURES: Mapping[str, BudgetMeasure] = {
    measure.key: measure
    for measure in (
        BudgetMeasure("vms", lambda totals: totals.vms, build_count_formatter("VM", "VMs"), "VMs"),
        BudgetMeasure("cpu", lambda totals: totals.cpu, build_count_formatter("vCPU", "vCPU"), "vCPU"),
        BudgetMeasure("memory", lambda totals: totals.memory, format_size, "Memory"),
        BudgetMeasure("storage", lambda totals: totals.all_storage, format_size, "Storage"),
        BudgetMeasure(
            "externalVMs", lambda totals: totals.addresses, build_count_formatter("public VM", "public VMs"), "Public addresses"
        ),
    )
}


class BudgetLimit(NamedTuple):
    """One limit that an environment sets; memory and storage in MiB."""

    measure: BudgetMeasure
    maximum: int
    place: Place

    @property
    def text(self) -> str:
        return self.measure.format_amount(self.maximum)


def find_limits(environment: Environment) -> Iterator[BudgetLimit]:
    """The limits of an environment, in the order of MEASURES."""
    budget = environment.settings.get("budget")
    for key, measure in MEASURES.items():
        written = budget.get(key) if budget else None
        if written is None or not isinstance(written.data, int | str):
            continue
        most = parse_size(written.data) if isinstance(written.data, str) else written.data
        yield BudgetLimit(measure, most, written.place)


class BudgetExcess(NamedTuple):
    """A limit that is exceeded: by which part first, how many of its units fit, what is left for it, and what all ask for."""

    limit: BudgetLimit
    request: ResourceRequest
    fitting_count: int
    remaining: int
    requested: int


def find_excesses(environment: Environment) -> Iterator[BudgetExcess]:
    """Each limit that an environment goes past."""
    found = tuple(find_limits(environment))
    if not found:
        return
    ordered = tuple(collect_requests(environment))
    for limit in found:
        of = limit.measure.get_amount
        asked = of(sum_totals(each for part in ordered for each in part.unit_totals))
        if asked > limit.maximum:
            yield _find_first_excess(limit, ordered, asked)


def _find_first_excess(limit: BudgetLimit, ordered: tuple[ResourceRequest, ...], asked: int) -> BudgetExcess:
    """Where the sum, taken in the order of the file, goes past the limit."""
    used = 0
    for part in ordered:
        before = used
        for fit, each in enumerate(part.unit_totals):
            used += limit.measure.get_amount(each)
            if used > limit.maximum:
                return BudgetExcess(limit, part, fit, limit.maximum - before, asked)
    raise AssertionError("the sum exceeds the limit, so one of its parts does")
