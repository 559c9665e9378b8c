"""What every command needs from the command line: the project, the environments asked for, and where to say things."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from generator.compare.present import orphaned_environments
from generator.problems import Problem, VmgenError, has_errors
from generator.read.project import Project, chosen, environment_names, open_project
from generator.report.colour import Paint, paint_for
from generator.report.problems import FORMATS
from generator.stamps import Stamps

if TYPE_CHECKING:
    from generator.compare.baseline import Start

Command = TypeVar("Command", bound=Callable[..., Any])


def environments_argument(function: Command) -> Command:
    """`[ENV]...`, completed by the shell from the names that there are."""
    return click.argument("names", metavar="[ENV]...", nargs=-1, shell_complete=_completed)(function)


def output_option(function: Command) -> Command:
    """`-o text|json|github|sarif` for problems."""
    choices = click.Choice(list(FORMATS))
    help_ = "Format of the problems."
    return click.option("-o", "--output", type=choices, default="text", show_default=True, help=help_)(function)


def affected_option(function: Command) -> Command:
    """`--affected-since REF`: only environments that a change can reach."""
    help_ = "Only environments that what changed since REF can reach: their files, layers, keys, templates, catalogs."
    return click.option("--affected-since", "since", metavar="REF", help=help_)(function)


def against_option(function: Command) -> Command:
    """`--against REF`: what counts as existing."""
    help_ = "Compare with what is committed at this ref [default: HEAD; outside of Git the files]."
    return click.option("--against", metavar="REF", help=help_)(function)


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

    def chosen(self, names: tuple[str, ...], since: str | None = None) -> tuple[str, ...]:
        """The environments asked for, all where none is; of these, with `since`, those that a change since then reaches."""
        wanted = chosen(self.known, names)
        return self._affected(wanted, since) if since else wanted

    def _affected(self, names: tuple[str, ...], since: str) -> tuple[str, ...]:
        from generator.compare.git import repository
        from generator.explain.dependencies import affected

        repo = repository(self.project.root)
        if repo is None:
            raise VmgenError("--affected-since needs a git repository; run without it")
        commit = repo.commit(since)
        if commit is None:
            raise VmgenError(repo.lacks(since).replace("--against", "--affected-since"))
        found = affected(self.project, names, repo.changed_since(commit))
        self.say(f"{len(found)} of {len(names)} environments are affected since {since}: {', '.join(found) or 'none'}")
        return found

    def gone(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The environments that have manifests and no file any more; none where only some were asked for."""
        return () if names else orphaned_environments(self.project, self.known)

    def stamps(self) -> Stamps:
        """The notes of earlier renders of today."""
        return Stamps(self.project, self.known, date.today())

    def start(self, names: tuple[str, ...], against: str | None = None) -> Start:
        """Where a plan starts from: what is committed at a ref, HEAD where none is named. Here the clock is read."""
        from generator.compare.baseline import starting_from

        return starting_from(self.project, against, date.today(), whole=not names)

    @property
    def paint(self) -> Paint:
        """The colours of stderr."""
        return paint_for(sys.stderr, self.color)

    @property
    def keeps_colour(self) -> bool | None:
        """Whether colour that was asked for outright also goes where there is no terminal; click would take it out."""
        return True if self.color == "always" else None

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
            click.echo(FORMATS[self.output](shown, self.paint), err=text, nl=False, color=self.keeps_colour)
        return has_errors(shown)
