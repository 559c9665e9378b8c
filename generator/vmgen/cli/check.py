"""`vmgen check`: render all environments, compare them with the working tree, and build them with kustomize."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from vmgen.check.own_templates import find_own_templates
from vmgen.cli.failed_run import write_report_file
from vmgen.cli.options import (
    affected_option,
    against_option,
    environments_argument,
    jobs_option,
    output_option,
    reports_option,
    timings_option,
)
from vmgen.cli.output import write_message, write_output
from vmgen.cli.session import Progress, Session, measure_stages
from vmgen.problems import Problem, has_errors, sort_problems
from vmgen.quantities import format_count
from vmgen.write.state import find_tracked_state
from vmgen.write.values_schema import find_stale_schema

if TYPE_CHECKING:
    from vmgen.edit.file_edit import FileEdit
    from vmgen.pipeline import RunResult


# What errors hide, such as tombstones, is found once they are fixed.
_MAX_ROUNDS = 2


class CheckOptions(NamedTuple):
    """The options of `vmgen check` by the names of its parameters."""

    names: tuple[str, ...]
    against: str | None
    since: str | None
    kustomize: str
    kustomize_binary: str | None
    jobs: int
    reports: tuple[tuple[str, str], ...]
    fix: bool
    dry_run: bool


@click.command("check")
@environments_argument
@against_option
@affected_option
@click.option(
    "--kustomize",
    type=click.Choice(["auto", "full", "off"]),
    default="auto",
    show_default=True,
    help="Cross-check with kustomize: large environments in parts, or all in full.",
)
@click.option("--kustomize-binary", metavar="FILE", help="Path to kustomize or kubectl  [default: the first one found].")
@click.option("--verify", is_flag=True, expose_value=False, help="No effect: check always verifies everything.")
@click.option("--fix", is_flag=True, help="Fix problems with one possible fix, such as a stale tombstone.")
@click.option("--dry-run", is_flag=True, help="With --fix: print the diff and write nothing.")
@jobs_option("Number of environments and builds to process in parallel.")
@timings_option
@output_option
@reports_option
@click.pass_obj
def command(color: str, /, timings: bool, output: str, **options: Any) -> bool:
    """Validate environments and manifests (for CI).

    Reports problems in the sources, data loss, drift between environments/ and manifests/, and differences that kustomize
    finds. Run vmgen render to fix drift.

    Example: vmgen check --verify --against main -o github
    """
    session, checks = Session(color, output), CheckOptions(**options)
    if checks.dry_run and not checks.fix:
        raise click.UsageError("--dry-run needs --fix")
    with measure_stages(session, timings):
        if checks.fix:
            _fix(session, checks)
        return _check(session, checks)


def _fix(session: Session, options: CheckOptions) -> None:
    """Write the fixes of all problems that have one, or print them."""
    from vmgen.edit.file_edit import write_edits
    from vmgen.report.drift import NEXT_COMMAND, format_edit_diff
    from vmgen.write.state import lock_repository

    if options.dry_run:
        text = "".join(map(format_edit_diff, _find_fixes(session, options)))
        (write_output if session.output_format == "text" else write_message)(text)
        return
    fixed_files: set[str] = set()
    with lock_repository(session.project.root):
        for _ in range(_MAX_ROUNDS):
            edits = _find_fixes(session, options)
            write_edits(edits, session.project)
            fixed_files.update(edit.file for edit in edits)
    for file in sorted(fixed_files):
        session.print_message(f"fixed {file}")
    if fixed_files:
        session.print_message(f"Next: {NEXT_COMMAND}")


def _find_fixes(session: Session, options: CheckOptions) -> tuple[FileEdit, ...]:
    from vmgen.edit.fix import find_fixes

    names = session.select_environments(options.names, options.since)
    base = session.load_plan_base(options.names, options.against)
    result = session.evaluate(names, (), base, allow_empty=True, verify_all=False, jobs=options.jobs)
    return find_fixes(session.project, session.environment_names, result.problems, partial=bool(options.names or options.since))


def _check(session: Session, options: CheckOptions) -> bool:
    """Report all problems, and return True if there is no error."""
    session.on_stage("list")
    session.name_problems += (*find_tracked_state(session.project), *session.find_foreign_folders())
    names = session.select_environments(options.names, options.since)
    removed_names = session.find_removed_environments(options.names)
    session.on_stage("baseline")
    base = session.load_plan_base(options.names, options.against, reports_untracked=True)
    session.on_stage("import")
    import vmgen.pipeline  # noqa: F401 - here, so that --timings counts it apart

    result = session.evaluate(names, removed_names, base, allow_empty=True, verify_all=True, jobs=options.jobs)
    problems = _find_problems(session, result, options)
    sorted_problems = sort_problems([*session.name_problems, *problems])
    for format_name, file in options.reports:
        write_report_file(sorted_problems, format_name, file, session.project.root)
    if session.report_problems(sorted_problems):
        return False
    summary = f"no errors, {format_count(len(sorted_problems), 'warning')}" if sorted_problems else "no problems found"
    session.print_message(f"{format_count(len(names), 'environment')} checked, {summary}.")
    return True


def _find_problems(session: Session, result: RunResult, options: CheckOptions) -> list[Problem]:
    """Return the problems of the sources, of the files that exist and, if there is no error so far, of the kustomize builds."""
    from vmgen.report.drift import find_drift

    session.on_stage("drift")
    files = {path: content for environment in result.environments for path, content in environment.files.items()}
    with_diff = session.output_format == "text"
    problems = [
        *result.problems,
        *find_own_templates(session.project),
        *find_drift(session.project, result.changes, files, with_diff=with_diff),
    ]
    delivery = result.delivery
    problems.extend(find_stale_schema(session.project))
    problems.extend(find_drift(delivery.project, delivery.changes, delivery.files, with_diff=with_diff))
    # A tree with errors differs from its build anyway, so that each error would be reported twice.
    if options.kustomize != "off" and not has_errors((*session.name_problems, *problems)):
        session.on_stage("kustomize")
        rendered_files = {environment.name: environment.files for environment in result.environments if environment.files}
        problems.extend(_verify_builds(session, rendered_files, options))
    return problems


def _verify_builds(
    session: Session, rendered_files: Mapping[str, Mapping[str, bytes]], options: CheckOptions
) -> Iterator[Problem]:
    from vmgen.kustomize.builds import plan_builds, verify_builds

    builds, listing_problems = plan_builds(session.project, rendered_files, full=options.kustomize == "full")
    yield from listing_problems
    with Progress("building with kustomize", len(builds)) as progress:
        problems = verify_builds(
            session.project,
            builds,
            progress,
            jobs=options.jobs,
            binary=options.kustomize_binary,
            on_engine=session.print_detail,
        )
    yield from problems
