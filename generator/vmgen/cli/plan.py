"""`vmgen plan`: what the next commit changes on the platform."""

from __future__ import annotations

import sys

import click

from vmgen.cli.options import affected_option, against_option, environments_argument, jobs_option
from vmgen.cli.session import Progress, Session
from vmgen.pipeline import ProgressCallbacks, plan_and_gate, render_all
from vmgen.problems import has_errors
from vmgen.report.plan import MAX_COMMENT_BYTES, format_json, format_markdown, format_text
from vmgen.report.terminal import choose_paint


@click.command("plan", short_help="Say what the next commit changes on the platform.")
@environments_argument
@against_option
@affected_option
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="Format of the plan.",
)
@click.option("--exit-code", is_flag=True, help="Exit 1 when anything changes.")
@click.option(
    "--max-bytes",
    type=click.IntRange(min=1024),
    default=MAX_COMMENT_BYTES,
    show_default=True,
    help="Cut markdown to so many bytes, at whole objects.",
)
@jobs_option("Environments at a time.")
@click.pass_obj
def command(
    obj: dict[str, str],
    names: tuple[str, ...],
    against: str | None,
    since: str | None,
    output: str,
    exit_code: bool,
    max_bytes: int,
    jobs: int,
) -> None:
    """Say what the platform will do with each change, from the files and from Git alone: no cluster is asked.

    Nothing is refused here: that is what render and check do.

    Example: vmgen plan --against main
    """
    session = Session(obj["color"])
    chosen, start = session.select_environments(names, since), session.load_plan_base(names, against)
    with Progress("rendering", len(chosen)) as told:
        rendered = render_all(
            session.project, chosen, verify_all=False, jobs=jobs, progress=ProgressCallbacks(on_rendered=told)
        )
    problems = tuple(problem for each in rendered for problem in each.problems)
    if has_errors(problems):
        session.report_problems([*session.name_problems, *problems])
        session.print_message("There is no plan for what cannot be rendered.")
        sys.exit(1)
    plan, refused = plan_and_gate(session.project, rendered, start)
    if output == "text":
        text = format_text(plan, choose_paint(sys.stdout, obj["color"]))
    else:
        text = format_json(plan) if output == "json" else format_markdown(plan, max_bytes)
    click.echo(text, nl=False, color=session.color_override)
    session.report_problems(plan.problems)
    if has_errors(refused):
        session.print_message("render and check refuse this until `retire:` names what may go; check prints the lines.")
    sys.exit(1 if exit_code and plan.changes else 0)
