"""What `vmgen render` does, whatever read its options.

`vmgen render`: write what is wanted.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from vmgen.cli.errors import exit_code
from vmgen.cli.options import affected_option, environments_argument, jobs_option, output_option, timings_option
from vmgen.cli.session import Session, measure_stages
from vmgen.problems import Problem, sort_problems
from vmgen.stamps import Stamp, StampStore
from vmgen.write.state import find_tracked_state, lock_repository

if TYPE_CHECKING:
    from vmgen.pipeline import RunResult
    from vmgen.plan.diff import FileChanges


class RenderOptions(NamedTuple):
    """What the command line asks for."""

    names: tuple[str, ...]
    since: str | None = None
    only_check: bool = False
    to_stdout: bool = False
    allow_empty: bool = False
    verify: bool = False
    jobs: int = 1


def render(names: Sequence[str]) -> int:
    """`vmgen render [ENV]...` without an option: the exit code of the run."""
    return exit_code(lambda: run_render(Session(), RenderOptions(tuple(names))))


def run_render(session: Session, wish: RenderOptions) -> int:
    """Render as wished, say what was done or what is wrong, and give the exit code."""
    session.on_stage("list")
    session.name_problems += find_tracked_state(session.project)
    chosen, removed = session.select_environments(wish.names, wish.since), session.find_removed_environments(wish.names)
    if wish.to_stdout:
        return _print_manifests(session, wish, chosen)
    session.on_stage("stamps")
    if wish.only_check:
        return _print_differences(session, _render_environments(session, wish, chosen, removed, {}))
    stamps = session.open_stamps()
    fresh = {} if wish.verify or wish.since or removed else stamps.find_fresh(chosen)
    if fresh and len(fresh) == len(chosen):
        return _report_unchanged(session, fresh)
    with lock_repository(session.project.root):
        run = _render_environments(session, wish, chosen, removed, fresh)
        return _write_manifests(session, run, stamps, fresh)


def _report_unchanged(session: Session, fresh: dict[str, Stamp]) -> int:
    if session.report_problems([*session.name_problems, *sort_problems(_collect_warnings(fresh))]):
        session.print_message("Nothing was written.")
        return 1
    for name, stamp in fresh.items():
        session.print_message(f"{name}: {stamp.file_count} files, nothing changed")
    return 0


def _render_environments(
    session: Session, wish: RenderOptions, chosen: tuple[str, ...], removed: tuple[str, ...], fresh: Mapping[str, Stamp]
) -> RunResult:
    """Everything rendered and compared, but for the environments that are fresh."""
    session.on_stage("import")
    from vmgen.cli.session import Progress
    from vmgen.pipeline import ProgressCallbacks, evaluate

    session.on_stage("baseline")
    stale = tuple(name for name in chosen if name not in fresh)
    # What is printed destroys nothing, so the gate is for what is written.
    base = None if wish.to_stdout else session.load_plan_base(wish.names or (stale if fresh else ()))
    with Progress("rendering", len(stale)) as on_rendered:
        run = evaluate(
            session.project,
            stale,
            removed=removed,
            allow_empty=wish.allow_empty,
            verify_all=wish.verify,
            jobs=wish.jobs,
            base=base,
            progress=ProgressCallbacks(session.on_stage, on_rendered),
        )
    if fresh and any(result.delivery for result in run.environments):
        return _render_environments(session, wish, chosen, removed, {})
    return run


def _write_manifests(session: Session, run: RunResult, stamps: StampStore, fresh: dict[str, Stamp]) -> int:
    from vmgen.write.files import write_changes

    rendered = {result.name: result.files for result in run.environments}
    fresh = {name: stamp for name, stamp in fresh.items() if name not in rendered}
    if session.report_problems([*session.name_problems, *sort_problems([*run.problems, *_collect_warnings(fresh)])]):
        session.print_message("Nothing was written.")
        return 1
    session.on_stage("write")
    for changes in run.changes:
        write_changes(changes, rendered.get(changes.environment, {}), session.project)
    for changes in run.changes:
        session.print_message(_format_changes(changes))
    for changes in run.delivery.changes:
        write_changes(changes, run.delivery.files, run.delivery.project)
        if changes:
            session.print_message(_format_changes(changes))
    for name, stamp in fresh.items():
        session.print_message(f"{name}: {stamp.file_count} files, nothing changed")
    session.on_stage("stamps")
    stamps.record(run)
    return 0


def _collect_warnings(fresh: dict[str, Stamp]) -> list[Problem]:
    return [warning for stamp in fresh.values() for warning in stamp.warnings]


def _print_manifests(session: Session, wish: RenderOptions, chosen: tuple[str, ...]) -> int:
    from vmgen.render.manifests import KUSTOMIZATION

    done = _render_environments(session, wish, chosen, (), {})
    if session.report_problems([*session.name_problems, *done.problems]):
        return 1
    for each in done.environments:
        for path, content in each.files.items():
            if not path.endswith(KUSTOMIZATION) and path.count("/") > 1:
                sys.stdout.buffer.write(b"---\n" + content)
    return 0


def _print_differences(session: Session, done: RunResult) -> int:
    if session.report_problems([*session.name_problems, *done.problems]):
        return 1
    compared = {session.project: done.changes, done.delivery.project: done.delivery.changes}
    differ = [(project, each) for project, changes in compared.items() for each in changes if each]
    for project, each in differ:
        for verb, paths in (("create", each.created), ("update", each.updated), ("remove", each.pruned)):
            for path in paths:
                session.print_message(f"would {verb} {project.output}/{path}")
    return 1 if differ else 0


def _format_changes(changes: FileChanges) -> str:
    counts = {"created": changes.created, "updated": changes.updated, "removed": changes.pruned}
    parts = [f"{len(paths)} {word}" for word, paths in counts.items() if paths]
    total = len(changes.created) + len(changes.updated) + changes.unchanged
    return f"{changes.environment}: {total} files, {', '.join(parts) or 'nothing changed'}"


@click.command("render", short_help="Write manifests/ from environments/.")
@environments_argument
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 where a file would change.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the manifests; write nothing.")
@click.option("--allow-empty", is_flag=True, help="Let an environment that has become empty, or is gone, be pruned.")
@click.option("--verify", is_flag=True, help="Read every manifest back, not only the first of each shape.")
@click.option("--watch", "keep_on", is_flag=True, help="Render again whenever a file is saved, until Ctrl-C.")
@jobs_option("Environments at a time.")
@affected_option
@timings_option
@output_option
@click.pass_obj
def command(
    obj: dict[str, str],
    names: tuple[str, ...],
    only_check: bool,
    to_stdout: bool,
    allow_empty: bool,
    verify: bool,
    keep_on: bool,
    jobs: int,
    since: str | None,
    timings: bool,
    output: str,
) -> None:
    """Write the manifests of environments, all of them by default.

    Nothing is written where anything is wrong. A second run changes nothing.

    Example: vmgen render production
    """

    wish = RenderOptions(names, since, only_check, to_stdout, allow_empty, verify, jobs)

    def once(names: tuple[str, ...]) -> int:
        session = Session(obj["color"], output)
        with measure_stages(session, timings):
            return run_render(session, wish._replace(names=names))

    if keep_on:
        from vmgen.cli.watch import watch_and_render

        watch_and_render(names, once)
    sys.exit(once(names))
