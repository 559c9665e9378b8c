"""`vmgen report`: the fleet as one page to look at."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vmgen.cli.options import environments_argument
from vmgen.cli.session import Session
from vmgen.pipeline import Renderer, plan_and_gate
from vmgen.problems import Problem, VmgenError
from vmgen.report.page.data import PageEnvironment, build_page_data
from vmgen.report.page.document import render_page


@click.command("report", short_help="Write one HTML page of the fleet.")
@environments_argument
@click.option("-o", "--output", metavar="FILE", default="fleet.html", show_default=True, help="Where to write it; - is stdout.")
@click.option("--against", metavar="REF", help="Show what changes against what is committed at this ref, such as HEAD.")
@click.pass_obj
def command(obj: dict[str, str], names: tuple[str, ...], output: str, against: str | None) -> None:
    """Write one page that shows the fleet: totals, budgets, every VM and disk, its manifest and where its values come from.

    The page is one file that fetches nothing; cloud-init and keys in it are masked.

    Example: vmgen report -o fleet.html --against main
    """
    session = Session(obj["color"])
    chosen = session.select_environments(names)
    start = session.load_plan_base(names, against) if against else None
    workshop = Renderer(session.project)
    rendered = tuple(workshop.render(name) for name in chosen)
    problems: list[Problem] = list({problem: None for each in rendered for problem in each.problems})
    failed = session.report_problems([*session.name_problems, *problems])
    made = [
        PageEnvironment(each.environment, each.fleet, each.files, each.layers)
        for each in rendered
        if each.environment and each.fleet
    ]
    plan = plan_and_gate(session.project, rendered, start)[0] if start and not failed else None
    text = render_page(build_page_data(session.project, made, plan))
    if output == "-":
        click.echo(text, nl=False)
    else:
        _write(Path(output), text)
        session.print_message(f"Wrote {output}.")
    sys.exit(1 if failed else 0)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise VmgenError(f"cannot write {path}: {error.strerror}") from None
