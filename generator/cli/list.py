"""`vmgen list`: the fleet as a table."""

from __future__ import annotations

import sys

import click

from generator.cli.session import Session, environments_argument
from generator.pipeline import Workshop
from generator.report.fleet import DISK_COLUMNS, VM_COLUMNS, disk_rows, vm_rows
from generator.report.table import TABLES


@click.command("list", short_help="Show the VMs and the disks of environments.")
@environments_argument
@click.option("--disks", is_flag=True, help="One row for each disk instead of each VM.")
@click.option("-o", "--output", type=click.Choice(list(TABLES)), default="table", show_default=True, help="Format.")
@click.pass_obj
def command(obj: dict[str, str], names: tuple[str, ...], disks: bool, output: str) -> None:
    """Show the virtual machines of environments, with their sizes, disks and exposure.

    Example: vmgen list production -o csv
    """
    session = Session(obj["color"])
    workshop = Workshop(session.project)
    rendered = [workshop.rendered(name) for name in session.chosen(names)]
    failed = session.report([problem for each in rendered for problem in each.problems])
    columns, made = (DISK_COLUMNS, disk_rows) if disks else (VM_COLUMNS, vm_rows)
    rows = [row for each in rendered if each.fleet for row in made(each.fleet)]
    click.echo(TABLES[output](columns, rows), nl=False)
    sys.exit(1 if failed else 0)
