"""`vmgen render --watch`: render again the environments that a save affects, until Ctrl-C."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Collection
from pathlib import Path

from vmgen.cli.output import write_message, write_report
from vmgen.problems import ProblemsError, VmgenError
from vmgen.read.configuration import find_root
from vmgen.read.repository import find_environments, open_project, select_environments

# Watching these would make each render start the next one.
_OUTPUT_FOLDERS = ("manifests", "delivery")
# Milliseconds without a save until a change is handled, so that the several steps of an editor are one change.
_STEP_MS = 20
# Milliseconds between two looks for new folders.
_POLL_INTERVAL_MS = 100

# Renders environments, all if none is named, reports problems, and returns True if there is no error.
RenderFunction = Callable[[tuple[str, ...]], bool]


def watch_and_render(names: tuple[str, ...], render: RenderFunction) -> None:
    """Render environments, and again whenever a file changes that one of them is made from; never return.

    Raises VmgenError if the library watchfiles is not installed.
    """
    try:
        import watchfiles

        import vmgen.explain.dependencies  # noqa: F401 - now, so that the first save does not wait for it
    except ImportError:
        raise VmgenError("--watch needs the library watchfiles; pip install 'vmgen[watch]'") from None
    gc.enable()  # __main__ disables it for short runs; this one goes on for hours
    watcher = _Watcher(find_root(Path.cwd()) or Path.cwd(), names, render)
    while True:
        folders = watcher.list_folders()
        saves = watchfiles.watch(
            *folders, step=_STEP_MS, debounce=5 * _STEP_MS, rust_timeout=_POLL_INTERVAL_MS, yield_on_timeout=True
        )
        next(saves)  # it listens from here on, so that no save during the first render is missed
        watcher.render(names)
        for changes in saves:
            if changes:
                watcher.handle_changes({Path(path).resolve() for _, path in changes})
            elif watcher.list_folders() != folders:
                break


class _Watcher:
    """The state between two renders. Environments that failed in one are rendered again in the next."""

    def __init__(self, root: Path, names: tuple[str, ...], render: RenderFunction) -> None:
        self._root = root
        self._names = names
        self._render = render
        self._environment_names: tuple[str, ...] = ()
        self._failed_environments: tuple[str, ...] = ()

    def list_folders(self) -> list[Path]:
        """Return the folders that may hold sources: all but hidden ones and those of output.

        A link is followed where it stays in the repository: the system reports a change at the real place only.
        """
        folders = [
            path for path in self._root.iterdir() if path.is_dir() and path.name not in _OUTPUT_FOLDERS and path.name[0] != "."
        ]
        links = (path for folder in folders for path in (folder, *folder.rglob("*")) if path.is_symlink())
        root = self._root.resolve()
        targets = {path.resolve() for path in links if path.resolve().is_relative_to(root)}
        return sorted({*(path for path in folders if not path.is_symlink()), *(path for path in targets if path.exists())})

    def handle_changes(self, files: Collection[Path]) -> None:
        """Render the environments that a change of files affects, if any."""
        affected = self._find_affected(files)
        if affected is not None:
            self.render(affected)

    def render(self, names: tuple[str, ...]) -> None:
        """Render environments on a cleared screen."""
        if sys.stderr.isatty():
            write_report("\x1b[2J\x1b[H")
        try:
            self._environment_names = find_environments(open_project(self._root))[0]
            is_success = self._render(names)
        except (VmgenError, OSError) as error:
            write_message(f"vmgen: {error}\n")
            is_success = False
        self._failed_environments = () if is_success else (names or self._environment_names)
        write_message("No errors; watching (Ctrl-C to stop).\n" if is_success else "Waiting for a fix (Ctrl-C to stop).\n")

    def _find_affected(self, files: Collection[Path]) -> tuple[str, ...] | None:
        """Return the environments to render, as `render` takes them, or None if there is none."""
        from vmgen.explain.dependencies import find_affected

        try:
            project = open_project(self._root)
            environment_names = find_environments(project)[0]
            if environment_names != self._environment_names:
                return self._names
            selected_names = select_environments(environment_names, self._names)
            affected = {*find_affected(project, selected_names, files), *self._failed_environments}
        except (VmgenError, ProblemsError, OSError):
            return self._names
        if not affected:
            return None
        return self._names if affected >= set(selected_names) else tuple(name for name in selected_names if name in affected)
