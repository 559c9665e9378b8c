"""What the commands share: the project and its environments, the format of messages, progress and timings."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from vmgen import __version__
from vmgen.cli.output import write_message, write_output, write_report
from vmgen.cli.shared_options import get_verbosity
from vmgen.clock import get_today
from vmgen.problems import Problem, VmgenError, has_errors
from vmgen.read.configuration import find_git_top, find_root
from vmgen.read.repository import Project, find_environments, open_project, select_environments
from vmgen.read.unread import find_unread_files
from vmgen.report.terminal import Paint, choose_paint, no_paint

if TYPE_CHECKING:
    from vmgen.pipeline import RunResult
    from vmgen.plan.baseline import PlanBase
    from vmgen.renderer import RenderResult
    from vmgen.stamps import StampStore

STARTUP_STAGE = "start"
_DELAY_SECONDS = 1.0
_INTERVAL_SECONDS = 0.2


class Session:
    """One run of a command in the working directory. Raises VmgenError if that is no repository.

    `color` is auto, always or never, `output_format` a key of FORMATS. `on_stage` is called with the name of each stage.
    """

    def __init__(self, color: str = "auto", output_format: str = "text") -> None:
        self.color = color
        self.output_format = output_format
        self.on_stage: Callable[[str], None] = lambda _stage: None
        self.verbosity = get_verbosity()
        self.project: Project = open_project(find_root(Path.cwd()) or Path.cwd())
        if self.verbosity > 0:
            self.print_message(f"vmgen {__version__}, Python {sys.version.split()[0]}, repository {self.project.root}")
        self.environment_names, self.name_problems = find_environments(self.project)
        self.name_problems += tuple(find_unread_files(self.project))

    def select_environments(self, names: tuple[str, ...], since: str | None = None) -> tuple[str, ...]:
        """Return the named environments, or all if none is named; with `since`, those that a change since that ref affects.

        Raises VmgenError if there is no such environment or ref.
        """
        selected_names = select_environments(self.environment_names, names)
        return self._filter_affected(selected_names, since) if since else selected_names

    def _filter_affected(self, names: tuple[str, ...], since: str) -> tuple[str, ...]:
        from vmgen.explain.dependencies import find_affected
        from vmgen.plan.git import find_repository

        repository = find_repository(self.project.root)
        if repository is None:
            raise VmgenError("--affected-since needs a Git repository; run without it")
        commit = repository.resolve_commit(since)
        if commit is None:
            raise VmgenError(repository.explain_missing_ref(since).replace("--against", "--affected-since"))
        affected = find_affected(self.project, names, repository.list_changed_files(commit))
        self.print_message(
            f"{len(affected)} of {len(names)} environments affected since {since}: {', '.join(affected) or 'none'}"
        )
        return affected

    def find_removed_environments(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the environments that have manifests but no file; none if only some environments are named."""
        from vmgen.plan.diff import find_orphaned_environments
        from vmgen.plan.foreign_folders import find_unfinished_environments

        if names:
            return ()
        orphaned_names = find_orphaned_environments(self.project, self.environment_names)
        unfinished_names = find_unfinished_environments(self.project, self.environment_names)
        return tuple(sorted({*orphaned_names, *unfinished_names}))

    def find_foreign_folders(self) -> Iterator[Problem]:
        """Find the entries beside the folders of environments in the output folder."""
        from vmgen.plan.foreign_folders import find_foreign_folders

        return find_foreign_folders(self.project, self.environment_names)

    def load_plan_base(
        self, names: tuple[str, ...], against: str | None = None, *, reports_untracked: bool = False
    ) -> PlanBase:
        """Load the baseline at a ref, by default HEAD, and print a note if it is not the obvious one.

        Raises VmgenError if there is no such ref, and if git cannot read the repository.
        """
        from vmgen.plan.baseline import load_plan_base

        base = load_plan_base(self.project, against, get_today(), whole=not names, reports_untracked=reports_untracked)
        for note in base.baseline.notes:
            self.print_message(note)
        return base

    def locate_argument(self, path: str) -> str:
        """Return a path that the user typed in the current folder as one from the root, unless no such file is here."""
        here = Path.cwd()
        file, colon, rest = path.partition(":")
        # Only a file that is there is meant: the name of an object needs no folder.
        if here == self.project.root or not os.path.lexists(here / file):
            return path
        return Path(os.path.relpath(here / file, self.project.root)).as_posix() + colon + rest

    def open_stamps(self) -> StampStore:
        """Open the stamps that earlier renders of today left."""
        from vmgen.stamps import StampStore

        return StampStore(self.project, self.environment_names, get_today())

    def evaluate(
        self,
        names: tuple[str, ...],
        removed_names: tuple[str, ...],
        base: PlanBase | None,
        *,
        allow_empty: bool,
        verify_all: bool,
        jobs: int,
    ) -> RunResult:
        """Render environments, compare them with the working tree and, with a base, apply the gate; show the progress."""
        from vmgen.pipeline import evaluate
        from vmgen.renderer import ProgressCallbacks

        with Progress("rendering", len(names)) as on_rendered:
            return evaluate(
                self.project,
                names,
                removed_names=removed_names,
                allow_empty=allow_empty,
                verify_all=verify_all,
                jobs=jobs,
                base=base,
                progress=ProgressCallbacks(self.on_stage, on_rendered),
            )

    def paint_for(self, stream: TextIO) -> Paint:
        """Return the colours of a stream."""
        return choose_paint(stream, self.color)

    @property
    def color_override(self) -> bool | None:
        """True if colour was asked for without a terminal, where click would strip it; else None."""
        return True if self.paint_for(sys.stdout) is not no_paint else None

    def print_message(self, message: str) -> None:
        """Print a message for people, unless they asked for errors only."""
        if self.verbosity >= 0:
            write_message(f"{message}\n")

    def print_detail(self, detail: str) -> None:
        """Print what only --verbose asks for."""
        if self.verbosity > 0:
            self.print_message(detail)

    def report_problems(self, problems: Iterable[Problem], *, beside_data: bool = False) -> bool:
        """Print problems in the output format, and return True if one of them is an error.

        Text is a message and goes to stderr; the other formats are data and go to stdout, unless it carries other data.
        """
        problems = tuple(problems)
        has_failed = has_errors(problems)
        if self.verbosity < 0 and self.output_format == "text":
            problems = tuple(problem for problem in problems if problem.severity == "error")
        is_text = self.output_format == "text"
        if problems or not is_text:
            text = self._format_problems(problems, self.output_format, self.paint_for(sys.stderr), quotes=sys.stderr.isatty())
            (write_report if is_text or beside_data else write_output)(text)
        return has_failed

    def _format_problems(self, problems: Sequence[Problem], format_name: str, paint: Paint, *, quotes: bool = False) -> str:
        """Format problems; in text, places are relative to the current folder, else to the top of Git."""
        from vmgen.report.problems import FORMATS, quote_sources, relocate

        is_text = format_name == "text"
        located = relocate(problems, self.project.root, None if is_text else find_git_top(self.project.root))
        if is_text and quotes:
            located = quote_sources(located, problems, self.project.root)
        return FORMATS[format_name](located, paint)

    def report_results(self, results: Iterable[RenderResult]) -> bool:
        """Print the problems of file names and of rendered environments, each once; return True if one is an error."""
        problems = dict.fromkeys(problem for result in results for problem in result.problems)
        return self.report_problems([*self.name_problems, *problems])


