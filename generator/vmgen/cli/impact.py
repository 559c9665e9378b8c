"""`vmgen impact`: what an edit of a line, or of a file, can change."""

from __future__ import annotations

import sys

import click

from vmgen.cli.session import Session
from vmgen.explain.dependencies import find_dependencies
from vmgen.explain.impact import AffectedObject, Impact, ImpactFinder, parse_target
from vmgen.merge.layers import load_layers
from vmgen.pipeline import Renderer
from vmgen.problems import Problem
from vmgen.report.impact import format_json, format_text
from vmgen.report.terminal import choose_paint


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
    sought = parse_target(where, session.project)
    workshop = Renderer(session.project)
    reach = ImpactFinder(sought, session.project, workshop.layer_loader)
    readers: list[str] = []
    found: list[AffectedObject] = []
    problems: list[Problem] = []
    for name in session.environment_names:
        if not find_dependencies(load_layers(name, workshop.layer_loader), workshop.platform_loader).contains(sought.file):
            continue
        readers.append(name)
        rendered = workshop.render(name)
        problems.extend(rendered.problems)
        if rendered.environment and rendered.fleet:
            found.extend(reach.find_objects(rendered.environment, rendered.fleet, rendered.layers))
    failed = session.report_problems(problems)
    impact = Impact(sought, tuple(reach.keys), tuple(readers), tuple(found))
    paint = choose_paint(sys.stdout, obj["color"])
    click.echo(format_json(impact) if output == "json" else format_text(impact, paint), nl=False)
    sys.exit(1 if failed else 0)
