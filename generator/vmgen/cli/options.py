"""The options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from vmgen.read.repository import find_environments, open_project
from vmgen.report.problems import FORMATS

CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])


def environments_argument(function: CommandFunction) -> CommandFunction:
    """`[ENV]...`, completed by the shell from the names that there are."""
    return click.argument("names", metavar="[ENV]...", nargs=-1, shell_complete=_complete_environments)(function)


def output_option(function: CommandFunction) -> CommandFunction:
    """`-o text|json|github|sarif` for problems."""
    choices = click.Choice(list(FORMATS))
    help_ = "Format of the problems."
    return click.option("-o", "--output", type=choices, default="text", show_default=True, help=help_)(function)


def affected_option(function: CommandFunction) -> CommandFunction:
    """`--affected-since REF`: only environments that a change can reach."""
    help_ = "Only environments that what changed since REF can reach: their files, layers, keys, templates, catalogs."
    return click.option("--affected-since", "since", metavar="REF", help=help_)(function)


def against_option(function: CommandFunction) -> CommandFunction:
    """`--against REF`: what counts as existing."""
    help_ = "Compare with what is committed at this ref [default: HEAD; outside of Git the files]."
    return click.option("--against", metavar="REF", help=help_)(function)


def jobs_option(help: str) -> Callable[[CommandFunction], CommandFunction]:
    """`-j N`: how many of something at a time."""
    return click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help=help)


def timings_option(function: CommandFunction) -> CommandFunction:
    """`--timings`: how long each stage took."""
    return click.option("--timings", is_flag=True, help="Say how long each stage took.")(function)


def _complete_environments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    try:
        names, _ = find_environments(open_project(Path.cwd()))
    except Exception:  # completion is silent, whatever is wrong
        return []
    return [name for name in names if name.startswith(incomplete)]
