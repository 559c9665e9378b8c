"""Manifests that Git does not have, so that nothing protects their disks: not added, ignored, or left out of the checkout."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from vmgen.filesystem.writer import TEMPORARY_SUFFIX
from vmgen.plan.git import Repository
from vmgen.problems import Place, Problem, VmgenError
from vmgen.quantities import format_count, format_names
from vmgen.read.manifests import is_manifest_file
from vmgen.read.repository import ENVIRONMENTS_FOLDER, Project
from vmgen.rules import UNCOMMITTED_MANIFEST

_MAX_NAMES = 5
# pre-commit sets the first: https://pre-commit.com/#filtering-files-with-types. Git sets the second for its own hooks.
_HOOK_VARIABLES = ("PRE_COMMIT", "GIT_INDEX_FILE")


class UncommittedManifests(NamedTuple):
    """Paths below `manifests/` of manifests that are not in Git: not added yet, or ignored."""

    untracked: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def list_uncommitted_manifests(project: Project, repository: Repository) -> UncommittedManifests:
    """List the manifests that are neither committed nor staged.

    Raises VmgenError if git fails, and if a sparse checkout leaves out environments or manifests.
    """
    files = repository.list_uncommitted_files(ENVIRONMENTS_FOLDER, project.output)
    if files.left_out:
        raise VmgenError(
            f"this sparse checkout leaves out {format_count(len(files.left_out), 'file')}, such as {files.left_out[0]}; "
            f"git sparse-checkout add environments {project.output}"
        )
    return UncommittedManifests(*(tuple(_select_manifests(project, paths)) for paths in (files.untracked, files.ignored)))


def _select_manifests(project: Project, paths: Iterable[str]) -> Iterator[str]:
    prefix = f"{project.output}/"
    for path in paths:
        # A repository in the repository is one entry with a slash at its end.
        files = _list_files(project, path) if path.endswith("/") else (path,)
        for file in files:
            if file.startswith(prefix) and is_manifest_file(file) and TEMPORARY_SUFFIX not in file:
                yield file.removeprefix(prefix)


def _list_files(project: Project, folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(project.root / folder):
        below = os.path.relpath(parent, project.root).replace(os.sep, "/")
        yield from (f"{below}/{name}" for name in names)


def find_uncommitted_manifests(project: Project, manifests: UncommittedManifests, *, is_strict: bool) -> Iterator[Problem]:
    """Report manifests that are not in Git, once for each environment.

    They are an error if `is_strict` and in a hook, where the next step is a commit without them.
    """
    is_error = is_strict or any(name in os.environ for name in _HOOK_VARIABLES)
    for paths, state, remedy in (
        (manifests.untracked, "neither committed nor staged", "git add"),
        # An ignored manifest may be on the platform, but no commit removes it, so no plan and no gate sees it go.
        (manifests.ignored, "ignored by Git, so nothing syncs it", "remove from .gitignore the line for"),
    ):
        for environment, group in groupby(sorted(paths), key=lambda path: path.partition("/")[0]):
            names = list(group)
            name_list = format_names([name.removeprefix(f"{environment}/") for name in names], _MAX_NAMES)
            place = Place(project.display_path(project.manifests / environment))
            message = f"{format_count(len(names), 'manifest is', 'manifests are')} {state}: {name_list}; {remedy} {place.file}"
            yield UNCOMMITTED_MANIFEST.build_problem(place, "", message)._replace(severity="error" if is_error else "warning")
