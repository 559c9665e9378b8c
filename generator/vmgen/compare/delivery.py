"""How the wanted files of `delivery/` differ from what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from vmgen.compare.changes import FileChanges, diff_files
from vmgen.problems import Problem
from vmgen.read.delivery import ARGOCD, DELIVERY_FOLDER, FLUX, STANDALONE_FOLDER
from vmgen.read.project import Project


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
