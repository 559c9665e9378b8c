"""Budgets and prices: the limits that an environment sets itself, the sums that exceed them, and the rules on both."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from vmgen.check.rule import Finding, rule
from vmgen.check.totals import Totals, compute_disk_totals, compute_vm_totals, load_prices, sum_totals
from vmgen.merge.environment import Environment, Group
from vmgen.problems import Place
from vmgen.quantities import MEBIBYTE, format_count, format_size, parse_size


class BudgetMeasure(NamedTuple):
    """A key of `budget:`: the amount that it limits, the format of such an amount, and how much the 1 of a JSON report is."""

    key: str
    get_amount: Callable[[Totals], int]
    format_amount: Callable[[int], str]
    title: str
    unit: int = 1

    def count_units(self, amount: int) -> int:
        """Return an amount in whole units, rounded up."""
        return -(-amount // self.unit)


MEASURES: Mapping[str, BudgetMeasure] = {
    measure.key: measure
    for measure in (
        BudgetMeasure("vms", lambda totals: totals.vms, lambda count: format_count(count, "VM"), "VMs"),
        BudgetMeasure("cpu", lambda totals: totals.cpu, lambda count: f"{count} vCPU", "vCPU"),
        BudgetMeasure("memory", lambda totals: totals.memory, format_size, "Memory", MEBIBYTE),
        BudgetMeasure("storage", lambda totals: totals.all_storage, format_size, "Storage", MEBIBYTE),
        BudgetMeasure(
            "externalVMs", lambda totals: totals.addresses, lambda count: format_count(count, "public VM"), "Public addresses"
        ),
    )
}


class BudgetLimit(NamedTuple):
    """A limit that an environment sets; memory and storage in bytes."""

    measure: BudgetMeasure
    maximum: int
    place: Place

    @property
    def text(self) -> str:
        return self.measure.format_amount(self.maximum)


class ResourceRequest(NamedTuple):
    """The totals of each VM of a group, with all disks of its own, or those of a standalone disk; `place` sets how many."""

    subject: str
    place: Place
    unit_totals: tuple[Totals, ...]


class BudgetExcess(NamedTuple):
    """A limit that is exceeded: the first request that no longer fits, how many of its units do, what remains for it."""

    limit: BudgetLimit
    request: ResourceRequest
    fitting_count: int
    remaining: int
    amount: int


@rule("over-budget")
def over_budget(environment: Environment) -> Iterator[Finding]:
    """The environment exceeds its `budget:`. The problem is reported at the first group or disk that does not fit.

    Reduce the amount that the message names, or raise the budget to the number in the message.
    """
    for excess in _find_excesses(environment):
        yield Finding(excess.request.place, excess.request.subject, _format_excess(excess))


@rule("missing-price", "warning")
def missing_price(environment: Environment) -> Iterator[Finding]:
    """`prices:` has no price for a resource that the environment uses, so the displayed cost would be too low.

    Set the price that the message names, or 0 if it is free.
    """
    prices = load_prices(environment)
    if prices is not None:
        totals = sum_totals(unit for request in _iter_requests(environment) for unit in request.unit_totals)
        for name in prices.compute_cost(totals).unpriced_keys:
            message = f"prices.{name} is not set, so costs exclude it; set it (0 if free)"
            yield Finding(prices.place, f"prices.{name}", message)


def find_limits(environment: Environment) -> Iterator[BudgetLimit]:
    """Yield the limits of an environment in the order of MEASURES."""
    budget = environment.settings.get("budget")
    for key, measure in MEASURES.items():
        maximum = budget.get(key) if budget else None
        if maximum is not None and isinstance(maximum.data, int | str):
            amount = parse_size(maximum.data) if isinstance(maximum.data, str) else maximum.data
            yield BudgetLimit(measure, amount, maximum.place)


def _find_excesses(environment: Environment) -> Iterator[BudgetExcess]:
    limits = tuple(find_limits(environment))
    requests = tuple(_iter_requests(environment)) if limits else ()
    for limit in limits:
        amount = limit.measure.get_amount(sum_totals(unit for request in requests for unit in request.unit_totals))
        if amount > limit.maximum:
            yield _find_first_excess(limit, requests, amount)


def _find_first_excess(limit: BudgetLimit, requests: tuple[ResourceRequest, ...], amount: int) -> BudgetExcess:
    """Add up the requests in the order of the file until the limit is exceeded."""
    subtotal = 0
    for request in requests:
        # The group as a whole has to fit, so what remains is counted before its first VM.
        used_before = subtotal
        for fitting_count, unit in enumerate(request.unit_totals):
            subtotal += limit.measure.get_amount(unit)
            if subtotal > limit.maximum:
                return BudgetExcess(limit, request, fitting_count, limit.maximum - used_before, amount)
    raise AssertionError("the sum exceeds the limit, so one of the requests does")


def _iter_requests(environment: Environment) -> Iterator[ResourceRequest]:
    """Yield the groups in their order, then the standalone disks."""
    for group in environment.groups:
        by_disks: dict[tuple[int, ...], Totals] = {}
        units = []
        for instance in group.instances:
            previous = instance.previous_disks
            # VMs of a group share their settings, so a thousand of them are summed up once.
            key = (id(instance.settings), *(id(disk.settings) for disk in previous))
            if key not in by_disks:
                vm_totals = compute_vm_totals(instance.settings.values.get_plain, environment.platform)
                disks = (*instance.settings.disks, *previous)
                by_disks[key] = sum_totals((vm_totals, *(compute_disk_totals(disk.settings.get_plain) for disk in disks)))
            units.append(by_disks[key])
        subject, place = _locate_count(group)
        yield ResourceRequest(subject, place, tuple(units))
    for disk in environment.disks:
        yield ResourceRequest(f"disks.{disk.name}", disk.place, (compute_disk_totals(disk.settings.get_plain),))


def _locate_count(group: Group) -> tuple[str, Place]:
    """Return the key path and place that set the number of VMs of a group."""
    for name in ("names", "count"):
        value = group.located.get(name)
        if value:
            return f"vms.{group.key}.{name}", value.place
    return f"vms.{group.key}", group.place


def _format_excess(excess: BudgetExcess) -> str:
    measure = excess.limit.measure
    amount, remaining = measure.format_amount(excess.amount), measure.format_amount(excess.remaining)
    count = len(excess.request.unit_totals)
    if count == 1:
        remedy = f"{remaining} would be left for it"
    else:
        remedy = f"{remaining} would be left for this group, enough for {excess.fitting_count or 'none'} of its {count} VMs"
    return (
        f"the budget is {excess.limit.text} ({excess.limit.place}), and the environment asks for {amount}: {remedy}; "
        f"ask for less, or raise `budget.{measure.key}` to {amount.split()[0]}"
    )
