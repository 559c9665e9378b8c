"""What every command needs: the project, the environments asked for, and where to say things."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from vmgen.compare.present import orphaned_environments
from vmgen.problems import Problem, VmgenError, has_errors
from vmgen.read.project import Project, chosen, environment_names, open_project
from vmgen.report.colour import Paint, paint_for
from vmgen.stamps import CheckedStamps, Stamps

if TYPE_CHECKING:
    from vmgen.compare.baseline import Start


def _unheard(stage: str) -> None:
    """Nobody measures the stages."""


class Session:
    """One run of a command. `begins` hears which stage of it begins."""

    def __init__(self, color: str = "auto", output: str = "text", begins: Callable[[str], None] = _unheard) -> None:
        self.color = color
        self.output = output
        self.begins = begins
        self.project: Project = open_project(Path.cwd())
        self.known, self.name_problems = environment_names(self.project)

    def chosen(self, names: tuple[str, ...], since: str | None = None) -> tuple[str, ...]:
        """The environments asked for, all where none is; of these, with `since`, those that a change since then reaches."""
        wanted = chosen(self.known, names)
        return self._affected(wanted, since) if since else wanted

    def _affected(self, names: tuple[str, ...], since: str) -> tuple[str, ...]:
        from vmgen.compare.git import repository
        from vmgen.explain.dependencies import affected

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

    def checked_stamps(self, mode: str) -> Stamps:
        """The notes of earlier checks of today, with the kustomize engine in a mode."""
        return CheckedStamps(self.project, self.known, date.today(), mode)

    def start(self, names: tuple[str, ...], against: str | None = None) -> Start:
        """Where a plan starts from: what is committed at a ref, HEAD where none is named. Here the clock is read."""
        from vmgen.compare.baseline import starting_from

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
        sys.stderr.write(f"{message}\n")

    def report(self, problems: Iterable[Problem]) -> bool:
        """Show problems, in the format that was asked for; True where one of them is an error.

        Text is a message and goes to stderr; the other formats are data and go to stdout.
        """
        shown = tuple(problems)
        text = self.output == "text"
        if shown or not text:
            from vmgen.report.problems import FORMATS  # most runs have nothing to say

            (sys.stderr if text else sys.stdout).write(FORMATS[self.output](shown, self.paint))
        return has_errors(shown)
