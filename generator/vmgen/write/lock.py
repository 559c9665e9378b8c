"""Two renders of one repository wait for each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vmgen.problems import VmgenError

# What a repository's runs note for themselves.
STATE_FOLDER = ".vmgen"


def ensure_state_folder(root: Path) -> Path:
    """The folder of a repository for what its runs note for themselves; Git ignores it. OSError where it cannot be made."""
    folder = root / STATE_FOLDER
    folder.mkdir(exist_ok=True)
    ignored = folder / ".gitignore"
    if not ignored.is_file():
        ignored.write_text("*\n", encoding="utf-8")
    return folder


@contextmanager
def lock_repository(root: Path) -> Iterator[None]:
    """Hold the repository's lock. The system frees it when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows has no flock; renders there do not wait for each other
        yield
        return
    try:
        handle = os.open(ensure_state_folder(root) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise VmgenError(f"cannot write {root / STATE_FOLDER}: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
