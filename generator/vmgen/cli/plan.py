"""`vmgen plan`: show what the next commit changes on the platform."""

from __future__ import annotations

import sys

import click

from vmgen.check.own_templates import find_own_templates
from vmgen.cli.options import affected_option, against_option, environments_argument, format_option, jobs_option
from vmgen.cli.output import write_output
from vmgen.cli.session import Progress, Session
from vmgen.pipeline import ProgressCallbacks, plan_and_gate, render_all
from vmgen.problems import has_errors, sort_problems
from vmgen.report.plan import MAX_COMMENT_BYTES, format_json, format_markdown, format_text


@click.command("plan")
@environments_argument
@against_option
@affected_option
@format_option(["text", "markdown", "json"], help="Format of the plan.")
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
    color: str,
    names: tuple[str, ...],
    against: str | None,
    since: str | None,
    output: str,
    exit_code: bool,
    max_bytes: int,
    jobs: int,
) -> bool:
    """Say what the platform will do with each change, from the files and from Git alone: no cluster is asked.

    Where something is wrong, or render and check would refuse it, the plan shows all that it can, and exits 1.

    Example: vmgen plan --against main
    """
    session = Session(color)
    selected, base = session.select_environments(names, since), session.load_plan_base(names, against)
    with Progress("rendering", len(selected)) as progress:
        callbacks = ProgressCallbacks(on_rendered=progress)
        results = render_all(session.project, selected, verify_all=False, jobs=jobs, keep_going=True, progress=callbacks)
    plan, refusals = plan_and_gate(session.project, results, base)
    problems = [problem for result in results for problem in result.problems]
    problems += [*session.name_problems, *base.problems, *find_own_templates(session.project)]
    plan = plan._replace(problems=sort_problems([*problems, *refusals]))
    if output == "text":
        text = format_text(plan, session.paint_for(sys.stdout))
    else:
        text = format_json(plan) if output == "json" else format_markdown(plan, max_bytes)
    write_output(text, color=session.color_override)
    session.report_problems(plan.problems)
    return not has_errors(plan.problems) and not (exit_code and plan.changes)
