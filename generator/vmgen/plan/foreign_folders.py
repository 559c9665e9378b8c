"""Find entries of the output folder beside the folders of environments: engines that apply all of it apply them too."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from vmgen.filesystem.writer import TEMPORARY_SUFFIX
from vmgen.plan.diff import is_owned, list_existing_files
from vmgen.plan.foreign import find_foreign_files
from vmgen.problems import Place, Problem
from vmgen.read.repository import Project
from vmgen.rules import FOREIGN_FOLDER, SYMLINKED_OUTPUT, UNFINISHED_FOLDER


def find_foreign_folders(project: Project, environments: Collection[str]) -> Iterator[Problem]:
    """Report folders of no environment, and objects beside the folders.

    A folder with files of ours is that of a removed environment, which is no fault here.
    """
    if not project.manifests.is_dir():
        return
    for entry in sorted(os.scandir(project.manifests), key=lambda entry: entry.name):
        name, place = entry.name, Place(project.display_path(project.manifests / entry.name))
        if name in environments:
            continue
        if entry.is_symlink():
            message = f"is a symbolic link, but only folders of environments may be in {project.output}/; remove it"
            yield SYMLINKED_OUTPUT.build_problem(place, "", message)
        elif not entry.is_dir():
            yield from find_foreign_files(project, [name], reports_others=False)
        elif _is_unfinished(name):
            yield from _check_unfinished_folder(project, name, environments, place)
        elif (files := _list_files(project, name)) and not any(is_owned(project, path) for path in files):
            message = f"has no environment, and a sync tool that applies {project.output}/ applies it; remove it"
            yield FOREIGN_FOLDER.build_problem(place, "", message)


def find_unfinished_environments(project: Project, environments: Collection[str]) -> tuple[str, ...]:
    """Return the names of environments that are gone and left a folder of a killed run, all of whose files are ours."""
    if not project.manifests.is_dir():
        return ()
    folders = [name for name in sorted(os.listdir(project.manifests)) if _is_unfinished(name)]
    names = {folder: _name_environment(folder) for folder in folders}
    return tuple(name for folder, name in names.items() if name not in environments and _is_ours(project, folder))


def _check_unfinished_folder(project: Project, folder: str, environments: Collection[str], place: Place) -> Iterator[Problem]:
    # The next render of that environment removes it.
    if _name_environment(folder) in environments:
        return
    if _is_ours(project, folder):
        yield UNFINISHED_FOLDER.build_problem(place, "", "was left by a killed run; vmgen render removes it")
    else:
        message = "belongs to no environment, and vmgen did not write all of its files; review and remove it"
        yield FOREIGN_FOLDER.build_problem(place, "", message)


def _is_unfinished(folder: str) -> bool:
    return folder.startswith(".") and folder.endswith(TEMPORARY_SUFFIX)


def _name_environment(unfinished_folder: str) -> str:
    return unfinished_folder.removeprefix(".").removesuffix(TEMPORARY_SUFFIX)


def _is_ours(project: Project, folder: str) -> bool:
    path = project.manifests / folder
    return path.is_dir() and not path.is_symlink() and all(is_owned(project, file) for file in _list_files(project, folder))


def _list_files(project: Project, folder: str) -> list[str]:
    return sorted(list_existing_files(project, folder).files)
