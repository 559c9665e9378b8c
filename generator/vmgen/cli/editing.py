"""What the commands share that edit environment files: their options, the lock, and what they print."""

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple, TypeVar

import click

from vmgen.cli.completed_words import complete_environments
from vmgen.cli.options import format_option
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.edit.file_edit import FileEdit, write_edits
from vmgen.edit.retire import Retirement
from vmgen.edit.target import EditTarget, load_target, parse_day
from vmgen.report.drift import NEXT_COMMAND, format_edit_diff, format_edits_json
from vmgen.write.state import lock_repository

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])


def environment_argument(function: CommandFunction) -> CommandFunction:
    """Add `ENV`, the environment to edit."""
    return click.argument("environment", metavar="ENV", shell_complete=complete_environments)(function)


class EditOptions(NamedTuple):
    """What every command takes that edits an environment."""

    environment: str
    in_file: str | None
    output: str
    dry_run: bool


def edit_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--in FILE` and what `output_options` adds; with `ENV` they are the keyword `options` of the function."""

    @functools.wraps(function)
    def command(*args: Any, environment: str, in_file: str | None, output: str, dry_run: bool, **values: Any) -> None:
        function(*args, options=EditOptions(environment, in_file, output, dry_run), **values)

    help_ = "The layer to edit, if a value comes from a shared layer."
    return click.option("--in", "in_file", metavar="FILE", help=help_)(output_options(command))


def output_options(function: CommandFunction) -> CommandFunction:
    """Add `--dry-run` and `-o`."""
    dry_run = click.option("--dry-run", is_flag=True, help="Print the diff and write nothing.")
    return dry_run(format_option(["text", "json"])(function))


def retirement_options(function: CommandFunction) -> CommandFunction:
    """Add `--reason` and `--until`, of a tombstone."""
    reason = click.option("--reason", metavar="TEXT", help="Reason for the deletion, for the reviewer.")
    until = click.option("--until", metavar="DAY", help="Last day of the permission, for example 2026-12-31.")
    return reason(until(function))


def build_retirement(reason: str | None, until: str | None) -> Retirement:
    """Return the retirement that options describe. Raises UsageError without a reason, VmgenError for no day."""
    if not reason or not reason.strip():
        raise click.UsageError("--reason is required: the reviewer must know why the data may be deleted")
    return Retirement(reason, parse_day(until).isoformat() if until else "")


def edit_environment(color: str, options: EditOptions, edit: Callable[[EditTarget], tuple[FileEdit, ...]]) -> None:
    """Edit an environment, and print the change. Raises VmgenError if there is none of that name."""
    session = Session(color)

    def build() -> tuple[FileEdit, ...]:
        (name,) = session.select_environments((options.environment,))
        layer = session.locate_argument(options.in_file) if options.in_file else ""
        return edit(load_target(session.project, name, session.load_plan_base((name,)), layer))

    run_edit(session, build, options.output, dry_run=options.dry_run)


def run_edit(session: Session, build: Callable[[], tuple[FileEdit, ...]], output: str, *, dry_run: bool) -> None:
    """Build edits, write them unless it is a dry run, and print them. Two runs wait for each other."""
    with nullcontext() if dry_run else lock_repository(session.project.root):
        # Built under the lock, so that the plan of the edit is that of the files which are then written.
        edits = tuple(edit for edit in build() if edit.before != edit.after)
        if not dry_run:
            write_edits(edits, session.project)
    if output == "json":
        write_output(format_edits_json(edits, is_written=bool(edits) and not dry_run))
    elif dry_run:
        write_output("".join(map(format_edit_diff, edits)))
    else:
        write_output("".join(f"{'edited' if edit.before is not None else 'wrote'} {edit.file}\n" for edit in edits))
    session.print_message(f"Next: {NEXT_COMMAND}" if edits else "Nothing to do: the file already has these values.")
