"""How the wanted files of `delivery/` differ from what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from vmgen.compare.changes import Changes, changes
from vmgen.problems import Problem
from vmgen.read.delivery import ARGOCD, FLUX, FOLDER, STANDALONE
from vmgen.read.project import Project


class Delivered(NamedTuple):
    """The wanted files of `delivery/` by path, and what has to be done. `project` is the one that is written there."""

    project: Project
    files: Mapping[str, bytes] = {}
    changes: tuple[Changes, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is in the way."""
        return tuple(problem for each in self.changes for problem in each.problems)


def delivered(project: Project, files: Mapping[str, bytes], only: tuple[str, ...] = ()) -> Delivered:
    """What has to be written and pruned below `delivery/`.

    With `only`, the files are those of these environments, and those of others, and what they share, are left alone. Files
    that vmgen did not write are left alone without a word: an AppProject, or a plugin's configuration, may well lie here.
    """
    there = project.writing(FOLDER)
    return Delivered(there, files, tuple(_changes(there, files, only)))


def _changes(there: Project, files: Mapping[str, bytes], only: tuple[str, ...]) -> Iterator[Changes]:
    for folder in (ARGOCD, FLUX, STANDALONE):
        wanted = {path: content for path, content in files.items() if path.startswith(f"{folder}/")}
        found = changes(there, folder, wanted)
        pruned = tuple(path for path in found.pruned if not only or _environment(path) in only)
        problems = tuple(problem for problem in found.problems if problem.rule != "foreign-file")
        if wanted or pruned or problems or found.unfinished:
            yield found._replace(environment=f"{FOLDER}/{folder}", pruned=pruned, foreign=(), problems=problems)


def _environment(path: str) -> str:
    """Whose a file is: `argocd/production.yaml`, `standalone/production/kustomization.yaml`."""
    return PurePosixPath(path).parts[1].removesuffix(".yaml")
