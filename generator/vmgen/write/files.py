"""Write changes to disk so that a run that is killed at any moment leaves whole files, and the next run converges."""

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


def write_changes(changes: FileChanges, contents: Mapping[str, bytes], project: Project) -> None:
    """Write what is created and updated, then delete what is pruned, then the folders that this emptied.

    A new folder is filled beside its place and renamed as a whole; a file in an existing folder is written beside its place
    and renamed. A kustomization.yaml comes after what it lists, and before what it no longer lists is deleted: at every
    moment all files that any of them lists exist. Raises VmgenError if the system refuses.
    """
    root = str(project.manifests)
    try:
        _remove_leftovers(root, changes.leftovers)
        new_folders, single_files = _group_by_new_folder(root, changes.created)
        for folder, paths in new_folders.items():
            _write_folder(root, folder, paths, contents)
        for path in sorted((*single_files, *changes.updated), key=_get_write_order):
            replace_file(f"{root}/{path}", contents[path])
        for path in sorted(changes.pruned, key=_get_delete_order):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{root}/{path}")
        _remove_empty(project.manifests, {path.rpartition("/")[0] for path in (*changes.pruned, *changes.leftovers)})
    except OSError as error:
        raise VmgenError(f"cannot write {error.filename}: {error.strerror}; run render again") from None


def _remove_leftovers(root: str, leftovers: Iterable[str]) -> None:
    """Remove what a killed run left half done."""
    for path in leftovers:
        target = f"{root}/{path}"
        if os.path.isdir(target):
            shutil.rmtree(target)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(target)


def _group_by_new_folder(root: str, created: Iterable[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the created files by their topmost folder that does not exist yet, and the files whose folder exists."""
    topmost: dict[str, str] = {}
    new_folders: dict[str, list[str]] = defaultdict(list)
    single_files = []
    for path in created:
        folder = path.rpartition("/")[0]
        if folder not in topmost:
            topmost[folder] = _find_topmost_missing(root, folder)
        if topmost[folder]:
            new_folders[topmost[folder]].append(path)
        else:
            single_files.append(path)
    return new_folders, single_files


def _find_topmost_missing(root: str, folder: str) -> str:
    missing = ""
    while folder and not os.path.isdir(f"{root}/{folder}"):
        missing, folder = folder, folder.rpartition("/")[0]
    return missing


def _write_folder(root: str, folder: str, paths: list[str], contents: Mapping[str, bytes]) -> None:
    temporary = _get_temporary_path(f"{root}/{folder}")
    try:
        for subfolder in sorted({path.rpartition("/")[0] for path in paths}):
            os.makedirs(temporary + subfolder[len(folder) :], exist_ok=True)
        for path in paths:
            _write_new(temporary + path[len(folder) :], contents[path])
        os.rename(temporary, f"{root}/{folder}")
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def replace_file(path: str, content: bytes) -> None:
    """Put a whole file in its place. See docs/decisions.md#no-fsync."""
    temporary = _get_temporary_path(path)
    try:
        _write_new(temporary, content)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _get_temporary_path(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}{TEMPORARY_SUFFIX}"


def _write_new(path: str, content: bytes) -> None:
    handle = os.open(path, _CREATE_FLAGS, 0o644)
    try:
        if os.write(handle, content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    except OSError as error:  # the error of a handle names no file
        error.filename = path
        raise
    finally:
        os.close(handle)


def _get_write_order(path: str) -> tuple[bool, int, str]:
    """Order manifests first, then each kustomization.yaml from the deepest folder up."""
    return path.endswith(f"/{KUSTOMIZATION}"), -path.count("/"), path


def _get_delete_order(path: str) -> tuple[bool, int, str]:
    """Order each kustomization.yaml from the highest folder down, then manifests: no list outlives what it lists."""
    return not path.endswith(f"/{KUSTOMIZATION}"), path.count("/"), path


def _remove_empty(root: Path, folders: set[str]) -> None:
    for folder in sorted(folders, key=lambda path: -path.count("/")):
        path = root / folder
        while path != root and path.is_dir() and not any(path.iterdir()):
            path.rmdir()
            path = path.parent
