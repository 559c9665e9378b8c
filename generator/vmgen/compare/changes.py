"""What has to be written so that the folder is what is wanted: bytes against bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.compare.present import owned, present
from vmgen.problems import Place, Problem
from vmgen.read.project import Project


class Changes(NamedTuple):
    """The files of one environment to create, to update and to prune, by path; `foreign` are left alone."""

    environment: str
    created: tuple[str, ...]
    updated: tuple[str, ...]
    pruned: tuple[str, ...]
    unchanged: int
    foreign: tuple[str, ...]
    unfinished: tuple[str, ...]
    problems: tuple[Problem, ...]

    def __bool__(self) -> bool:
        return bool(self.created or self.updated or self.pruned)


def changes(project: Project, environment: str, wanted: Mapping[str, bytes]) -> Changes:
    """How the wanted files of an environment differ from what is there."""
    there = present(project, environment)
    problems = list(there.problems)
    root = str(project.manifests)
    updated, unchanged = [], 0
    for path in wanted.keys() & there.files:
        with open(f"{root}/{path}", "rb", buffering=0) as stream:
            content = stream.read()
        if content == wanted[path]:
            unchanged += 1
        elif owned(project, path):
            updated.append(path)
        else:
            problems.append(_in_the_way(project, path))
    blocking = (wanted.keys() & there.folders) | (_folders(wanted) & there.files)
    problems.extend(_in_the_way(project, path) for path in sorted(blocking))
    unwanted = sorted(there.files - wanted.keys() - blocking)
    ours = {path for path in unwanted if owned(project, path)}
    foreign = tuple(path for path in unwanted if path not in ours)
    problems.extend(_foreign(project, path) for path in foreign)
    return Changes(
        environment,
        created=tuple(sorted(wanted.keys() - there.files)),
        updated=tuple(sorted(updated)),
        pruned=tuple(sorted(ours)),
        unchanged=unchanged,
        foreign=foreign,
        unfinished=there.unfinished,
        problems=tuple(problems),
    )


def _folders(paths: Iterable[str]) -> set[str]:
    """Every folder above some paths."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _in_the_way(project: Project, path: str) -> Problem:
    place = Place(project.shown(project.manifests / path))
    message = "is in the place of a manifest, and vmgen did not write it; move it away"
    return Problem(place, "foreign-file-in-the-way", "", message)


def _foreign(project: Project, path: str) -> Problem:
    place = Place(project.shown(project.manifests / path))
    message = "was not written by vmgen and is left alone; move it out of manifests/"
    return Problem(place, "foreign-file", "", message, "warning")


def emptied(project: Project, compared: Iterable[Changes]) -> Iterator[Problem]:
    """Environments of which nothing would be left: a mistake far more often than a wish."""
    for each in compared:
        if each.pruned and not (each.created or each.updated or each.unchanged):
            source = f"environments/{each.environment}.yaml"
            message = (
                f"nothing is left of environment {each.environment}, and {len(each.pruned)} files would go; "
                f"restore {source}, or run with --allow-empty"
            )
            yield Problem(Place(project.shown(project.manifests / each.environment)), "empty-result", "", message)
