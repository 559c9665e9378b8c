"""What every command needs: the project, the environments asked for, and where to say things."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from vmgen.compare.present import find_orphaned_environments
from vmgen.problems import Problem, VmgenError, has_errors
from vmgen.read.project import Project, find_environments, open_project, select_environments
from vmgen.report.colour import Paint, choose_paint
from vmgen.stamps import CheckStampStore, StampStore

if TYPE_CHECKING:
    from vmgen.compare.baseline import PlanBase


def _ignore(stage: str) -> None:
    """Nobody measures the stages."""


class Session:
    """One run of a command. `begins` hears which stage of it begins."""

    def __init__(self, color: str = "auto", output: str = "text", begins: Callable[[str], None] = _ignore) -> None:
        self.color = color
        self.output_format = output
        self.on_stage = begins
        self.project: Project = open_project(Path.cwd())
        self.environment_names, self.name_problems = find_environments(self.project)

    def select_environments(self, names: tuple[str, ...], since: str | None = None) -> tuple[str, ...]:
        """The environments asked for, all where none is; of these, with `since`, those that a change since then reaches."""
        wanted = select_environments(self.environment_names, names)
        return self._filter_affected(wanted, since) if since else wanted

    def _filter_affected(self, names: tuple[str, ...], since: str) -> tuple[str, ...]:
        from vmgen.compare.git import find_repository
        from vmgen.explain.dependencies import find_affected

        repo = find_repository(self.project.root)
        if repo is None:
            raise VmgenError("--affected-since needs a git repository; run without it")
        commit = repo.resolve_commit(since)
        if commit is None:
            raise VmgenError(repo.explain_missing_ref(since).replace("--against", "--affected-since"))
        found = find_affected(self.project, names, repo.list_changed_files(commit))
        self.print_message(
            f"{len(found)} of {len(names)} environments are affected since {since}: {', '.join(found) or 'none'}"
        )
        return found

    def find_removed_environments(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The environments that have manifests and no file any more; none where only some were asked for."""
        return () if names else find_orphaned_environments(self.project, self.environment_names)

    def open_stamps(self) -> StampStore:
        """The notes of earlier renders of today."""
        return StampStore(self.project, self.environment_names, date.today())

    def open_check_stamps(self, mode: str) -> StampStore:
        """The notes of earlier checks of today, with the kustomize engine in a mode."""
        return CheckStampStore(self.project, self.environment_names, date.today(), mode)

    def load_plan_base(self, names: tuple[str, ...], against: str | None = None) -> PlanBase:
        """Where a plan starts from: what is committed at a ref, HEAD where none is named. Here the clock is read."""
        from vmgen.compare.baseline import load_plan_base

        return load_plan_base(self.project, against, date.today(), whole=not names)

    @property
    def stderr_paint(self) -> Paint:
        """The colours of stderr."""
        return choose_paint(sys.stderr, self.color)

    @property
    def color_override(self) -> bool | None:
        """Whether colour that was asked for outright also goes where there is no terminal; click would take it out."""
        return True if self.color == "always" else None

    def print_message(self, message: str) -> None:
        """A message for people."""
        sys.stderr.write(f"{message}\n")

    def report_problems(self, problems: Iterable[Problem]) -> bool:
        """Show problems, in the format that was asked for; True where one of them is an error.

        Text is a message and goes to stderr; the other formats are data and go to stdout.
        """
        shown = tuple(problems)
        text = self.output_format == "text"
        if shown or not text:
            from vmgen.report.problems import FORMATS  # most runs have nothing to say

            (sys.stderr if text else sys.stdout).write(FORMATS[self.output_format](shown, self.stderr_paint))
        return has_errors(shown)
