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
from vmgen.listing import names
from vmgen.pipeline import ProgressCallbacks, RunResult, evaluate
from vmgen.plan.baseline import PlanBase
from vmgen.plan.diff import FileChanges
from vmgen.problems import Place, Problem, has_errors, sort_problems
from vmgen.read.repository import Project
from vmgen.report.drift import format_diff
from vmgen.stamps import Stamp

_EDITED_MESSAGE = "is not what its environment renders; run vmgen render, and change the environment, not the manifest"


def render_environments(
    session: Session, names: tuple[str, ...], gone: tuple[str, ...], start: PlanBase, jobs: int
) -> RunResult:
    """Environments rendered, read back, compared, and passed through the gate."""
    with Progress("rendering", len(names)) as told:
        return evaluate(
            session.project,
            names,
            gone=gone,
            allow_empty=True,
            verify_all=True,
            jobs=jobs,
            start=start,
            listeners=ProgressCallbacks(session.on_stage, told),
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
                yield Problem(Place(project.display_path(file)), "drift", "", what, lines=shown)


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
    verify: bool = False
    jobs: int = 1


def check(names: Sequence[str]) -> int:
    """`vmgen check [ENV]...` without an option: the exit code of the run."""
    return exit_code(lambda: run_check(Session(), CheckOptions(tuple(names))))


def run_check(session: Session, wish: CheckOptions) -> int:
    """Say everything that is wrong, and give the exit code."""
    session.on_stage("list")
    chosen, gone = session.select_environments(wish.names, wish.since), session.find_removed_environments(wish.names)
    session.on_stage("baseline")
    start = session.load_plan_base(wish.names, wish.against)
    session.on_stage("stamps")
    stamps = session.open_check_stamps(wish.kustomize)
    fresh = (
        {}
        if wish.verify or wish.since or gone or start.removed_environments
        else _select_undisturbed(session, stamps.find_fresh(chosen), start)
    )
    if fresh and len(fresh) == len(chosen):
        return _report_result(session, (), fresh, len(fresh))
    if wish.kustomize != "off":  # what was not built with the engine is not stamped
        stamps.begin()
    session.on_stage("import")
    from vmgen.cli.stamping import build_stamps

    done = render_environments(session, tuple(name for name in chosen if name not in fresh), gone, start, wish.jobs)
    if fresh and any(each.delivery for each in done.environments):
        fresh = {}  # what environments share below delivery/ is made from all of them
        done = render_environments(session, chosen, gone, start, wish.jobs)
    code = _report_result(session, find_problems(session, done, wish.kustomize, wish.jobs), fresh, len(chosen))
    session.on_stage("stamps")
    if code == 0 and wish.kustomize != "off":
        warned = {each.environment for each in done.changes if each.foreign}  # of what may go without a change here
        stamps.record({name: made for name, made in build_stamps(session, done).items() if name not in warned})
    return code


def _report_result(session: Session, problems: Sequence[Problem], fresh: Mapping[str, Stamp], count: int) -> int:
    """Say what is wrong, or that so many environments are in order, and which of them are as they were."""
    warnings = (warning for stamp in fresh.values() for warning in stamp.warnings)
    if session.report_problems(sort_problems([*session.name_problems, *problems, *warnings])):
        return 1
    same = "" if not fresh else ", as it was" if count == 1 else f"; {len(fresh)} as they were"
    session.print_message(f"{count} {'environment is' if count == 1 else 'environments are'} in order{same}.")
    return 0


def _select_undisturbed(session: Session, fresh: dict[str, Stamp], start: PlanBase) -> dict[str, Stamp]:
    """Those of the environments that were in order and are the same, in which the gate has nothing to look at either."""
    if any(stamp.has_delivery for stamp in fresh.values()):
        return {}
    if start.baseline.repository is None:
        return fresh  # what there is to start from are the files, which are the same
    root = session.project.manifests
    files = {f"{name}{path}": (root / f"{name}{path}").read_bytes() for name in fresh for path in names(f"{root}/{name}")}
    disturbed = {path.partition("/")[0] for path in start.baseline.find_differing(fresh, files)}
    return {name: stamp for name, stamp in fresh.items() if name not in disturbed}


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
@click.option("--verify", is_flag=True, help="Look at everything again, also at what has not changed since it was in order.")
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
    verify: bool,
    jobs: int,
    timings: bool,
    output: str,
) -> None:
    """Check that the sources are valid, that nothing is lost, and that manifests/ is exactly what they render.

    Example: vmgen check --verify --against main -o github
    """
    session = Session(obj["color"], output)
    with measure_stages(session, timings):
        sys.exit(run_check(session, CheckOptions(names, against, since, kustomize, verify, jobs)))
