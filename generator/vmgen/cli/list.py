"""`vmgen list`: the fleet as a table, with its totals and budgets."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from vmgen.check.totals import sum_totals
from vmgen.cli.options import environments_argument
from vmgen.cli.session import Session
from vmgen.expand.model import Fleet
from vmgen.pipeline import Renderer
from vmgen.problems import Problem
from vmgen.report.fleet import DISK_COLUMNS, VM_COLUMNS, Selection, build_disk_rows, build_vm_rows, parse_selectors
from vmgen.report.tables import TABLE_FORMATS, format_table
from vmgen.report.totals import (
    BUDGET_COLUMNS,
    EnvironmentSummary,
    build_budget_rows,
    build_total_table,
    summarize_environment,
    summary_to_dict,
    totals_to_dict,
)


@click.command("list", short_help="Show VMs, disks, totals and budgets.")
@environments_argument
@click.option("--disks", is_flag=True, help="One row for each disk instead of each VM.")
@click.option("--totals", is_flag=True, help="Only the totals, by environment and group.")
@click.option("--group", "groups", metavar="NAME", multiple=True, help="Only this group; may be given several times.")
@click.option("--exposed", is_flag=True, help="Only VMs with a public address.")
@click.option("-l", "--selector", "selectors", metavar="KEY=VALUE", multiple=True, help="Only what has this label.")
@click.option("-o", "--output", type=click.Choice(list(TABLE_FORMATS)), default="table", show_default=True, help="Format.")
@click.pass_obj
def command(
    obj: dict[str, str],
    names: tuple[str, ...],
    disks: bool,
    totals: bool,
    groups: tuple[str, ...],
    exposed: bool,
    selectors: tuple[str, ...],
    output: str,
) -> None:
    """Show the virtual machines of environments, with their sizes, disks and exposure, and what they add up to.

    The format json holds VMs, disks, totals and budgets at once.

    Example: vmgen list production --exposed -l team=shop
    """
    session = Session(obj["color"])
    selection = Selection(frozenset(groups), exposed, parse_selectors(selectors))
    workshop = Renderer(session.project)
    rendered = [workshop.render(name) for name in session.select_environments(names)]
    problems: list[Problem] = list({problem: None for each in rendered for problem in each.problems})
    failed = session.report_problems([*session.name_problems, *problems])
    made = [(each.environment, each.fleet) for each in rendered if each.environment and each.fleet]
    fleets = [fleet for _, fleet in made]
    sums = [
        summarize_environment(each, fleet, selection.select_machines(fleet), selection.select_disks(fleet))
        for each, fleet in made
    ]
    if output == "json":
        click.echo(_format_json(fleets, sums, selection), nl=False)
    else:
        click.echo(_format_tables(fleets, sums, selection, disks=disks, totals=totals, output=output), nl=False)
    sys.exit(1 if failed else 0)


def _format_tables(
    fleets: Sequence[Fleet], sums: Sequence[EnvironmentSummary], selection: Selection, *, disks: bool, totals: bool, output: str
) -> str:
    """The rows that were asked for; people get the totals below them, and the budgets where all was asked for."""
    of_totals = TABLE_FORMATS[output](*build_total_table(sums))
    if disks:
        rows = TABLE_FORMATS[output](
            DISK_COLUMNS, [row for fleet in fleets for row in build_disk_rows(fleet, selection.select_disks(fleet))]
        )
    else:
        rows = TABLE_FORMATS[output](
            VM_COLUMNS, [row for fleet in fleets for row in build_vm_rows(fleet, selection.select_machines(fleet))]
        )
    if output == "csv":
        return of_totals if totals else rows
    parts = [of_totals] if totals else [rows, of_totals] if any(each.groups for each in sums) else [rows]
    budgets = list(build_budget_rows(sums))
    if budgets and not selection:
        parts.append(format_table(BUDGET_COLUMNS, budgets))
    return "\n".join(parts)


def _format_json(fleets: Sequence[Fleet], sums: Sequence[EnvironmentSummary], selection: Selection) -> str:
    """Everything, for programs: a versioned document (docs/budget.md)."""
    document: dict[str, Any] = {
        "version": 1,
        "vms": [
            dict(zip(VM_COLUMNS, row)) for fleet in fleets for row in build_vm_rows(fleet, selection.select_machines(fleet))
        ],
        "disks": [
            dict(zip(DISK_COLUMNS, row)) for fleet in fleets for row in build_disk_rows(fleet, selection.select_disks(fleet))
        ],
        "environments": [summary_to_dict(each) for each in sums],
        "totals": totals_to_dict(sum_totals(each.total for each in sums)),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
