"""`vmgen list`: show the fleet as a table, with its totals and budgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from vmgen.check.totals import sum_totals
from vmgen.cli.completed_words import complete_groups
from vmgen.cli.options import environments_argument, format_option
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.expand.model import Fleet
from vmgen.printable import format_json as dump_json
from vmgen.problems import VmgenError, suggest
from vmgen.renderer import Renderer
from vmgen.report.fleet import DISK_COLUMNS, VM_COLUMNS, Selection, build_disk_rows, build_vm_rows, parse_selectors
from vmgen.report.tables import TABLE_FORMATS, TableRows, format_table
from vmgen.report.totals import (
    BUDGET_COLUMNS,
    EnvironmentSummary,
    build_budget_rows,
    build_total_table,
    describe_retained,
    summarize_environment,
    summary_to_dict,
    totals_to_dict,
)


@click.command("list")
@environments_argument
@click.option("--disks", is_flag=True, help="List disks instead of VMs.")
@click.option("--totals", is_flag=True, help="Print only the totals.")
@click.option(
    "--group",
    "groups",
    metavar="NAME",
    multiple=True,
    shell_complete=complete_groups,
    help="Only this group; repeatable.",
)
@click.option("--exposed", is_flag=True, help="Only VMs with a public address.")
@click.option("-l", "--selector", "selectors", metavar="KEY=VALUE", multiple=True, help="Only objects with this label.")
@format_option(list(TABLE_FORMATS))
@click.pass_obj
def command(
    color: str,
    names: tuple[str, ...],
    disks: bool,
    totals: bool,
    groups: tuple[str, ...],
    exposed: bool,
    selectors: tuple[str, ...],
    output: str,
) -> bool:
    """List virtual machines with their sizes, disks and exposure, and the totals.

    The JSON format includes VMs, disks, totals and budgets.

    Example: vmgen list production --exposed -l team=shop
    """
    session = Session(color)
    selection = Selection(frozenset(groups), exposed, parse_selectors(selectors))
    renderer = Renderer(session.project)
    results = [renderer.expand(name) for name in session.select_environments(names)]
    has_failed = session.report_results(results)
    environment_fleets = [(result.environment, result.fleet) for result in results if result.environment and result.fleet]
    fleets = [fleet for _, fleet in environment_fleets]
    existing_groups = {group.key for result in results if result.environment for group in result.environment.groups}
    for name in groups:
        if name not in existing_groups:
            raise VmgenError(f"no group '{name}'{suggest(name, existing_groups)}")
    summaries = [
        summarize_environment(environment, fleet, selection.select_machines(fleet), selection.select_disks(fleet))
        for environment, fleet in environment_fleets
    ]
    if output == "json":
        text = _format_json(_list_machines(fleets, selection), _list_disks(fleets, selection), summaries)
    elif totals:
        text = TABLE_FORMATS[output](*build_total_table(summaries))
    elif disks:
        text = TABLE_FORMATS[output](DISK_COLUMNS, _list_disks(fleets, selection))
    else:
        text = TABLE_FORMATS[output](VM_COLUMNS, _list_machines(fleets, selection))
    write_output(text)
    if output == "table":
        write_output(_format_sums(summaries, totals=not totals, budgets=not selection))
    return not has_failed


def _list_machines(fleets: Sequence[Fleet], selection: Selection) -> TableRows:
    return [row for fleet in fleets for row in build_vm_rows(fleet, selection.select_machines(fleet))]


def _list_disks(fleets: Sequence[Fleet], selection: Selection) -> TableRows:
    return [row for fleet in fleets for row in build_disk_rows(fleet, selection.select_disks(fleet))]


def _format_sums(summaries: Sequence[EnvironmentSummary], *, totals: bool, budgets: bool) -> str:
    """Return what people get below the rows: totals if there are groups, and budgets and kept disks if there are any."""
    tables = []
    if totals and any(summary.groups for summary in summaries):
        tables.append(format_table(*build_total_table(summaries)))
    budget_rows = list(build_budget_rows(summaries)) if budgets else []
    if budget_rows:
        tables.append(format_table(BUDGET_COLUMNS, budget_rows))
    retained_lines = [
        f"{summary.environment}: {describe_retained(summary.retained_totals)}\n"
        for summary in summaries
        if summary.retained_totals
    ]
    tables += ["".join(retained_lines)] if retained_lines else []
    return "".join(f"\n{table}" for table in tables)


def _format_json(vm_rows: TableRows, disk_rows: TableRows, summaries: Sequence[EnvironmentSummary]) -> str:
    """Return everything as a versioned document (docs/budget.md)."""
    document: dict[str, Any] = {
        "version": 1,
        "vms": [dict(zip(VM_COLUMNS, row)) for row in vm_rows],
        "disks": [dict(zip(DISK_COLUMNS, row)) for row in disk_rows],
        "environments": [summary_to_dict(summary) for summary in summaries],
        "totals": totals_to_dict(sum_totals(summary.total for summary in summaries)),
    }
    return dump_json(document)