@contextmanager
def measure_stages(session: Session, is_enabled: bool) -> Iterator[None]:
    """Measure the stages of a block if enabled, and print the timings when it ends, also by an exception."""
    if not is_enabled:
        yield
        return
    timings = Timings()
    session.on_stage = timings.start_stage
    try:
        yield
    finally:
        session.print_message(timings.format_table().rstrip())


class Timings:
    """Wall seconds of each stage, summed where a stage begins several times.

    The stage `start` begins with the CPU seconds of the process so far: those of Python and of imports.
    """

    def __init__(self) -> None:
        # CPU time: no wall clock began with the process.
        self.seconds: dict[str, float] = {STARTUP_STAGE: time.process_time()}
        self._current_stage = STARTUP_STAGE
        self._start = time.perf_counter()

    def start_stage(self, stage: str) -> None:
        """End the current stage, and begin another."""
        now = time.perf_counter()
        self.seconds[self._current_stage] = self.seconds.get(self._current_stage, 0.0) + now - self._start
        self._current_stage, self._start = stage, now

    def format_table(self) -> str:
        """Return a line for each stage in the order of their first beginning, and one for their sum."""
        self.start_stage("")
        total = sum(self.seconds.values())
        rows = [*self.seconds.items(), ("all", total)]
        width = max(len(stage) for stage, _ in rows)
        return "".join(
            f"{stage:<{width}} {seconds * 1000:9.1f} ms {seconds / total:6.1%}\n" for stage, seconds in rows if stage
        )


class Progress:
    """A line such as `rendering 3/12, 4 s` on a terminal, shown after one second and cleared when the block ends.

    Call it with the name of each item that is done.
    """

    def __init__(self, label: str, total: int) -> None:
        self.label = label
        self.total = total
        self.count = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, name: str) -> None:  # noqa: ARG002 - the line shows only how many
        self.count += 1

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
        # A run that is done by then shows no line that would flicker.
        if self._stop.wait(_DELAY_SECONDS):
            return
        while True:
            _rewrite_line(f"{self.label} {self.count}/{self.total}, {time.monotonic() - since:.0f} s")
            if self._stop.wait(_INTERVAL_SECONDS):
                _rewrite_line("")
                return


def _rewrite_line(line: str) -> None:
    """Replace the current line of the terminal."""
    # Not through Python's buffer, whose lock a forked process could inherit while it is held.
    os.write(sys.stderr.fileno(), f"\r\x1b[K{line}".encode())
