"""What has to be written so that the folder is what is wanted: bytes against bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.compare.present import is_owned, list_existing_files
from vmgen.problems import Place, Problem
from vmgen.read.project import Project


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
