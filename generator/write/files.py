"""Carries out changes so that a run killed at any moment leaves whole files, and the next run converges."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from pathlib import Path

from generator.compare.changes import Changes
from generator.compare.present import UNFINISHED
from generator.problems import VmgenError
from generator.read.project import Project
from generator.render.kustomization import KUSTOMIZATION


def carry_out(changes: Changes, wanted: Mapping[str, bytes], project: Project) -> None:
    """Write what is created and updated, then delete what is pruned, then the folders that this emptied.

    A kustomization.yaml is written after what it lists and before what it no longer lists is deleted: at every moment
    all that any of them names is there.
    """
    root = project.manifests
    try:
        for path in changes.unfinished:
            (root / path).unlink(missing_ok=True)
        written = (*changes.created, *changes.updated)
        for folder in sorted({path.rpartition("/")[0] for path in changes.created}):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for path in sorted(written, key=_lists_others):
            _replace(root / path, wanted[path])
        for path in changes.pruned:
            (root / path).unlink(missing_ok=True)
        _remove_empty(root, {path.rpartition("/")[0] for path in (*changes.pruned, *changes.unfinished)})
    except OSError as error:
        raise VmgenError(f"cannot write {error.filename}: {error.strerror}; run render again") from None


def _lists_others(path: str) -> tuple[bool, int]:
    """Manifests first, then each kustomization.yaml from the deepest folder up."""
    return path.endswith(f"/{KUSTOMIZATION}"), -path.count("/")


def _replace(path: Path, content: bytes) -> None:
    """Put a whole file in its place. Not synced to the disk: what must outlast a power cut is committed to Git."""
    beside = path.with_name(f".{path.name}{UNFINISHED}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            if os.write(handle, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        finally:
            os.close(handle)
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _remove_empty(root: Path, folders: set[str]) -> None:
    for folder in sorted(folders, key=lambda path: -path.count("/")):
        path = root / folder
        while path != root and path.is_dir() and not any(path.iterdir()):
            path.rmdir()
            path = path.parent
