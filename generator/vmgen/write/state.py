"""The state folder `.vmgen` of a repository: hidden from Git, and locked while a run writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vmgen.filesystem.reader import read_source
from vmgen.filesystem.system_errors import describe_write_error
from vmgen.filesystem.writer import TreeWriter, replace_file
from vmgen.plan.git import find_repository
from vmgen.problems import Place, Problem, VmgenError
from vmgen.read.repository import Project
from vmgen.rules import TRACKED_NOTES

STATE_FOLDER = ".vmgen"
_HOLDER_FILE, _MAX_NUMBER_BYTES = f"{STATE_FOLDER}/holder", 20
_SECONDS_OF_SILENCE = 1


def ensure_state_folder(root: Path) -> Path:
    """Create the state folder with a `.gitignore` that hides it, and return its path. Raises OSError, also if it is a link."""
    with TreeWriter(str(root)) as writer:
        writer.make_folder(STATE_FOLDER)
        with suppress(FileExistsError):
            writer.create(f"{STATE_FOLDER}/.gitignore", b"*\n")
    return root / STATE_FOLDER


def find_tracked_state(project: Project) -> tuple[Problem, ...]:
    """Return a problem if Git tracks the state folder: a commit could then claim that an environment is up to date.

    Raises VmgenError if Git cannot read the repository.
    """
    repository = find_repository(project.root)
    if repository is None or not repository.tracks(STATE_FOLDER):
        return ()
    message = f"Git tracks the notes of earlier runs, and a commit could forge them; run git rm -r --cached {STATE_FOLDER}"
    return (Problem(Place(STATE_FOLDER), TRACKED_NOTES.id, "", message),)


def _name_holder(root: Path) -> str:
    """Name the process that holds the lock; nothing if it has not written its number yet."""
    try:
        number = read_source(str(root / _HOLDER_FILE), os.path.realpath(root), _MAX_NUMBER_BYTES).decode()
    except (OSError, ValueError):
        return ""
    return f" (process {number})" if number.isdecimal() else ""


@contextmanager
def lock_repository(root: Path) -> Iterator[None]:
    """Hold the lock of a repository, and print a message if another run holds it for more than a second.

    The system frees the lock when the process ends, however it ends. Raises VmgenError if the lock file cannot be made.
    """
    from filelock import FileLock, Timeout  # 40 ms, which a run without work does not spend

    try:
        lock = FileLock(ensure_state_folder(root) / "lock")
        try:
            lock.acquire(timeout=_SECONDS_OF_SILENCE)
        except Timeout:
            sys.stderr.write(f"Waiting for another run of vmgen in this repository{_name_holder(root)} to end.\n")
            lock.acquire()
        replace_file(str(root), _HOLDER_FILE, str(os.getpid()).encode())
    except OSError as error:
        raise VmgenError(describe_write_error(error, root / STATE_FOLDER)) from None
    try:
        yield
    finally:
        lock.release()
