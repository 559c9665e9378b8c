"""`--timings`: how long each stage of a run took.

How far long work has come: one line on a terminal, from the second second on, and nothing anywhere else.

What every command needs: the project, the environments asked for, and where to say things.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from vmgen.plan.diff import find_orphaned_environments
from vmgen.problems import Problem, VmgenError, has_errors
from vmgen.read.repository import Project, find_environments, open_project, select_environments
from vmgen.report.terminal import Paint, choose_paint
from vmgen.stamps import StampStore

if TYPE_CHECKING:
    from vmgen.plan.baseline import PlanBase


STARTUP_STAGE = "start"


class Timings:
    """Hears which stage begins, and knows how long each took: wall seconds, summed where a stage begins several times.

    The time before the first stage is `start`: that of Python and of what is imported, as CPU seconds of the process.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {STARTUP_STAGE: time.process_time()}
        self._current_stage = STARTUP_STAGE
        self._started = time.perf_counter()

    def start_stage(self, stage: str) -> None:
        """A stage begins, so the one before it has ended."""
        now = time.perf_counter()
        self.seconds[self._current_stage] = self.seconds.get(self._current_stage, 0.0) + now - self._started
        self._current_stage, self._started = stage, now

    def format_table(self) -> str:
        """A line for each stage in the order of their first beginning, and one for all of them."""
        self.start_stage("")
        whole = sum(self.seconds.values())
        rows = [*self.seconds.items(), ("all", whole)]
        width = max(len(stage) for stage, _ in rows)
        return "".join(f"{stage:<{width}} {spent * 1000:9.1f} ms {spent / whole:6.1%}\n" for stage, spent in rows if stage)


@contextmanager
def measure_stages(session: Session, wanted: bool) -> Iterator[None]:
    """A block of a run; where timings are wanted, they are said when it ends, however it does."""
    if not wanted:
        yield
        return
    timings = Timings()
    session.on_stage = timings.start_stage
    try:
        yield
    finally:
        session.print_message(timings.format_table().rstrip())


_DELAY_SECONDS = 1.0
_INTERVAL_SECONDS = 0.2


class Progress:
    """A line such as `rendering 3/12, 4 s`, rewritten in place while the block runs and gone when it ends.

    Call it with the name of each piece that is done.
    """

    def __init__(self, label: str, total: int) -> None:
        self.label = label
        self.total = total
        self.completed = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, name: str) -> None:  # noqa: ARG002 - which piece it was does not show
        self.completed += 1

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._thread = threading.Thread(target=self._redraw_until_stopped, args=(time.monotonic(),), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _redraw_until_stopped(self, since: float) -> None:
        if self._stop.wait(_DELAY_SECONDS):
            return
        while True:
            _rewrite_line(f"{self.label} {self.completed}/{self.total}, {time.monotonic() - since:.0f} s")
            if self._stop.wait(_INTERVAL_SECONDS):
                _rewrite_line("")
                return


def _rewrite_line(line: str) -> None:
    """Put a line in the place of the last. Past Python's buffers, whose lock a forked process could inherit held."""
    os.write(sys.stderr.fileno(), f"\r\x1b[K{line}".encode())


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
        from vmgen.explain.dependencies import find_affected
        from vmgen.plan.git import find_repository

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

    def load_plan_base(self, names: tuple[str, ...], against: str | None = None) -> PlanBase:
        """Where a plan starts from: what is committed at a ref, HEAD where none is named. Here the clock is read."""
        from vmgen.plan.baseline import load_plan_base

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
            from vmgen.report.problems import FORMATS

            (sys.stderr if text else sys.stdout).write(FORMATS[self.output_format](shown, self.stderr_paint))
        return has_errors(shown)
