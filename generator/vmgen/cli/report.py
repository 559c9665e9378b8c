"""`vmgen report`: the fleet as one page to look at."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vmgen.cli.options import environments_argument
from vmgen.cli.session import Session
from vmgen.outcome import planned
from vmgen.pipeline import Workshop
from vmgen.problems import Problem, VmgenError
from vmgen.report.page.data import page_data
from vmgen.report.page.document import page
from vmgen.report.page.made import Made


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
    chosen = session.chosen(names)
    start = session.start(names, against) if against else None
    workshop = Workshop(session.project)
    rendered = tuple(workshop.rendered(name) for name in chosen)
    problems: list[Problem] = list({problem: None for each in rendered for problem in each.problems})
    failed = session.report([*session.name_problems, *problems])
    made = [Made(each.environment, each.fleet, each.files, each.layers) for each in rendered if each.environment and each.fleet]
    plan = planned(session.project, rendered, start)[0] if start and not failed else None
    text = page(page_data(session.project, made, plan))
    if output == "-":
        click.echo(text, nl=False)
    else:
        _write(Path(output), text)
        session.say(f"Wrote {output}.")
    sys.exit(1 if failed else 0)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise VmgenError(f"cannot write {path}: {error.strerror}") from None
