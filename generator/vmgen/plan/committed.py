"""The files of a project at a commit: its manifests and the names of its environments, also if they lay in another folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from vmgen.plan.git import Blob, Repository
from vmgen.read.repository import ENVIRONMENTS_FOLDER, Project, is_environment_file

_Tree = Mapping[str, Blob]


class CommittedProject(NamedTuple):
    """The files of a project at a commit. `manifests` are by their paths below the output folder.

    `environments` are the environment files by name, with `_defaults`. `earlier_folders` are where manifests lay that have
    moved here.
    """

    manifests: Mapping[str, Blob] = {}
    environments: Mapping[str, Blob] = {}
    earlier_folders: tuple[str, ...] = ()


def load_committed_project(project: Project, repository: Repository, commit: str) -> CommittedProject:
    """Load the files of a project at a commit, with those of environments that moved here from another folder.

    Raises VmgenError if git fails.
    """
    tree = repository.list_tree(commit, f"{repository.prefix}{project.output}")
    names_by_root = _group_environments(tree)
    own_names = names_by_root.pop(repository.prefix, frozenset())
    manifests, folders = dict(_select_below(tree, f"{repository.prefix}{project.output}/")), []
    environments = {name: tree[f"{repository.prefix}{ENVIRONMENTS_FOLDER}/{name}.yaml"] for name in own_names}
    defaults = tree.get(f"{repository.prefix}{ENVIRONMENTS_FOLDER}/_defaults.yaml")
    environments |= {"_defaults": defaults} if defaults else {}
    for root, names in sorted(names_by_root.items()):
        moved = _find_moved_environments(project, repository, root, names, own_names)
        earlier = _select_below(tree, f"{root}{project.output}/") if moved else {}
        selected = {path: blob for path, blob in earlier.items() if path.partition("/")[0] in moved}
        if selected:
            folders.append(f"{root}{project.output}/")
            environments |= {name: tree[f"{root}{ENVIRONMENTS_FOLDER}/{name}.yaml"] for name in moved}
        for path, blob in selected.items():
            manifests[path if path not in manifests else _build_free_path(path, root)] = blob
    return CommittedProject(manifests, environments, tuple(folders))


def _group_environments(tree: _Tree) -> dict[str, frozenset[str]]:
    """Return the names of environments by the folder of their project, which is empty or ends with a slash."""
    names: dict[str, set[str]] = {}
    for path in tree:
        folder, _, file = path.rpartition("/")
        if f"/{folder}".endswith(f"/{ENVIRONMENTS_FOLDER}") and is_environment_file(file):
            names.setdefault(folder.removesuffix(ENVIRONMENTS_FOLDER), set()).add(file.removesuffix(".yaml"))
    return {root: frozenset(group) for root, group in names.items()}


def _select_below(tree: _Tree, folder: str) -> _Tree:
    return {path.removeprefix(folder): blob for path, blob in tree.items() if path.startswith(folder)}


def _find_moved_environments(
    project: Project, repository: Repository, root: str, names: frozenset[str], own_names: frozenset[str]
) -> frozenset[str]:
    """Return the environments of another project that are gone there, and here now or in no other project either."""
    remaining = _list_environments(repository.top / root / ENVIRONMENTS_FOLDER)
    gone = names - remaining
    here = _list_environments(project.environments) - own_names
    if gone and not remaining and not (own_names and _find_other_projects(repository)):
        return gone
    return gone & here


def _list_environments(folder: os.PathLike[str]) -> frozenset[str]:
    if not os.path.isdir(folder):
        return frozenset()
    return frozenset(name.removesuffix(".yaml") for name in os.listdir(folder) if is_environment_file(name))


def _find_other_projects(repository: Repository) -> Iterable[str]:
    """Return the folders of other projects in the work tree, to one of which an environment may have moved."""
    files = repository.list_files(f":(top,glob)**/{ENVIRONMENTS_FOLDER}/*.yaml")
    folders = {os.path.dirname(path) for path in files if is_environment_file(os.path.basename(path))}
    own = f"{repository.prefix}{ENVIRONMENTS_FOLDER}"
    return [folder for folder in folders - {own} if _list_environments(repository.top / folder)]


def _build_free_path(path: str, root: str) -> str:
    """Return a path in the same environment that no manifest of today has."""
    environment, _, rest = path.partition("/")
    return f"{environment}/{root}{rest}"
