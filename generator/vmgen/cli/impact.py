"""`vmgen impact`: what an edit of a line, or of a file, can change."""

from __future__ import annotations

import sys

import click

from vmgen.cli.session import Session
from vmgen.explain.dependencies import dependencies
from vmgen.explain.impact import Impact, Reach, Reached
from vmgen.explain.target import target
from vmgen.merge.layers import layered
from vmgen.pipeline import Workshop
from vmgen.problems import Problem
from vmgen.report.colour import paint_for
from vmgen.report.impact import as_json, as_text


@click.command("impact", short_help="Show what an edit of a line or a file can change.")
@click.argument("where", metavar="FILE[:LINE]")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format.")
@click.pass_obj
def command(obj: dict[str, str], where: str, output: str) -> None:
    """Show the environments, groups, objects and fields that a line of a file reaches, or the whole file.

    The file may be an environment, a layer, a key file, a template, a catalog or a platform.yaml.

    Example: vmgen impact environments/_defaults.yaml:12
    """
    session = Session(obj["color"])
    sought = target(where, session.project)
    workshop = Workshop(session.project)
    reach = Reach(sought, session.project, workshop.files)
    readers: list[str] = []
    found: list[Reached] = []
    problems: list[Problem] = []
    for name in session.known:
        if not dependencies(layered(name, workshop.files), workshop.platforms).have(sought.file):
            continue
        readers.append(name)
        rendered = workshop.rendered(name)
        problems.extend(rendered.problems)
        if rendered.environment and rendered.fleet:
            found.extend(reach.objects(rendered.environment, rendered.fleet, rendered.layers))
    failed = session.report(problems)
    impact = Impact(sought, tuple(reach.keys), tuple(readers), tuple(found))
    paint = paint_for(sys.stdout, obj["color"])
    click.echo(as_json(impact) if output == "json" else as_text(impact, paint), nl=False)
    sys.exit(1 if failed else 0)
