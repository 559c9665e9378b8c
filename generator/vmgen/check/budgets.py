"""What each part of a merged environment asks for, in the order in which it stands there.

Budgets: the limits that an environment sets itself, what it asks for, and where it goes past them.

Rules on what an environment may ask for, and what that costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from vmgen.check.rule import Finding, rule
from vmgen.check.totals import Totals, compute_disk_totals, compute_vm_totals, sum_totals
from vmgen.merge.environment import Environment, Group, VmSettings
from vmgen.problems import Place
from vmgen.quantities import format_size, parse_size


class ResourceRequest(NamedTuple):
    """A group, or a standalone disk: the line that says how many there are, and what each one asks for, disks included."""

    subject: str
    place: Place
    noun: str
    unit_totals: tuple[Totals, ...]


def collect_requests(environment: Environment) -> Iterator[ResourceRequest]:
    """The groups in their order, then the standalone disks."""
    for group in environment.groups:
        asked: dict[int, Totals] = {}
        for instance in group.instances:
            if id(instance.settings) not in asked:
                asked[id(instance.settings)] = _compute_totals_with_disks(instance.settings, environment)
        subject, place = _locate_count(group)
        yield ResourceRequest(subject, place, "VM", tuple(asked[id(instance.settings)] for instance in group.instances))
    for disk in environment.disks:
        yield ResourceRequest(f"disks.{disk.name}", disk.place, "disk", (compute_disk_totals(disk.settings.get_plain),))


def compute_environment_totals(environment: Environment) -> Totals:
    """All that an environment asks for."""
    return sum_totals(each for part in collect_requests(environment) for each in part.unit_totals)


def _compute_totals_with_disks(settings: VmSettings, environment: Environment) -> Totals:
    own = compute_vm_totals(settings.values.get_plain, environment.platform.catalog)
    return sum_totals((own, *(compute_disk_totals(disk.settings.get_plain) for disk in settings.disks)))


def _locate_count(group: Group) -> tuple[str, Place]:
    """Where it is said how many VMs a group has."""
    for name in ("names", "count"):
        written = group.located.get(name)
        if written:
            return f"vms.{group.key}.{name}", written.place
    return f"vms.{group.key}", group.place


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


@rule("over-budget")
def over_budget(environment: Environment) -> Iterator[Finding]:
    """The environment asks for more than its `budget:` allows. The place is the first group, or disk, that no longer fits.

    Lower what the message names, or raise the budget: the number that would be enough is in the message too.
    """
    if not environment.settings.is_set("budget"):
        return

    for excess in find_excesses(environment):
        yield Finding(excess.request.place, excess.request.subject, _format_excess(excess))


@rule("missing-price", "warning")
def missing_price(environment: Environment) -> Iterator[Finding]:
    """`prices:` says what some things cost, and the environment uses others: the cost that is shown would be too low.

    Write the price that the message names; 0 says that it costs nothing.
    """
    if not environment.settings.is_set("prices"):
        return
    from vmgen.check.totals import load_prices

    found = load_prices(environment)
    if found is not None:
        for name in found.compute_cost(compute_environment_totals(environment)).unpriced:
            message = f"no price for {name}, so the cost leaves it out; write one, or 0"
            yield Finding(found.place, f"prices.{name}", message)


def _format_excess(excess: BudgetExcess) -> str:
    measure = excess.limit.measure
    most, asked, left = excess.limit.text, measure.format_amount(excess.requested), measure.format_amount(excess.remaining)
    count = len(excess.request.unit_totals)
    if count == 1:
        fits = f"{left} would be left for it"
    else:
        fits = f"{left} would be left for this group, enough for {excess.fitting_count or 'none'} of its {count} VMs"
    return (
        f"the budget is {most} ({excess.limit.place}), and the environment asks for {asked}: {fits}; "
        f"ask for less, or raise `budget.{measure.key}` to {_format_sufficient_limit(excess)}"
    )


def _format_sufficient_limit(excess: BudgetExcess) -> str:
    """What to write so that all fits."""
    return excess.limit.measure.format_amount(excess.requested).split()[0]
