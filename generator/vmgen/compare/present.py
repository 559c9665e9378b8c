"""What lies in `manifests/` now: found by listing folders, without opening a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vmgen.mark import MARK
from vmgen.problems import Place, Problem
from vmgen.read.project import Project

# The ending of a file that is being written; one that lies there is from a run that was killed.
UNFINISHED = ".vmgen-tmp"


class Present(NamedTuple):
    """The files of one environment's folder, by their paths below `manifests/`, and what may not be there."""

    files: frozenset[str]
    unfinished: tuple[str, ...]
    problems: tuple[Problem, ...]
    folders: frozenset[str] = frozenset()


def present(project: Project, environment: str) -> Present:
    """What an environment's folder holds. Symbolic links are refused: they lead out of the tree that is ours."""
    files: set[str] = set()
    folders: set[str] = set()
    unfinished: list[str] = []
    problems: list[Problem] = []
    for link in (project.manifests, project.manifests / environment):
        if link.is_symlink():
            problems.append(_link(project, link))
    if not problems and (project.manifests / f".{environment}{UNFINISHED}").exists():
        unfinished.append(f".{environment}{UNFINISHED}")
    if not problems and (project.manifests / environment).is_dir():
        for entry, path in _entries(project.manifests / environment, environment):
            if entry.is_symlink():
                problems.append(_link(project, Path(entry.path)))
            elif path.endswith(UNFINISHED):
                unfinished.append(path)
            elif entry.is_file():
                files.add(path)
            elif entry.is_dir():
                folders.add(path)
            else:
                problems.append(_special(project, Path(entry.path)))
    return Present(frozenset(files), tuple(sorted(unfinished)), tuple(problems), frozenset(folders))


def _entries(folder: Path | str, path: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            below = f"{path}/{entry.name}"
            yield entry, below
            if entry.is_dir(follow_symlinks=False) and not entry.name.endswith(UNFINISHED):
                yield from _entries(entry.path, below)


def _link(project: Project, path: Path) -> Problem:
    message = "is a symbolic link, and vmgen writes only into its own tree; replace it by a folder or file"
    return Problem(Place(project.shown(path)), "symlinked-output", "", message)


def _special(project: Project, path: Path) -> Problem:
    message = "is neither a file nor a folder; remove it"
    return Problem(Place(project.shown(path)), "foreign-file-in-the-way", "", message)


def owned(project: Project, path: str) -> bool:
    """Whether a file below `manifests/` carries the mark of vmgen."""
    with (project.manifests / path).open("rb") as stream:
        return stream.read(len(MARK)) == MARK.encode()


def orphaned_environments(project: Project, names: tuple[str, ...]) -> tuple[str, ...]:
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
        name for name in folders if name not in names and any(owned(project, path) for path in present(project, name).files)
    )
