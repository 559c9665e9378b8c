"""`vmgen impact`: show what an edit of a line or of a file can change."""

from __future__ import annotations

import sys

import click

from vmgen.cli.options import format_option
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.explain.dependencies import find_dependencies
from vmgen.explain.impact import AffectedObject, Impact, ImpactFinder, parse_target
from vmgen.merge.layers import load_layers
from vmgen.problems import Problem
from vmgen.renderer import Renderer
from vmgen.report.impact import format_json, format_text


@click.command("impact")
@click.argument("where", metavar="FILE[:LINE]")
@format_option(["text", "json"])
@click.pass_obj
def command(color: str, where: str, output: str) -> bool:
    """List the environments, groups, objects and fields affected by a file or line.

    The file may be an environment, a layer, a key file, a template, a catalog or a platform.yaml.

    Example: vmgen impact environments/_defaults.yaml:12
    """
    session = Session(color)
    target = parse_target(session.locate_argument(where), session.project)
    renderer = Renderer(session.project)
    finder = ImpactFinder(target, session.project, renderer.layer_loader)
    readers: list[str] = []
    affected: list[AffectedObject] = []
    problems: list[Problem] = []
    for name in session.environment_names:
        dependencies = find_dependencies(load_layers(name, renderer.layer_loader), renderer.platform_loader)
        if not dependencies.contains(target.file):
            continue
        readers.append(name)
        result = renderer.render(name)
        problems.extend(result.problems)
        if result.environment and result.fleet:
            affected.extend(finder.find_objects(result.environment, result.fleet, result.layers))
    has_failed = session.report_problems(problems)
    impact = Impact(target, tuple(finder.keys), tuple(finder.removals), tuple(readers), tuple(affected))
    text = format_json(impact) if output == "json" else format_text(impact, session.paint_for(sys.stdout))
    write_output(text)
    return not has_failed
