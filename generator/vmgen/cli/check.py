"""`vmgen check`: render all environments, compare them with the working tree, and build them with kustomize."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from vmgen.cli.options import affected_option, against_option, environments_argument, jobs_option, output_option, timings_option
from vmgen.cli.session import Progress, Session, measure_stages
from vmgen.plan.diff import list_existing_files
from vmgen.problems import Problem, has_errors, sort_problems
from vmgen.quantities import format_count
from vmgen.stamps import Stamp

if TYPE_CHECKING:
    from vmgen.pipeline import RunResult
    from vmgen.plan.baseline import PlanBase


class CheckOptions(NamedTuple):
    """The options of `vmgen check` by the names of its parameters."""

    names: tuple[str, ...]
    against: str | None
    since: str | None
    kustomize: str
    verify: bool
    jobs: int


@click.command("check")
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
def command(color: str, /, timings: bool, output: str, **options: Any) -> bool:
    """Check that the sources are valid, that nothing is lost, and that manifests/ is exactly what they render.

    Example: vmgen check --verify --against main -o github
    """
    session = Session(color, output)
    with measure_stages(session, timings):
        return _check(session, CheckOptions(**options))


def _check(session: Session, options: CheckOptions) -> bool:
    """Report all problems, and return True if there is no error."""
    session.on_stage("list")
    names = session.select_environments(options.names, options.since)
    removed = session.find_removed_environments(options.names)
    session.on_stage("baseline")
    base = session.load_plan_base(options.names, options.against)
    session.on_stage("stamps")
    stamps = session.open_check_stamps(options.kustomize)
    fresh: dict[str, Stamp] = {}
    if not (options.verify or options.since or removed or base.removed_environments):
        fresh = _select_at_baseline(stamps.find_fresh(names), base)
    if fresh and len(fresh) == len(names):
        return _report(session, (), fresh, len(names))
    if options.kustomize != "off":  # what was not built with the engine is not stamped
        stamps.begin()
    session.on_stage("import")
    result = _evaluate(session, tuple(name for name in names if name not in fresh), removed, base, options.jobs)
    if fresh and any(rendered.delivery for rendered in result.environments):
        fresh = {}  # the files that environments share below delivery/ are made from all of them
        result = _evaluate(session, names, removed, base, options.jobs)
    passed = _report(session, _find_problems(session, result, options), fresh, len(names))
    session.on_stage("stamps")
    if passed and options.kustomize != "off":
        # A warning about foreign files may go without a change of what the stamp covers.
        foreign = {changes.environment for changes in result.changes if changes.foreign}
        stamps.record({name: stamp for name, stamp in session.build_stamps(result).items() if name not in foreign})
    return passed


def _select_at_baseline(fresh: dict[str, Stamp], base: PlanBase) -> dict[str, Stamp]:
    """Return the environments whose files are also those of the baseline, so that the gate has nothing to look at."""
    if any(stamp.has_delivery for stamp in fresh.values()):
        return {}
    if base.baseline.repository is None:
        return fresh
    project = base.baseline.project
    paths = [path for name in fresh for path in list_existing_files(project, name).files]
    files = {path: (project.manifests / path).read_bytes() for path in paths}
    differing = {path.partition("/")[0] for path in base.baseline.find_differing(fresh, files)}
    return {name: stamp for name, stamp in fresh.items() if name not in differing}


def _evaluate(session: Session, names: tuple[str, ...], removed: tuple[str, ...], base: PlanBase, jobs: int) -> RunResult:
    return session.evaluate(names, removed, base, allow_empty=True, verify_all=True, jobs=jobs)


def _find_problems(session: Session, result: RunResult, options: CheckOptions) -> list[Problem]:
    """Return the problems of the sources, of the files that exist and, if there is no error so far, of the kustomize builds."""
    from vmgen.report.drift import find_drift

    session.on_stage("drift")
    files = {path: content for rendered in result.environments for path, content in rendered.files.items()}
    with_diff = session.output_format == "text"
    problems = [*result.problems, *find_drift(session.project, result.changes, files, with_diff=with_diff)]
    delivery = result.delivery
    problems.extend(find_drift(delivery.project, delivery.changes, delivery.files, with_diff=with_diff))
    if options.kustomize != "off" and not has_errors((*session.name_problems, *problems)):
        session.on_stage("kustomize")
        rendered_files = {rendered.name: rendered.files for rendered in result.environments if rendered.files}
        problems.extend(_verify_builds(session, rendered_files, options))
    return problems


def _verify_builds(
    session: Session, rendered_files: Mapping[str, Mapping[str, bytes]], options: CheckOptions
) -> Iterator[Problem]:
    from vmgen.kustomize.builds import plan_builds, verify_builds

    builds, problems = plan_builds(session.project, rendered_files, full=options.kustomize == "full")
    yield from problems
    with Progress("building with kustomize", len(builds)) as progress:
        yield from verify_builds(session.project, builds, progress, jobs=options.jobs)


def _report(session: Session, problems: Sequence[Problem], fresh: Mapping[str, Stamp], count: int) -> bool:
    """Report problems, or that `count` environments are in order; return True if there is no error."""
    warnings = (warning for stamp in fresh.values() for warning in stamp.warnings)
    if session.report_problems(sort_problems([*session.name_problems, *problems, *warnings])):
        return False
    unchanged = "" if not fresh else ", as it was" if count == 1 else f"; {len(fresh)} as they were"
    session.print_message(f"{format_count(count, 'environment is', 'environments are')} in order{unchanged}.")
    return True
