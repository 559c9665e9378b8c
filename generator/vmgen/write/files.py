"""Carries out changes so that a run killed at any moment leaves whole files, and the next run converges."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from vmgen.plan.diff import TEMPORARY_SUFFIX, FileChanges
from vmgen.problems import VmgenError
from vmgen.read.repository import Project
from vmgen.render.manifests import KUSTOMIZATION

_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def write_changes(changes: FileChanges, wanted: Mapping[str, bytes], project: Project) -> None:
    """Write what is created and updated, then delete what is pruned, then the folders that this emptied.

    A folder that is new is filled beside its place and renamed as a whole; a file in a folder that is there is written
    beside its place and renamed. A kustomization.yaml comes after what it lists, and before what it no longer lists
    is deleted: at every moment all that any of them names is there.
    """
    root = str(project.manifests)
    try:
        _remove_unfinished(root, changes.leftovers)
        new, single = _group_by_new_folder(root, changes.created)
        for folder, paths in new.items():
            _write_folder(root, folder, paths, wanted)
        for path in sorted((*single, *changes.updated), key=_write_order):
            _replace(f"{root}/{path}", wanted[path])
        for path in sorted(changes.pruned, key=_delete_order):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{root}/{path}")
        _remove_empty(project.manifests, {path.rpartition("/")[0] for path in (*changes.pruned, *changes.leftovers)})
    except OSError as error:
        raise VmgenError(f"cannot write {error.filename}: {error.strerror}; run render again") from None


def _remove_unfinished(root: str, unfinished: Iterable[str]) -> None:
    """Remove what a killed run left half done."""
    for path in unfinished:
        target = f"{root}/{path}"
        if os.path.isdir(target):
            shutil.rmtree(target)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(target)


def _group_by_new_folder(root: str, created: Iterable[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The created files by the topmost folder that is not there yet, and those whose folder is."""
    topmost: dict[str, str] = {}
    new: dict[str, list[str]] = defaultdict(list)
    single = []
    for path in created:
        folder = path.rpartition("/")[0]
        if folder not in topmost:
            topmost[folder] = _find_topmost_missing(root, folder)
        if topmost[folder]:
            new[topmost[folder]].append(path)
        else:
            single.append(path)
    return new, single


def _find_topmost_missing(root: str, folder: str) -> str:
    missing = ""
    while folder and not os.path.isdir(f"{root}/{folder}"):
        missing, folder = folder, folder.rpartition("/")[0]
    return missing


def _write_folder(root: str, folder: str, paths: list[str], wanted: Mapping[str, bytes]) -> None:
    parent, _, name = folder.rpartition("/")
    beside = f"{root}/{parent}/.{name}{TEMPORARY_SUFFIX}" if parent else f"{root}/.{name}{TEMPORARY_SUFFIX}"
    try:
        for inner in sorted({path.rpartition("/")[0] for path in paths}):
            os.makedirs(beside + inner[len(folder) :], exist_ok=True)
        for path in paths:
            _write_new(beside + path[len(folder) :], wanted[path])
        os.rename(beside, f"{root}/{folder}")
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _write_order(path: str) -> tuple[bool, int, str]:
    """Manifests first, then each kustomization.yaml from the deepest folder up."""
    return path.endswith(f"/{KUSTOMIZATION}"), -path.count("/"), path


def _delete_order(path: str) -> tuple[bool, int, str]:
    """Each kustomization.yaml from the highest folder down, then manifests: no list outlives what it names."""
    return not path.endswith(f"/{KUSTOMIZATION}"), path.count("/"), path


def _replace(path: str, content: bytes) -> None:
    """Put a whole file in its place. Not synced to the disk: what must outlast a power cut is committed to Git."""
    folder, _, name = path.rpartition("/")
    beside = f"{folder}/.{name}{TEMPORARY_SUFFIX}"
    try:
        _write_new(beside, content)
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _write_new(path: str, content: bytes) -> None:
    handle = os.open(path, _CREATE_FLAGS, 0o644)
    try:
        if os.write(handle, content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    finally:
        os.close(handle)


def _remove_empty(root: Path, folders: set[str]) -> None:
    for folder in sorted(folders, key=lambda path: -path.count("/")):
        path = root / folder
        while path != root and path.is_dir() and not any(path.iterdir()):
            path.rmdir()
            path = path.parent
