"""What lies in `manifests/` now: found by listing folders, without opening a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vmgen.mark import HEADER_PREFIX
from vmgen.problems import Place, Problem
from vmgen.read.project import Project

# The ending of a file that is being written; one that lies there is from a run that was killed.
TEMPORARY_SUFFIX = ".vmgen-tmp"


class ExistingFiles(NamedTuple):
    """The files of one environment's folder, by their paths below `manifests/`, and what may not be there."""

    files: frozenset[str]
    leftovers: tuple[str, ...]
    problems: tuple[Problem, ...]
    folders: frozenset[str] = frozenset()


def list_existing_files(project: Project, environment: str) -> ExistingFiles:
    """What an environment's folder holds. Symbolic links are refused: they lead out of the tree that is ours."""
    files: set[str] = set()
    folders: set[str] = set()
    unfinished: list[str] = []
    problems: list[Problem] = []
    for link in (project.manifests, project.manifests / environment):
        if link.is_symlink():
            problems.append(_report_symlink(project, link))
    if not problems and (project.manifests / f".{environment}{TEMPORARY_SUFFIX}").exists():
        unfinished.append(f".{environment}{TEMPORARY_SUFFIX}")
    if not problems and (project.manifests / environment).is_dir():
        for entry, path in _walk_entries(project.manifests / environment, environment):
            if entry.is_symlink():
                problems.append(_report_symlink(project, Path(entry.path)))
            elif path.endswith(TEMPORARY_SUFFIX):
                unfinished.append(path)
            elif entry.is_file():
                files.add(path)
            elif entry.is_dir():
                folders.add(path)
            else:
                problems.append(_report_special_file(project, Path(entry.path)))
    return ExistingFiles(frozenset(files), tuple(sorted(unfinished)), tuple(problems), frozenset(folders))


def _walk_entries(folder: Path | str, path: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            below = f"{path}/{entry.name}"
            yield entry, below
            if entry.is_dir(follow_symlinks=False) and not entry.name.endswith(TEMPORARY_SUFFIX):
                yield from _walk_entries(entry.path, below)


def _report_symlink(project: Project, path: Path) -> Problem:
    message = "is a symbolic link, and vmgen writes only into its own tree; replace it by a folder or file"
    return Problem(Place(project.display_path(path)), "symlinked-output", "", message)


def _report_special_file(project: Project, path: Path) -> Problem:
    message = "is neither a file nor a folder; remove it"
    return Problem(Place(project.display_path(path)), "foreign-file-in-the-way", "", message)


def is_owned(project: Project, path: str) -> bool:
    """Whether a file below `manifests/` carries the mark of vmgen."""
    with (project.manifests / path).open("rb") as stream:
        return stream.read(len(HEADER_PREFIX)) == HEADER_PREFIX.encode()


def find_orphaned_environments(project: Project, names: tuple[str, ...]) -> tuple[str, ...]:
    """Folders of manifests whose environment file is gone: those that hold a file of ours."""
    if not project.manifests.is_dir():
        return ()
    # One that begins with a dot is no environment's; `.production.vmgen-tmp` is what a run that was killed had not finished.
    folders = sorted(
        entry.name
        for entry in os.scandir(project.manifests)
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
    )
    return tuple(
        name
        for name in folders
        if name not in names and any(is_owned(project, path) for path in list_existing_files(project, name).files)
    )
