"""`vmgen explain`: where each value of an object came from."""

from __future__ import annotations

import sys

import click

from vmgen.cli.session import Session
from vmgen.explain.origins import Explainer, find_resource, select_fields
from vmgen.pipeline import Renderer
from vmgen.report.explanation import format_json, format_text
from vmgen.report.terminal import choose_link, choose_paint


@click.command("explain", short_help="Show where each value of an object came from.")
@click.argument("environment", metavar="ENV")
@click.argument("name", metavar="OBJECT")
@click.argument("field", metavar="[FIELD]", required=False)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format.")
@click.pass_obj
def command(obj: dict[str, str], environment: str, name: str, field: str | None, output: str) -> None:
    """Show the manifest of an object with, beside each line, where its value came from and what it overrode.

    OBJECT is a name, or vm/NAME or disk/NAME; FIELD is a path such as spec.instanceType, or the end of one.

    Example: vmgen explain production web-1 instanceType
    """
    session = Session(obj["color"])
    workshop = Renderer(session.project)
    rendered = workshop.render(*session.select_environments((environment,)))
    failed = session.report_problems(rendered.problems)
    if not rendered.environment or not rendered.fleet:
        sys.exit(1)
    explainer = Explainer(rendered.environment, rendered.fleet, rendered.layers, session.project)
    explanation = explainer.explain(find_resource(name, rendered.fleet), rendered.files)
    fields = select_fields(field, explanation)
    paint, link = choose_paint(sys.stdout, obj["color"]), choose_link(sys.stdout, session.project.root)
    click.echo(
        format_json(explanation, fields) if output == "json" else format_text(explanation, fields, paint, link), nl=False
    )
    sys.exit(1 if failed else 0)
