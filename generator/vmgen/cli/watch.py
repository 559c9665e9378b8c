"""`vmgen render --watch`: render again what a save reaches. It ends with Ctrl-C and with nothing else."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import click

from vmgen.problems import ProblemsError, VmgenError
from vmgen.read.repository import find_environments, open_project, select_environments

# What is written, not read: a watch that saw it would never rest.
_OUTPUT_FOLDERS = ("manifests", "delivery")
# Milliseconds. A save is taken up after a pause this long, so that the several steps of an editor are one change.
_STEP_MS = 20
# How often it looks for folders that are new.
_POLL_INTERVAL_MS = 100

# Renders environments, all where none is named, says what is wrong, and returns an exit code.
RenderFunction = Callable[[tuple[str, ...]], int]


def watch_and_render(names: tuple[str, ...], render: RenderFunction) -> None:
    """Render, and again whenever a file changes that one of the environments asked for is made from."""
    try:
        import watchfiles

        import vmgen.explain.dependencies  # noqa: F401 - now, so that the first save does not wait for it
    except ImportError:
        raise VmgenError("--watch needs the library watchfiles; pip install 'vmgen[watch]'") from None
    gc.enable()  # a short run does without; this one goes on for hours
    watched = _Watcher(Path.cwd(), names, render)
    while True:
        folders = watched.list_folders()
        saves = watchfiles.watch(
            *folders, step=_STEP_MS, debounce=5 * _STEP_MS, rust_timeout=_POLL_INTERVAL_MS, yield_on_timeout=True
        )
        next(saves)  # it listens from here on, so that no save while the first render runs is missed
        watched.run_render(names)
        for changes in saves:
            if changes:
                watched.handle_changes({Path(path).resolve() for _, path in changes})
            elif watched.list_folders() != folders:
                break


class _Watcher:
    """What is watched. `failed` are the environments of the last run where that went wrong: they go into the next."""

    def __init__(self, root: Path, names: tuple[str, ...], render: RenderFunction) -> None:
        self._root = root
        self._names = names
        self._render = render
        self._environment_names: tuple[str, ...] = ()
        self._failed_environments: tuple[str, ...] = ()

    def list_folders(self) -> list[Path]:
        """The folders that environments may be made from: all but the hidden ones and those that are written."""
        return sorted(
            path for path in self._root.iterdir() if path.is_dir() and path.name not in _OUTPUT_FOLDERS and path.name[0] != "."
        )

    def handle_changes(self, files: Collection[Path]) -> None:
        """Render what a change of files reaches, if anything."""
        reached = self._find_affected(files)
        if reached is not None:
            self.run_render(reached)

    def run_render(self, names: tuple[str, ...]) -> None:
        """Render some environments; what went wrong is on the screen until it is mended."""
        if sys.stderr.isatty():
            click.echo("\x1b[2J\x1b[H", err=True, nl=False)
        try:
            self._environment_names = find_environments(open_project(self._root))[0]
            code = self._render(names)
        except (VmgenError, OSError) as error:
            click.echo(f"vmgen: {error}", err=True)
            code = 2
        self._failed_environments = (names or self._environment_names) if code else ()
        click.echo("Waiting for it to be mended (Ctrl-C ends)." if code else "In order; watching (Ctrl-C ends).", err=True)

    def _find_affected(self, files: Collection[Path]) -> tuple[str, ...] | None:
        """The environments that a change reaches, as `render` wants them named; None where it reaches none."""
        from vmgen.explain.dependencies import find_affected

        try:
            project = open_project(self._root)
            known = find_environments(project)[0]
            if known != self._environment_names:
                return self._names
            wanted = select_environments(known, self._names)
            reached = {*find_affected(project, wanted, files), *self._failed_environments}
        except (VmgenError, ProblemsError, OSError):
            return self._names
        if not reached:
            return None
        return self._names if reached >= set(wanted) else tuple(name for name in wanted if name in reached)
