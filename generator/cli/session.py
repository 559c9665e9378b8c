"""What every command needs from the command line: the project, the environments asked for, and where to say things."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from generator.compare.present import orphaned_environments
from generator.problems import Problem, has_errors
from generator.read.project import Project, chosen, environment_names, open_project
from generator.report.colour import Paint, paint_for
from generator.report.problems import FORMATS

Command = TypeVar("Command", bound=Callable[..., Any])


def environments_argument(function: Command) -> Command:
    """`[ENV]...`, completed by the shell from the names that there are."""
    return click.argument("names", metavar="[ENV]...", nargs=-1, shell_complete=_completed)(function)


def output_option(function: Command) -> Command:
    """`-o text|json|github|sarif` for problems."""
    choices = click.Choice(list(FORMATS))
    help_ = "Format of the problems."
    return click.option("-o", "--output", type=choices, default="text", show_default=True, help=help_)(function)


def _completed(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    try:
        names, _ = environment_names(open_project(Path.cwd()))
    except Exception:  # completion is silent, whatever is wrong
        return []
    return [name for name in names if name.startswith(incomplete)]


class Session:
    """One run of a command."""

    def __init__(self, color: str = "auto", output: str = "text") -> None:
        self.color = color
        self.output = output
        self.project: Project = open_project(Path.cwd())
        self.known, self.name_problems = environment_names(self.project)

    def chosen(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The environments asked for; all where none is."""
        return chosen(self.known, names)

    def gone(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The environments that have manifests and no file any more; none where only some were asked for."""
        return () if names else orphaned_environments(self.project, self.known)

    @property
    def paint(self) -> Paint:
        """The colours of stderr."""
        return paint_for(sys.stderr, self.color)

    def say(self, message: str) -> None:
        """A message for people."""
        click.echo(message, err=True)

    def report(self, problems: Iterable[Problem]) -> bool:
        """Show problems, in the format that was asked for; True where one of them is an error.

        Text is a message and goes to stderr; the other formats are data and go to stdout.
        """
        shown = tuple(problems)
        text = self.output == "text"
        if shown or not text:
            click.echo(FORMATS[self.output](shown, self.paint), err=text, nl=False)
        return has_errors(shown)
