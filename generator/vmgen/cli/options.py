"""The options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vmgen.cli.completed_words import complete_environments, complete_refs
from vmgen.cli.failed_run import remember_format
from vmgen.problems import VmgenError, did_you_mean
from vmgen.read.repository import Project
from vmgen.report.problems import FORMATS

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])


def environments_argument(function: CommandFunction) -> CommandFunction:
    """Add `[ENV]...`, which shells complete with the environments of the repository."""
    return click.argument("names", metavar="[ENV]...", nargs=-1, shell_complete=complete_environments)(function)


def output_option(function: CommandFunction) -> CommandFunction:
    """Add `-o FORMAT` for problems."""
    return format_option(list(FORMATS), help="Format of the problems.")(function)


def reports_option(function: CommandFunction) -> CommandFunction:
    """Add `--report FORMAT FILE`, which may be repeated: problems in further formats, each in a file."""
    help_ = "Also write the problems to a file in this format; repeatable."
    return click.option(
        "--report", "reports", type=(click.Choice(list(FORMATS)), str), metavar="FORMAT FILE", multiple=True, help=help_
    )(function)


def format_option(formats: list[str], help: str = "Format.") -> Callable[[CommandFunction], CommandFunction]:
    """Add `-o FORMAT`; the first format is the default."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        callback=remember_format,
        help=help,
    )


def require_platform(project: Project, name: str) -> str:
    """Return the name of a platform. Raises VmgenError if there is none of that name."""
    if name not in project.platform_names:
        raise VmgenError(f"no platform '{name}'{did_you_mean(name, project.platform_names)}")
    return name


def affected_option(function: CommandFunction) -> CommandFunction:
    """Add `--affected-since REF`: only environments that a change can reach."""
    help_ = "Only environments affected by changes since REF."
    return click.option(
        "--affected-since", "since", metavar="REF", callback=_reject_empty_ref, help=help_, shell_complete=complete_refs
    )(function)


def against_option(function: CommandFunction) -> CommandFunction:
    """Add `--against REF`: what counts as existing."""
    help_ = "Compare with the commit REF  [default: HEAD; outside of Git, the files]."
    return click.option("--against", metavar="REF", callback=_reject_empty_ref, help=help_, shell_complete=complete_refs)(
        function
    )


def _reject_empty_ref(context: click.Context, parameter: click.Parameter, ref: str | None) -> str | None:
    """Return the ref. Raises BadParameter for an empty one: a variable that is not set would compare a commit with itself."""
    if ref is not None and not ref.strip():
        raise click.BadParameter("is empty; name a commit, or omit the option", context, parameter)
    return ref


def jobs_option(help: str) -> Callable[[CommandFunction], CommandFunction]:
    """Add `-j N`: how many items at a time."""
    return click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help=help)


def timings_option(function: CommandFunction) -> CommandFunction:
    """Add `--timings`: print how long each stage took."""
    return click.option("--timings", is_flag=True, help="Print the time of each stage.")(function)
