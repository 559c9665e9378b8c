"""Tables of text, as aligned columns, json or csv.

Totals, budgets and costs as words, and as rows of a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.check.budgets import BudgetLimit, find_limits
from vmgen.check.totals import Cost, Totals, compute_disk_totals, compute_vm_totals, load_prices, sum_totals
from vmgen.expand.model import Disk, Fleet, VirtualMachine
from vmgen.merge.environment import Environment
from vmgen.plan.totals import TotalsDelta
from vmgen.quantities import format_size

TableRows = Sequence[Sequence[object]]


def format_table(columns: Sequence[str], rows: TableRows) -> str:
    """Columns aligned by spaces, the last one ragged; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(columns))]
    right = [bool(rows) and all(isinstance(row[index], int) for row in rows) for index in range(len(columns))]
    lines = []
    for row in cells:
        aligned = [cell.rjust(width) if at_right else cell.ljust(width) for cell, width, at_right in zip(row, widths, right)]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines) + "\n"


def format_csv(columns: Sequence[str], rows: TableRows) -> str:
    """Comma-separated values with a header."""
    import csv
    import io

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows((columns, *rows))
    return stream.getvalue()


def format_json(columns: Sequence[str], rows: TableRows) -> str:
    """A list of objects, one a row."""
    return json.dumps([dict(zip(columns, row)) for row in rows], indent=2, ensure_ascii=False) + "\n"


TABLE_FORMATS = {"table": format_table, "json": format_json, "csv": format_csv}


ALL_LABEL = "(all)"
STANDALONE_LABEL = "(standalone)"
BUDGET_COLUMNS = ("environment", "budget", "used", "limit", "left", "percent")


class EnvironmentSummary(NamedTuple):
    """The sums of one environment: of each group in its order, and of all; with its limits and its cost in a month.

    `whole` is what the environment as a whole asks for, also where only a part of it was chosen.
    """

    environment: str
    groups: Mapping[str, Totals]
    unfiltered: Totals
    limits: tuple[BudgetLimit, ...]
    cost: Cost | None

    @property
    def total(self) -> Totals:
        return sum_totals(self.groups.values())


def summarize_environment(
    environment: Environment, fleet: Fleet, machines: Iterable[VirtualMachine], disks: Iterable[Disk]
) -> EnvironmentSummary:
    """The sums over some VMs and disks of an environment, or over all."""
    groups: dict[str, list[Totals]] = {}
    for machine in machines:
        groups.setdefault(machine.group, []).append(compute_machine_totals(machine, fleet))
    for disk in disks:
        groups.setdefault(disk.group or STANDALONE_LABEL, []).append(compute_disk_totals(disk.values.get))
    sums = {group: sum_totals(parts) for group, parts in groups.items()}
    each = [compute_machine_totals(machine, fleet) for machine in fleet.machines]
    whole = sum_totals((*each, *(compute_disk_totals(disk.values.get) for disk in fleet.disks)))
    found = load_prices(environment)
    cost = found.compute_cost(sum_totals(sums.values())) if found else None
    return EnvironmentSummary(environment.name, sums, whole, tuple(find_limits(environment)), cost)


def compute_machine_totals(machine: VirtualMachine, fleet: Fleet) -> Totals:
    """What one VM asks for, its disks excepted."""
    return compute_vm_totals(machine.values.get, fleet.platform.catalog)


def format_gibibytes(mebibytes: int) -> str:
    """MiB as `16 GiB`, exact to two digits."""
    return f"{mebibytes / 1024:,.2f}".rstrip("0").rstrip(".") + " GiB"


def format_delta(delta: TotalsDelta) -> str:
    """A delta: `+2 VMs, +4 vCPU, +16 GiB, +100 GiB replicated, +2 public`; empty where nothing changes."""
    change, cost = delta.totals, delta.cost
    words = [
        _format_signed(change.vms, lambda number: f"{number:,} {'VM' if number == 1 else 'VMs'}"),
        _format_signed(change.cpu, lambda number: f"{number:,} vCPU"),
        _format_signed(change.memory, format_gibibytes),
        *[
            _format_signed(size_, lambda number, name=name: f"{format_gibibytes(number)} {name}")
            for name, size_ in change.storage.items()
        ],
        _format_signed(change.addresses, lambda number: f"{number:,} public"),
        *[_format_signed(count, lambda number, name=name: f"{number} {name}") for name, count in change.gpus.items()],
        f"{cost.signed_text} a month" if cost and cost.amount else "",
        f"{abs(change.unsized)} of unknown size" if change.unsized else "",
    ]
    return ", ".join(word for word in words if word)


