"""What lies in `manifests/` now: found by listing folders, without opening a file.

What has to be written so that the folder is what is wanted: bytes against bytes.

How the wanted files of `delivery/` differ from what is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vmgen.problems import Place, Problem
from vmgen.read.repository import ARGOCD, DELIVERY_FOLDER, FLUX, STANDALONE_FOLDER, Project
from vmgen.yaml_text import HEADER_PREFIX

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


class FileChanges(NamedTuple):
    """The files of one environment to create, to update and to prune, by path; `foreign` are left alone."""

    environment: str
    created: tuple[str, ...]
    updated: tuple[str, ...]
    pruned: tuple[str, ...]
    unchanged: int
    foreign: tuple[str, ...]
    leftovers: tuple[str, ...]
    problems: tuple[Problem, ...]

    def __bool__(self) -> bool:
        return bool(self.created or self.updated or self.pruned)


def diff_files(project: Project, environment: str, wanted: Mapping[str, bytes]) -> FileChanges:
    """How the wanted files of an environment differ from what is there."""
    there = list_existing_files(project, environment)
    problems = list(there.problems)
    root = str(project.manifests)
    updated, unchanged = [], 0
    for path in wanted.keys() & there.files:
        with open(f"{root}/{path}", "rb", buffering=0) as stream:
            content = stream.read()
        if content == wanted[path]:
            unchanged += 1
        elif is_owned(project, path):
            updated.append(path)
        else:
            problems.append(_report_blocking_file(project, path))
    blocking = (wanted.keys() & there.folders) | (_collect_parents(wanted) & there.files)
    problems.extend(_report_blocking_file(project, path) for path in sorted(blocking))
    unwanted = sorted(there.files - wanted.keys() - blocking)
    ours = {path for path in unwanted if is_owned(project, path)}
    foreign = tuple(path for path in unwanted if path not in ours)
    problems.extend(_report_foreign_file(project, path) for path in foreign)
    return FileChanges(
        environment,
        created=tuple(sorted(wanted.keys() - there.files)),
        updated=tuple(sorted(updated)),
        pruned=tuple(sorted(ours)),
        unchanged=unchanged,
        foreign=foreign,
        leftovers=there.leftovers,
        problems=tuple(problems),
    )


def _collect_parents(paths: Iterable[str]) -> set[str]:
    """Every folder above some paths."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _report_blocking_file(project: Project, path: str) -> Problem:
    place = Place(project.display_path(project.manifests / path))
    message = "is in the place of a manifest, and vmgen did not write it; move it away"
    return Problem(place, "foreign-file-in-the-way", "", message)


def _report_foreign_file(project: Project, path: str) -> Problem:
    place = Place(project.display_path(project.manifests / path))
    message = "was not written by vmgen and is left alone; move it out of manifests/"
    return Problem(place, "foreign-file", "", message, "warning")


def find_emptied_environments(project: Project, compared: Iterable[FileChanges]) -> Iterator[Problem]:
    """Environments of which nothing would be left: a mistake far more often than a wish."""
    for each in compared:
        if each.pruned and not (each.created or each.updated or each.unchanged):
            source = f"environments/{each.environment}.yaml"
            message = (
                f"nothing is left of environment {each.environment}, and {len(each.pruned)} files would go; "
                f"restore {source}, or run with --allow-empty"
            )
            yield Problem(Place(project.display_path(project.manifests / each.environment)), "empty-result", "", message)


class DeliveryDiff(NamedTuple):
    """The wanted files of `delivery/` by path, and what has to be done. `project` is the one that is written there."""

    project: Project
    files: Mapping[str, bytes] = {}
    changes: tuple[FileChanges, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is in the way."""
        return tuple(problem for each in self.changes for problem in each.problems)


def diff_delivery(project: Project, files: Mapping[str, bytes], only: tuple[str, ...] = ()) -> DeliveryDiff:
    """What has to be written and pruned below `delivery/`.

    With `only`, the files are those of these environments, and those of others, and what they share, are left alone. Files
    that vmgen did not write are left alone without a word: an AppProject, or a plugin's configuration, may well lie here.
    """
    there = project.with_output(DELIVERY_FOLDER)
    return DeliveryDiff(there, files, tuple(_diff_delivery_folders(there, files, only)))


def _diff_delivery_folders(there: Project, files: Mapping[str, bytes], only: tuple[str, ...]) -> Iterator[FileChanges]:
    for folder in (ARGOCD, FLUX, STANDALONE_FOLDER):
        wanted = {path: content for path, content in files.items() if path.startswith(f"{folder}/")}
        found = diff_files(there, folder, wanted)
        pruned = tuple(path for path in found.pruned if not only or _parse_environment(path) in only)
        problems = tuple(problem for problem in found.problems if problem.rule != "foreign-file")
        if wanted or pruned or problems or found.leftovers:
            yield found._replace(environment=f"{DELIVERY_FOLDER}/{folder}", pruned=pruned, foreign=(), problems=problems)


def _parse_environment(path: str) -> str:
    """Whose a file is: `argocd/production.yaml`, `standalone/production/kustomization.yaml`."""
    return PurePosixPath(path).parts[1].removesuffix(".yaml")
