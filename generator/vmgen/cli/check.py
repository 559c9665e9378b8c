"""What `vmgen check` looks at: everything rendered anew, held against what lies there, and built by the kustomize engine.

What `vmgen check` does, whatever read its options.

`vmgen check`: everything that CI has to know, in one command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import click

from vmgen.cli.errors import exit_code
from vmgen.cli.options import affected_option, against_option, environments_argument, jobs_option, output_option, timings_option
from vmgen.cli.session import Progress, Session, measure_stages
from vmgen.pipeline import ProgressCallbacks, RunResult, evaluate
from vmgen.plan.baseline import PlanBase
from vmgen.plan.diff import FileChanges
from vmgen.problems import Place, Problem, has_errors, sort_problems
from vmgen.read.repository import Project
from vmgen.report.drift import format_diff
from vmgen.rules import DRIFT
from vmgen.write.state import find_tracked_state

_EDITED_MESSAGE = "is not what its environment renders; run vmgen render, and change the environment, not the manifest"


def render_environments(
    session: Session, names: tuple[str, ...], removed: tuple[str, ...], base: PlanBase, jobs: int
) -> RunResult:
    """Environments rendered, read back, compared, and passed through the gate."""
    with Progress("rendering", len(names)) as told:
        return evaluate(
            session.project,
            names,
            removed=removed,
            allow_empty=True,
            verify_all=True,
            jobs=jobs,
            base=base,
            progress=ProgressCallbacks(session.on_stage, told),
        )


def find_problems(session: Session, done: RunResult, kustomize: str, jobs: int) -> list[Problem]:
    """All that is wrong with what was rendered, and with what lies there; `kustomize` is auto, full or off."""
    session.on_stage("drift")
    made = {path: content for each in done.environments for path, content in each.files.items()}
    found = [*done.problems, *_find_drift(session, session.project, done.changes, made)]
    found.extend(_find_drift(session, done.delivery.project, done.delivery.changes, done.delivery.files))
    if kustomize != "off" and not has_errors((*session.name_problems, *found)):
        session.on_stage("kustomize")
        found.extend(_verify_builds(session, done, full=kustomize == "full", jobs=jobs))
    return found


def _find_drift(
    session: Session, project: Project, compared: Iterable[FileChanges], wanted: Mapping[str, bytes]
) -> Iterator[Problem]:
    """Each file that is not what it should be; in text with the lines that differ."""
    for each in compared:
        for paths, what in (
            (each.created, "is missing; run vmgen render"),
            (each.updated, _EDITED_MESSAGE),
            (each.pruned, "is no longer wanted; run vmgen render"),
        ):
            for path in paths:
                file = project.manifests / path
                shown: tuple[str, ...] = ()
                if path in each.updated and session.output_format == "text":
                    shown = tuple(f"    {line}" for line in format_diff(file.read_bytes(), wanted[path]))
                yield Problem(Place(project.display_path(file)), DRIFT.id, "", what, lines=shown)


def _verify_builds(session: Session, done: RunResult, *, full: bool, jobs: int) -> Iterator[Problem]:
    from vmgen.kustomize.builds import plan_builds, verify_builds

    rendered = {each.name: each.files for each in done.environments if each.files}
    builds, problems = plan_builds(session.project, rendered, full=full)
    yield from problems
    with Progress("building with kustomize", len(builds)) as told:
        yield from verify_builds(session.project, builds, told, jobs=jobs)


class CheckOptions(NamedTuple):
    """What the command line asks for."""

    names: tuple[str, ...]
    against: str | None = None
    since: str | None = None
    kustomize: str = "auto"
    jobs: int = 1


def check(names: Sequence[str]) -> int:
    """`vmgen check [ENV]...` without an option: the exit code of the run."""
    return exit_code(lambda: run_check(Session(), CheckOptions(tuple(names))))


def run_check(session: Session, wish: CheckOptions) -> int:
    """Say everything that is wrong, and give the exit code."""
    session.on_stage("list")
    session.name_problems += find_tracked_state(session.project)
    names, removed = session.select_environments(wish.names, wish.since), session.find_removed_environments(wish.names)
    session.on_stage("baseline")
    base = session.load_plan_base(wish.names, wish.against)
    session.on_stage("import")
    run = render_environments(session, names, removed, base, wish.jobs)
    problems = find_problems(session, run, wish.kustomize, wish.jobs)
    if session.report_problems(sort_problems([*session.name_problems, *problems])):
        return 1
    session.print_message(f"{len(names)} {'environment is' if len(names) == 1 else 'environments are'} in order.")
    return 0


@click.command("check", short_help="Say everything that is wrong: the gate for CI.")
@environments_argument
@against_option
@affected_option
@click.option(
    "--kustomize",
    type=click.Choice(["auto", "full", "off"]),
    default="auto",
    show_default=True,
    help="Build with the kustomize engine and compare: a large environment in parts, or in full.",
)
@click.option("--verify", is_flag=True, expose_value=False, help="No effect: check always looks at everything.")
@jobs_option("Environments, and builds, at a time.")
@timings_option
@output_option
@click.pass_obj
def command(
    obj: dict[str, str],
    names: tuple[str, ...],
    against: str | None,
    since: str | None,
    kustomize: str,
    jobs: int,
    timings: bool,
    output: str,
) -> None:
    """Check that the sources are valid, that nothing is lost, and that manifests/ is exactly what they render.

    Example: vmgen check --verify --against main -o github
    """
    session = Session(obj["color"], output)
    with measure_stages(session, timings):
        sys.exit(run_check(session, CheckOptions(names, against, since, kustomize, jobs)))