def _format_signed(number: int, words: Any) -> str:
    return f"{'+' if number > 0 else '-'}{words(abs(number))}" if number else ""


def build_total_columns(summaries: Sequence[EnvironmentSummary]) -> tuple[str, ...]:
    """The columns of total_rows: one for each storage class, one for each GPU, and the cost where there are prices."""
    classes, gpus = _collect_column_names(summaries)
    cost = ("cost",) if any(each.cost for each in summaries) else ()
    return ("environment", "group", "vms", "vcpu", "memory", "disks", *classes, *gpus, "public", *cost)


def build_total_rows(summaries: Sequence[EnvironmentSummary]) -> Iterator[tuple[object, ...]]:
    """A row for each group, one for each environment, and one for all where there are several."""
    names = _collect_column_names(summaries)
    costs = [each.cost for each in summaries if each.cost]
    for each in summaries:
        for group, sums in each.groups.items():
            yield (each.environment, group, *_build_cells(sums, names), *_build_cost_cell("", costs))
        yield (each.environment, ALL_LABEL, *_build_cells(each.total, names), *_build_cost_cell(each.cost or "", costs))
    if len(summaries) > 1:
        yield (
            ALL_LABEL,
            ALL_LABEL,
            *_build_cells(sum_totals(each.total for each in summaries), names),
            *_build_cost_cell(sum_costs(summaries), costs),
        )


def _collect_column_names(summaries: Sequence[EnvironmentSummary]) -> tuple[list[str], list[str]]:
    together = sum_totals(each.total for each in summaries)
    return list(together.storage), list(together.gpus)


def _build_cells(sums: Totals, names: tuple[list[str], list[str]]) -> tuple[object, ...]:
    classes, gpus = names
    storage = [format_size(sums.storage[name]) if name in sums.storage else "" for name in classes]
    return (
        sums.vms,
        sums.cpu,
        format_size(sums.memory) if sums.memory else "",
        sums.disks,
        *storage,
        *(sums.gpus.get(name, 0) for name in gpus),
        sums.addresses,
    )


def _build_cost_cell(cost: Cost | str, costs: Sequence[Cost]) -> tuple[str, ...]:
    return (str(cost),) if costs else ()


def sum_costs(summaries: Iterable[EnvironmentSummary]) -> Cost | str:
    """The sum of the costs, where there are some and they have one currency; else empty."""
    costs = [each.cost for each in summaries if each.cost]
    if len({cost.currency for cost in costs}) != 1:
        return ""
    return sum(costs[1:], start=costs[0])


def build_budget_rows(summaries: Iterable[EnvironmentSummary]) -> Iterator[tuple[object, ...]]:
    """A row for each limit of each environment."""
    for each in summaries:
        for limit in each.limits:
            measure = limit.measure
            used = measure.get_amount(each.unfiltered)
            left = limit.maximum - used
            remaining = measure.format_amount(left) if left >= 0 else f"-{measure.format_amount(-left)}"
            percent = f"{100 * used // limit.maximum}%" if limit.maximum else ""
            yield each.environment, measure.key, measure.format_amount(used), limit.text, remaining, percent


def totals_to_dict(totals: Totals) -> dict[str, Any]:
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


def summary_to_dict(each: EnvironmentSummary) -> dict[str, Any]:
    """The sums of an environment for programs."""
    return {
        "environment": each.environment,
        "totals": totals_to_dict(each.total),
        "groups": [{"group": group, **totals_to_dict(sums)} for group, sums in each.groups.items()],
        "budget": [
            {"key": limit.measure.key, "used": limit.measure.get_amount(each.unfiltered), "limit": limit.maximum}
            for limit in each.limits
        ],
        "cost": cost_to_dict(each.cost),
    }


def cost_to_dict(cost: Cost | None) -> dict[str, Any] | None:
    """A cost for programs; null where there are no prices."""
    if cost is None:
        return None
    return {"amount": float(round(cost.amount, 2)), "currency": cost.currency, "unpriced": list(cost.unpriced)}


def delta_to_dict(delta: TotalsDelta) -> dict[str, Any]:
    """A delta for programs: the same keys, with what grows above zero."""
    return {**totals_to_dict(delta.totals), "cost": cost_to_dict(delta.cost)}
