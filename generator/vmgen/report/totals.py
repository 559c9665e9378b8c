"""Totals, budgets and costs of environments as table rows, as words, and as plain data for JSON."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.check.budgets import BudgetLimit, find_limits
from vmgen.check.totals import Cost, Totals, TotalsDelta, compute_disk_totals, compute_vm_totals, load_prices, sum_totals
from vmgen.expand.model import Disk, Fleet, Resource, VirtualMachine
from vmgen.merge.environment import Environment
from vmgen.quantities import GIBIBYTE, format_count, format_size, round_up_to_mebibytes
from vmgen.report.tables import TableRows
from vmgen.secrets.redact import redact_text

_ALL_LABEL = "(all)"
_STANDALONE_LABEL = "(standalone)"
BUDGET_COLUMNS = ("environment", "budget", "used", "limit", "left", "percent")


class EnvironmentSummary(NamedTuple):
    """The totals of the selected VMs and disks of an environment by group, and their cost in a month.

    `unfiltered_totals` are the totals of the whole environment, which `limits` apply to. `cost` is None without prices.
    `retained_totals` are the previous disks among the selected ones, which cost until they are retired; None if there are
    none.
    """

    environment: str
    groups: Mapping[str, Totals]
    unfiltered_totals: Totals
    limits: tuple[BudgetLimit, ...]
    cost: Cost | None
    retained_totals: TotalsDelta | None = None

    @property
    def total(self) -> Totals:
        return sum_totals(self.groups.values())


def summarize_environment(
    environment: Environment, fleet: Fleet, machines: Iterable[VirtualMachine], disks: Iterable[Disk]
) -> EnvironmentSummary:
    """Sum up some VMs and disks of an environment."""
    by_values = compute_shape_totals(fleet)
    disks = tuple(disks)
    # VMs of one shape share their values, so a group of a thousand is one product.
    counts = Counter((machine.group, id(machine.values)) for machine in machines)
    counts.update((disk.group or _STANDALONE_LABEL, id(disk.values)) for disk in disks)
    totals_by_group: dict[str, list[Totals]] = {}
    for (group, shape), count in counts.items():
        totals_by_group.setdefault(group, []).append(by_values[shape] * count)
    groups = {group: sum_totals(totals) for group, totals in totals_by_group.items()}
    # A budget is for the environment, whatever was selected.
    resources: tuple[Resource, ...] = (*fleet.machines, *fleet.disks)
    all_counts = Counter(id(resource.values) for resource in resources)
    unfiltered_totals = sum_totals(by_values[shape] * count for shape, count in all_counts.items())
    prices = load_prices(environment)
    cost = prices.compute_cost(sum_totals(groups.values())) if prices else None
    retained_totals = sum_totals(by_values[id(disk.values)] for disk in disks if disk.is_previous)
    kept_delta = (
        TotalsDelta(retained_totals, prices.compute_cost(retained_totals) if prices else None) if retained_totals else None
    )
    return EnvironmentSummary(environment.name, groups, unfiltered_totals, tuple(find_limits(environment)), cost, kept_delta)


def compute_shape_totals(fleet: Fleet) -> Mapping[int, Totals]:
    """Return the totals of one VM, without its disks, or one disk, by the id of its values, which all of one shape share."""
    machines = {id(machine.values): machine for machine in fleet.machines}
    disks = {id(disk.values): disk for disk in fleet.disks}
    totals = {shape: compute_machine_totals(machine, fleet) for shape, machine in machines.items()}
    return totals | {shape: compute_disk_totals(disk.values.get) for shape, disk in disks.items()}


def compute_machine_totals(machine: VirtualMachine, fleet: Fleet) -> Totals:
    """Return the totals of one VM without its disks."""
    return compute_vm_totals(machine.values.get, fleet.platform)


def build_total_table(summaries: Sequence[EnvironmentSummary]) -> tuple[tuple[str, ...], TableRows]:
    """Build the columns and rows of totals: one row for each group, for each environment, and for all if there are several.

    There is a column for each storage class and GPU in use, and one for the cost if any environment has prices.
    """
    overall = sum_totals(summary.total for summary in summaries)
    classes, gpus = tuple(overall.storage), tuple(overall.gpus)
    cost_column = ("cost",) if any(summary.cost for summary in summaries) else ()
    columns = ("environment", "group", "vms", "vcpu", "memory", "disks", *classes, *gpus, "public", *cost_column)
    entries: list[tuple[str, str, Totals, Cost | str]] = []
    for summary in summaries:
        entries.extend((summary.environment, group, totals, "") for group, totals in summary.groups.items())
        entries.append((summary.environment, _ALL_LABEL, summary.total, summary.cost or ""))
    if len(summaries) > 1:
        entries.append((_ALL_LABEL, _ALL_LABEL, overall, sum_costs(summaries)))
    return columns, [
        (
            environment,
            group,
            totals.vms,
            totals.cpu,
            format_size(totals.memory) if totals.memory else "",
            totals.disks,
            *(format_size(totals.storage[name]) if name in totals.storage else "" for name in classes),
            *(totals.gpus.get(name, 0) for name in gpus),
            totals.addresses,
            *(str(cost) for _ in cost_column),
        )
        for environment, group, totals, cost in entries
    ]


def sum_costs(summaries: Iterable[EnvironmentSummary]) -> Cost | str:
    """Add up the costs. Empty if there are none, or if they have several currencies."""
    costs = [summary.cost for summary in summaries if summary.cost]
    return sum(costs[1:], start=costs[0]) if len({cost.currency for cost in costs}) == 1 else ""


def build_budget_rows(summaries: Iterable[EnvironmentSummary]) -> Iterator[tuple[object, ...]]:
    """Build a row for each limit of each environment."""
    for summary in summaries:
        for limit in summary.limits:
            measure, amount = limit.measure, limit.measure.get_amount(summary.unfiltered_totals)
            remaining = limit.maximum - amount
            left_text = measure.format_amount(remaining) if remaining >= 0 else f"-{measure.format_amount(-remaining)}"
            percent = f"{100 * amount // limit.maximum}%" if limit.maximum else ""
            yield summary.environment, measure.key, measure.format_amount(amount), limit.text, left_text, percent


def format_delta(delta: TotalsDelta) -> str:
    """Format a delta: `+2 VMs, +4 vCPU, +16 GiB, +100 GiB replicated, +2 public`; empty if nothing changes."""
    change, cost = delta.totals, delta.cost
    words = [
        _format_signed(change.vms, lambda number: f"{number:,} {'VM' if number == 1 else 'VMs'}"),
        _format_signed(change.cpu, lambda number: f"{number:,} vCPU"),
        _format_signed(change.memory, _format_gibibytes),
        *(_format_signed(size, _format_gibibytes, f" {redact_text(name)}".rstrip()) for name, size in change.storage.items()),
        _format_signed(change.addresses, lambda number: f"{number:,} public"),
        *(_format_signed(count, str, f" {redact_text(name)}") for name, count in change.gpus.items()),
        f"{cost.signed_text} a month" if cost and cost.amount else "",
        f"{abs(change.unsized_count)} of unknown size" if change.unsized_count else "",
    ]
    return ", ".join(filter(None, words))


def format_amount(delta: TotalsDelta) -> str:
    """Format storage and its cost as an amount, without signs: `60 GiB replicated, CHF 6.00 a month`."""
    sizes = [f"{_format_gibibytes(size)} {redact_text(name)}".rstrip() for name, size in delta.totals.storage.items()]
    return ", ".join((*sizes, f"{delta.cost} a month") if delta.cost and delta.cost.amount else sizes)


def describe_retained(delta: TotalsDelta) -> str:
    """Describe the disks that rebuilds keep, and what they cost, as a sentence."""
    return f"Kept until retired: {format_count(delta.totals.disks, 'disk')}, {format_amount(delta)}."


def _format_signed(number: int, format_amount: Callable[[int], str], suffix: str = "") -> str:
    return f"{'+' if number > 0 else '-'}{format_amount(abs(number))}{suffix}" if number else ""


def _format_gibibytes(size: int) -> str:
    """Format bytes as `16 GiB`, exact to two digits."""
    return f"{size / GIBIBYTE:,.2f}".rstrip("0").rstrip(".") + " GiB"


def summary_to_dict(summary: EnvironmentSummary) -> dict[str, Any]:
    """Return the summary of an environment as plain data."""
    return {
        "environment": summary.environment,
        "totals": totals_to_dict(summary.total),
        "groups": [{"group": group, **totals_to_dict(totals)} for group, totals in summary.groups.items()],
        "budget": [
            {
                "key": limit.measure.key,
                "used": limit.measure.count_units(limit.measure.get_amount(summary.unfiltered_totals)),
                "limit": limit.measure.count_units(limit.maximum),
            }
            for limit in summary.limits
        ],
        "cost": _cost_to_dict(summary.cost),
        "kept": delta_to_dict(summary.retained_totals) if summary.retained_totals else None,
    }


def totals_to_dict(totals: Totals) -> dict[str, Any]:
    """Return totals as plain data; memory and storage in MiB."""
    return {
        "vms": totals.vms,
        "cpu": totals.cpu,
        "memoryMiB": round_up_to_mebibytes(totals.memory),
        "disks": totals.disks,
        "storageMiB": {redact_text(name): round_up_to_mebibytes(size) for name, size in totals.storage.items()},
        "externalVMs": totals.addresses,
        "gpus": {redact_text(name): count for name, count in totals.gpus.items()},
    }


def delta_to_dict(delta: TotalsDelta) -> dict[str, Any]:
    """Return a delta as plain data with the keys of totals; negative numbers decrease."""
    return {**totals_to_dict(delta.totals), "cost": _cost_to_dict(delta.cost)}


def _cost_to_dict(cost: Cost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    return {"amount": float(round(cost.amount, 2)), "currency": cost.currency, "unpriced": list(cost.unpriced_keys)}
