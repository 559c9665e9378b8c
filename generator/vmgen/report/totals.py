"""Totals, budgets and costs as words, and as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.check.budgets import Limit, limits
from vmgen.check.prices import Cost, prices
from vmgen.check.totals import Totals, disk_totals, total, vm_totals
from vmgen.compare.totals import Delta
from vmgen.expand.model import Disk, Fleet, VirtualMachine
from vmgen.merge.environment import Environment
from vmgen.quantities import size

ALL = "(all)"
STANDALONE = "(standalone)"
BUDGET_COLUMNS = ("environment", "budget", "used", "limit", "left", "percent")


class Summary(NamedTuple):
    """The sums of one environment: of each group in its order, and of all; with its limits and its cost in a month.

    `whole` is what the environment as a whole asks for, also where only a part of it was chosen.
    """

    environment: str
    groups: Mapping[str, Totals]
    whole: Totals
    limits: tuple[Limit, ...]
    cost: Cost | None

    @property
    def all(self) -> Totals:
        return total(self.groups.values())


def summary(environment: Environment, fleet: Fleet, machines: Iterable[VirtualMachine], disks: Iterable[Disk]) -> Summary:
    """The sums over some VMs and disks of an environment, or over all."""
    groups: dict[str, list[Totals]] = {}
    for machine in machines:
        groups.setdefault(machine.group, []).append(machine_totals(machine, fleet))
    for disk in disks:
        groups.setdefault(disk.group or STANDALONE, []).append(disk_totals(disk.values.get))
    sums = {group: total(parts) for group, parts in groups.items()}
    each = [machine_totals(machine, fleet) for machine in fleet.machines]
    whole = total((*each, *(disk_totals(disk.values.get) for disk in fleet.disks)))
    found = prices(environment)
    cost = found.cost(total(sums.values())) if found else None
    return Summary(environment.name, sums, whole, tuple(limits(environment)), cost)


def machine_totals(machine: VirtualMachine, fleet: Fleet) -> Totals:
    """What one VM asks for, its disks excepted."""
    return vm_totals(machine.values.get, fleet.platform.catalog)


def gibibytes(mebibytes: int) -> str:
    """MiB as `16 GiB`, exact to two digits."""
    return f"{mebibytes / 1024:,.2f}".rstrip("0").rstrip(".") + " GiB"


def delta_in_words(delta: Delta) -> str:
    """A delta: `+2 VMs, +4 vCPU, +16 GiB, +100 GiB replicated, +2 public`; empty where nothing changes."""
    change, cost = delta.totals, delta.cost
    words = [
        _signed(change.vms, lambda number: f"{number:,} {'VM' if number == 1 else 'VMs'}"),
        _signed(change.cpu, lambda number: f"{number:,} vCPU"),
        _signed(change.memory, gibibytes),
        *[_signed(size_, lambda number, name=name: f"{gibibytes(number)} {name}") for name, size_ in change.storage.items()],
        _signed(change.addresses, lambda number: f"{number:,} public"),
        *[_signed(count, lambda number, name=name: f"{number} {name}") for name, count in change.gpus.items()],
        f"{cost.signed} a month" if cost and cost.amount else "",
        f"{abs(change.unsized)} of unknown size" if change.unsized else "",
    ]
    return ", ".join(word for word in words if word)


def _signed(number: int, words: Any) -> str:
    return f"{'+' if number > 0 else '-'}{words(abs(number))}" if number else ""


def total_columns(summaries: Sequence[Summary]) -> tuple[str, ...]:
    """The columns of total_rows: one for each storage class, one for each GPU, and the cost where there are prices."""
    classes, gpus = _names(summaries)
    cost = ("cost",) if any(each.cost for each in summaries) else ()
    return ("environment", "group", "vms", "vcpu", "memory", "disks", *classes, *gpus, "public", *cost)


def total_rows(summaries: Sequence[Summary]) -> Iterator[tuple[object, ...]]:
    """A row for each group, one for each environment, and one for all where there are several."""
    names = _names(summaries)
    costs = [each.cost for each in summaries if each.cost]
    for each in summaries:
        for group, sums in each.groups.items():
            yield (each.environment, group, *_cells(sums, names), *_cost("", costs))
        yield (each.environment, ALL, *_cells(each.all, names), *_cost(each.cost or "", costs))
    if len(summaries) > 1:
        yield (ALL, ALL, *_cells(total(each.all for each in summaries), names), *_cost(all_costs(summaries), costs))


def _names(summaries: Sequence[Summary]) -> tuple[list[str], list[str]]:
    together = total(each.all for each in summaries)
    return list(together.storage), list(together.gpus)


def _cells(sums: Totals, names: tuple[list[str], list[str]]) -> tuple[object, ...]:
    classes, gpus = names
    storage = [size(sums.storage[name]) if name in sums.storage else "" for name in classes]
    return (
        sums.vms,
        sums.cpu,
        size(sums.memory) if sums.memory else "",
        sums.disks,
        *storage,
        *(sums.gpus.get(name, 0) for name in gpus),
        sums.addresses,
    )


def _cost(cost: Cost | str, costs: Sequence[Cost]) -> tuple[str, ...]:
    return (str(cost),) if costs else ()


def all_costs(summaries: Iterable[Summary]) -> Cost | str:
    """The sum of the costs, where there are some and they have one currency; else empty."""
    costs = [each.cost for each in summaries if each.cost]
    if len({cost.currency for cost in costs}) != 1:
        return ""
    return sum(costs[1:], start=costs[0])


def budget_rows(summaries: Iterable[Summary]) -> Iterator[tuple[object, ...]]:
    """A row for each limit of each environment."""
    for each in summaries:
        for limit in each.limits:
            measure = limit.measure
            used = measure.of(each.whole)
            left = limit.most - used
            remaining = measure.words(left) if left >= 0 else f"-{measure.words(-left)}"
            percent = f"{100 * used // limit.most}%" if limit.most else ""
            yield each.environment, measure.key, measure.words(used), limit.words, remaining, percent


def as_data(totals: Totals) -> dict[str, Any]:
    """Totals for programs; memory and storage in MiB."""
    return {
        "vms": totals.vms,
        "cpu": totals.cpu,
        "memoryMiB": totals.memory,
        "disks": totals.disks,
        "storageMiB": dict(totals.storage),
        "externalVMs": totals.addresses,
        "gpus": dict(totals.gpus),
    }


def summary_data(each: Summary) -> dict[str, Any]:
    """The sums of an environment for programs."""
    return {
        "environment": each.environment,
        "totals": as_data(each.all),
        "groups": [{"group": group, **as_data(sums)} for group, sums in each.groups.items()],
        "budget": [
            {"key": limit.measure.key, "used": limit.measure.of(each.whole), "limit": limit.most} for limit in each.limits
        ],
        "cost": cost_data(each.cost),
    }


def cost_data(cost: Cost | None) -> dict[str, Any] | None:
    """A cost for programs; null where there are no prices."""
    if cost is None:
        return None
    return {"amount": float(round(cost.amount, 2)), "currency": cost.currency, "unpriced": list(cost.unpriced)}


def delta_data(delta: Delta) -> dict[str, Any]:
    """A delta for programs: the same keys, with what grows above zero."""
    return {**as_data(delta.totals), "cost": cost_data(delta.cost)}
