"""`vmgen plan`: show what the next commit changes on the platform."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from vmgen.check.own_templates import find_own_templates
from vmgen.cli.options import affected_option, against_option, environments_argument, format_option, jobs_option
from vmgen.cli.output import write_output
from vmgen.cli.session import Progress, Session
from vmgen.pipeline import find_kustomization_problems, plan_and_gate
from vmgen.plan.clones import drop_answered_hints
from vmgen.plan.plan import Plan
from vmgen.problems import Problem, has_errors, sort_problems
from vmgen.renderer import ProgressCallbacks, RenderResult, render_all
from vmgen.report.plan import format_json, format_text
from vmgen.report.plan_markdown import MAX_COMMENT_BYTES, format_markdown
from vmgen.report.terminal import Paint

if TYPE_CHECKING:  # most plans are of files alone, and import nothing that reads a cluster
    from vmgen.status.live_plan import LiveNote

# A run that fails still has a plan: an empty one, with its problems.
FAILURE_FORMATS: Mapping[str, Callable[[Sequence[Problem], Paint], str]] = {
    "json": lambda problems, _: format_json(_build_failed_plan(problems)),
    "markdown": lambda problems, _: format_markdown(_build_failed_plan(problems)),
}


def _build_failed_plan(problems: Sequence[Problem]) -> Plan:
    return Plan(against="", environments=(), changes=(), problems=tuple(problems), complete=False)


@click.command("plan")
@environments_argument
@against_option
@affected_option
@format_option(["text", "markdown", "json"], help="Format of the plan.")
@click.option("--exit-code", is_flag=True, help="Exit 1 if anything changes.")
@click.option(
    "--max-bytes",
    type=click.IntRange(min=1024),
    default=MAX_COMMENT_BYTES,
    show_default=True,
    help="Limit Markdown to this size, cut between objects.",
)
@click.option("--live", metavar="FILE", help="Dump of the cluster (- for stdin): add the live state to each change.")
@jobs_option("Number of environments to process in parallel.")
@click.pass_obj
def command(
    color: str,
    names: tuple[str, ...],
    against: str | None,
    since: str | None,
    output: str,
    exit_code: bool,
    max_bytes: int,
    live: str | None,
    jobs: int,
) -> bool:
    """Show what the next commit would change on the platform, object by object, from files and Git alone.

    The verdict of each change is its effect: needs restart, DESTROYS DATA, ... plan never fails on a change; use render or
    check to enforce policy. If the sources have errors, the plan shows the remaining changes and exits 1.

    Example: vmgen plan --against main
    """
    session = Session(color)
    selected_names, base = session.select_environments(names, since), session.load_plan_base(names, against)
    with Progress("rendering", len(selected_names)) as progress:
        callbacks = ProgressCallbacks(on_rendered=progress)
        results = render_all(session.project, selected_names, verify_all=False, jobs=jobs, keep_going=True, progress=callbacks)
    plan, refusals = plan_and_gate(session.project, results, base)
    problems = [problem for result in results for problem in result.problems]
    problems += [*session.name_problems, *base.problems, *find_own_templates(session.project)]
    problems += [*find_kustomization_problems(session.project, results), *refusals]
    plan = plan._replace(problems=sort_problems(drop_answered_hints(problems)))
    notes = _read_live_notes(session, live, plan, results) if live else ()
    if output == "text":
        text = format_text(plan, session.paint_for(sys.stdout), notes)
    else:
        text = format_json(plan, notes) if output == "json" else format_markdown(plan, max_bytes, notes)
    write_output(text, color=session.color_override)
    session.report_problems(plan.problems)
    return not has_errors(plan.problems) and not (exit_code and plan.changes)


def _read_live_notes(session: Session, file: str, plan: Plan, results: Iterable[RenderResult]) -> tuple[LiveNote, ...]:
    """Read a dump and return what it adds to a plan. Raises VmgenError if the file is not a dump."""
    from vmgen.cli.status import STDIN, read_dump_file
    from vmgen.read.dump import read_dump
    from vmgen.status.compare import require_one_cluster
    from vmgen.status.health import load_tables
    from vmgen.status.live_plan import describe_live_state

    tables = load_tables(session.project)
    settings_by_name = {result.name: result.environment.settings for result in results if result.environment}
    require_one_cluster({name: str(settings.get_plain("cluster", "")) for name, settings in settings_by_name.items()})
    dump = read_dump(read_dump_file(file), "<stdin>" if file == STDIN else file, tables["groups"])
    fleets = [result.fleet for result in results if result.fleet]
    return describe_live_state(plan, dump, tables["releases"]["VMInstance"], fleets)
