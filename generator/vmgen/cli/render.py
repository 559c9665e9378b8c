"""`vmgen render`: write the manifests of environments, or show what would be written."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from vmgen.cli.options import affected_option, environments_argument, jobs_option, output_option, timings_option
from vmgen.cli.output import write_manifests, write_output
from vmgen.cli.session import Session, measure_stages
from vmgen.filesystem.reader import read_file
from vmgen.problems import Problem, has_errors, sort_problems
from vmgen.quantities import format_count
from vmgen.read.repository import VALUES_SCHEMA_FILE
from vmgen.stamps import Stamp, StampStore
from vmgen.write.state import find_tracked_state, lock_repository

if TYPE_CHECKING:
    from vmgen.pipeline import RunResult
    from vmgen.plan.diff import FileChanges
    from vmgen.read.repository import Project


class RenderOptions(NamedTuple):
    """The options of `vmgen render` by the names of its parameters."""

    names: tuple[str, ...]
    since: str | None
    only_check: bool
    show_diff: bool
    to_stdout: bool
    allow_empty: bool
    verify: bool
    jobs: int


@click.command("render")
@environments_argument
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Like --check, and print a diff of each file.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the manifests and write nothing.")
@click.option("--allow-empty", is_flag=True, help="Allow pruning of environments that are empty or deleted.")
@click.option("--verify", is_flag=True, help="Ignore cached results and re-check every manifest.")
@click.option("--watch", is_flag=True, help="Render again at every save, until Ctrl-C.")
@jobs_option("Number of environments to process in parallel.")
@affected_option
@timings_option
@output_option
@click.pass_obj
def command(color: str, /, watch: bool, timings: bool, output: str, names: tuple[str, ...], **options: Any) -> bool:
    """Write manifests/ from environments/, by default for all environments.

    Nothing is written if there is an error. To delete a disk, paste the retire: lines that the error prints into the
    environment, with a reason. Then commit environments/ and manifests/ together.

    Example: vmgen render production
    """

    def render_once(names: tuple[str, ...]) -> bool:
        session = Session(color, output)
        with measure_stages(session, timings):
            return _render(session, RenderOptions(names, **options))

    if watch:
        from vmgen.cli.watch import watch_and_render

        watch_and_render(names, render_once)
    return render_once(names)


def _render(session: Session, options: RenderOptions) -> bool:
    """Render, report changes and problems, and return True if there is no error and, with --check, no difference."""
    session.on_stage("list")
    names = session.select_environments(options.names, options.since)
    if options.to_stdout:
        return _print_manifests(session, _evaluate(session, options, names, (), {}))
    session.name_problems += (*find_tracked_state(session.project), *session.find_foreign_folders())
    removed_names = session.find_removed_environments(options.names)
    session.on_stage("stamps")
    if options.only_check or options.show_diff:
        return _print_differences(session, _evaluate(session, options, names, removed_names, {}), with_diff=options.show_diff)
    stamps = session.open_stamps()
    fresh = {} if options.verify or options.since or removed_names else stamps.find_fresh(names)
    # Nothing is written, so nobody has to wait for the lock.
    if fresh and len(fresh) == len(names):
        return _report_unchanged(session, fresh) and _refresh_editor_schema(session)
    with lock_repository(session.project.root):
        changes = _write_manifests(session, _evaluate(session, options, names, removed_names, fresh), stamps, fresh)
        return changes and _refresh_editor_schema(session)


def _refresh_editor_schema(session: Session) -> bool:
    """Write the schema that editors complete with again, where there is one; return True."""
    if (session.project.root / VALUES_SCHEMA_FILE).is_file():  # else what builds it need not be imported
        from vmgen.write.values_schema import refresh_schema

        session.on_stage("schema")
        if refresh_schema(session.project):
            session.print_message(f"{VALUES_SCHEMA_FILE}: updated for editors")
    return True


def _evaluate(
    session: Session, options: RenderOptions, names: tuple[str, ...], removed_names: tuple[str, ...], fresh: Mapping[str, Stamp]
) -> RunResult:
    """Render and compare all environments that are not fresh."""
    session.on_stage("import")
    import vmgen.pipeline  # noqa: F401 - here, so that --timings counts it apart

    session.on_stage("baseline")
    stale = tuple(name for name in names if name not in fresh)
    # Printing destroys nothing, so the gate is for written files.
    base = None if options.to_stdout else session.load_plan_base(options.names or (stale if fresh else ()))
    result = session.evaluate(
        stale, removed_names, base, allow_empty=options.allow_empty, verify_all=options.verify, jobs=options.jobs
    )
    if fresh and (has_errors(result.problems) or any(environment.delivery for environment in result.environments)):
        # What is wrong in a part may be right in the whole, as a disk that moved, and the files that environments share below
        # delivery/ are made from all of them.
        return _evaluate(session, options, names, removed_names, {})
    return result


def _print_manifests(session: Session, result: RunResult) -> bool:
    from vmgen.render.manifests import is_manifest

    if session.report_problems([*session.name_problems, *result.problems], beside_data=True):
        return False
    for environment in result.environments:
        for path, content in environment.files.items():
            if is_manifest(path):
                # Each with its separator, so that the whole output can go to `kubectl apply -f -`.
                write_manifests(b"---\n" + content)
    return True


def _print_differences(session: Session, result: RunResult, *, with_diff: bool) -> bool:
    """Print which files would change or, with a difference, how; return True if none would."""
    if session.report_problems([*session.name_problems, *result.problems], beside_data=with_diff):
        return False
    changes_by_project = {session.project: result.changes, result.delivery.project: result.delivery.changes}
    differences = [(project, change) for project, changes in changes_by_project.items() for change in changes if change]
    desired = {path: content for environment in result.environments for path, content in environment.files.items()}
    for project, change in differences:
        contents = result.delivery.files if project is result.delivery.project else desired
        for verb, paths in (("create", change.created), ("update", change.updated), ("remove", change.pruned)):
            for path in paths:
                if with_diff:
                    _print_diff(session, project, path, None if verb == "remove" else contents[path])
                else:
                    session.print_message(f"would {verb} {project.output}/{path}")
    return not differences


def _print_diff(session: Session, project: Project, path: str, desired: bytes | None) -> None:
    from vmgen.report.drift import format_file_diff

    paint = session.paint_for(sys.stdout)
    styles = {"---": "bold", "+++": "bold", "@@": "dim", "-": "red", "+": "green"}
    file = project.manifests / path
    for line in format_file_diff(f"{project.output}/{path}", read_file(str(file)) if file.is_file() else None, desired):
        style = next((style for start, style in styles.items() if line.startswith(start)), "")
        write_output(f"{paint(line, style) if style else line}\n", color=session.color_override)


def _report_unchanged(session: Session, fresh: Mapping[str, Stamp]) -> bool:
    if session.report_problems([*session.name_problems, *sort_problems(_collect_warnings(fresh))]):
        session.print_message("Nothing was written.")
        return False
    _print_unchanged(session, fresh)
    return True


def _write_manifests(session: Session, result: RunResult, stamps: StampStore, fresh: Mapping[str, Stamp]) -> bool:
    from vmgen.write.files import write_changes

    rendered_files = {environment.name: environment.files for environment in result.environments}
    fresh = {name: stamp for name, stamp in fresh.items() if name not in rendered_files}
    if session.report_problems([*session.name_problems, *sort_problems([*result.problems, *_collect_warnings(fresh)])]):
        session.print_message("Nothing was written.")
        return False
    session.on_stage("write")
    for changes in result.changes:
        write_changes(changes, rendered_files.get(changes.environment, {}), session.project)
    for changes in result.changes:
        session.print_message(_format_changes(changes))
    # After the manifests: an Application must not deliver a folder that is not there yet.
    for changes in result.delivery.changes:
        write_changes(changes, result.delivery.files, result.delivery.project)
        if changes:
            session.print_message(_format_changes(changes))
    _print_unchanged(session, fresh)
    session.on_stage("stamps")
    stamps.record(result)
    return True


def _collect_warnings(fresh: Mapping[str, Stamp]) -> list[Problem]:
    return [warning for stamp in fresh.values() for warning in stamp.warnings]


def _print_unchanged(session: Session, fresh: Mapping[str, Stamp]) -> None:
    for name, stamp in fresh.items():
        session.print_message(f"{name}: {format_count(stamp.file_count, 'file')}, nothing changed")


def _format_changes(changes: FileChanges) -> str:
    counts = {"created": changes.created, "updated": changes.updated, "removed": changes.pruned}
    parts = [f"{len(paths)} {word}" for word, paths in counts.items() if paths]
    total = len(changes.created) + len(changes.updated) + changes.unchanged
    return f"{changes.environment}: {format_count(total, 'file')}, {', '.join(parts) or 'nothing changed'}"
