"""`vmgen explain`: show where each value of an object came from."""

from __future__ import annotations

import sys

import click

from vmgen.cli.completed_words import complete_environments, complete_objects
from vmgen.cli.options import format_option
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.explain.origins import Explainer, find_resource, select_fields
from vmgen.renderer import Renderer
from vmgen.report.explanation import format_json, format_text
from vmgen.report.terminal import choose_link


@click.command("explain")
@click.argument("environment", metavar="ENV", shell_complete=complete_environments)
@click.argument("name", metavar="OBJECT", shell_complete=complete_objects)
@click.argument("field", metavar="[FIELD]", required=False)
@format_option(["text", "json"])
@click.pass_obj
def command(color: str, environment: str, name: str, field: str | None, output: str) -> bool:
    """Show the manifest of an object, and where each value comes from.

    OBJECT is a name, or vm/NAME or disk/NAME; FIELD is a path such as spec.instanceType, or its end.

    Example: vmgen explain production web-1 instanceType
    """
    session = Session(color)
    result = Renderer(session.project).render(*session.select_environments((environment,)))
    has_failed = session.report_problems(result.problems)
    # Problems of another object do not keep this one from being explained.
    if not result.environment or not result.fleet:
        return False
    explainer = Explainer(result.environment, result.fleet, result.layers, session.project)
    explanation = explainer.explain(find_resource(name, result.fleet), result.files)
    fields = select_fields(field, explanation)
    if output == "json":
        text = format_json(explanation, fields)
    else:
        link = choose_link(sys.stdout, session.project.root)
        text = format_text(explanation, fields, session.paint_for(sys.stdout), link)
    write_output(text)
    return not has_failed
