"""Write changes to disk so that a run that is killed at any moment leaves whole files, and the next run converges."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping

from vmgen.filesystem.system_errors import describe_write_error
from vmgen.filesystem.writer import TreeWriter
from vmgen.plan.diff import FileChanges
from vmgen.problems import VmgenError
from vmgen.read.repository import Project
from vmgen.render.manifests import KUSTOMIZATION


def write_changes(changes: FileChanges, contents: Mapping[str, bytes], project: Project) -> None:
    """Write created and updated files, then delete pruned ones, then the folders that this emptied.

    A new folder is filled beside its place and renamed as a whole; a file in an existing folder is written beside its place
    and renamed. A kustomization.yaml comes after what it lists, and before what it no longer lists is deleted: at every
    moment all files that any of them lists exist. Raises VmgenError if the system refuses.
    """
    if not (changes or changes.leftovers):
        return
    root = str(project.manifests)
    try:
        with TreeWriter(str(project.root)) as writer:
            for path in changes.leftovers:
                writer.remove_tree(f"{project.output}/{path}")
            new_folders, single_files = _group_by_new_folder(root, changes.created)
            for folder, paths in new_folders.items():
                _write_folder(writer, project.output, folder, {path: contents[path] for path in paths})
            for path in sorted((*single_files, *changes.updated), key=_get_write_order):
                writer.replace(f"{project.output}/{path}", contents[path])
            for path in sorted(changes.pruned, key=_get_delete_order):
                writer.remove(f"{project.output}/{path}")
            folders = {path.rpartition("/")[0] for path in (*changes.pruned, *changes.leftovers)}
            for folder in sorted(filter(None, folders)):  # each with the folders above it, as far as they are empty
                writer.remove_empty_folders(f"{project.output}/{folder}", stop=project.output)
    except OSError as error:
        raise VmgenError(describe_write_error(error, remedy="run render again")) from None


def _group_by_new_folder(root: str, created: Iterable[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the created files by their topmost folder that does not exist yet, and the files whose folder exists."""
    topmost: dict[str, str] = {}
    new_folders: dict[str, list[str]] = defaultdict(list)
    single_files = []
    for path in created:
        folder = path.rpartition("/")[0]
        if folder not in topmost:
            missing, existing = "", folder
            while existing and not os.path.isdir(f"{root}/{existing}"):
                missing, existing = existing, existing.rpartition("/")[0]
            topmost[folder] = missing
        if topmost[folder]:
            new_folders[topmost[folder]].append(path)
        else:
            single_files.append(path)
    return new_folders, single_files


def _write_folder(writer: TreeWriter, output: str, folder: str, contents: Mapping[str, bytes]) -> None:
    """Write a new folder: under a temporary name, until all is in it."""
    temporary = writer.make_temporary_folder(f"{output}/{folder}")
    try:
        for path in sorted(contents):
            writer.create(temporary + path[len(folder) :], contents[path])
        writer.rename(temporary, folder.rpartition("/")[2])
    except OSError:
        with contextlib.suppress(OSError):
            writer.remove_tree(temporary)
        raise


def _get_write_order(path: str) -> tuple[bool, int, str]:
    """Order manifests first, then each kustomization.yaml from the deepest folder up."""
    return path.endswith(f"/{KUSTOMIZATION}"), -path.count("/"), path


def _get_delete_order(path: str) -> tuple[bool, int, str]:
    """Order each kustomization.yaml from the highest folder down, then manifests: no list outlives what it lists."""
    return not path.endswith(f"/{KUSTOMIZATION}"), path.count("/"), path
