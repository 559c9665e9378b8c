"""The files of a project at a commit: its manifests and the names of its environments, also if they lay in another folder."""

import os
import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.merge.layers import DEFAULTS_FILE
from vmgen.plan.git import Blob, Repository, read_blobs
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.repository import ENVIRONMENTS_FOLDER, Project, is_environment_file

_Tree = Mapping[str, Blob]
# Layers of layers; more are an error of the environment.
_MAX_LAYERS = 16


class CommittedProject(NamedTuple):
    """The files of a project at a commit. `manifests` are by their paths below the output folder.

    `environments` are the environment files by name. `tree` has every file of the commit by its path from the top, and
    `environment_paths` the paths of the environments in it. `earlier_folders` are where manifests lay that have moved here.
    """

    manifests: Mapping[str, Blob] = {}
    environments: Mapping[str, Blob] = {}
    earlier_folders: tuple[str, ...] = ()
    tree: Mapping[str, Blob] = {}
    environment_paths: Mapping[str, str] = {}

    def find_cluster(self, environment: str) -> str:
        """Return the `cluster:` of an environment, which a layer may have; empty if none or unknown."""
        path = self.environment_paths.get(environment)
        if path is None:
            return ""
        cluster = self._find_cluster_in(path, _MAX_LAYERS)
        if cluster is None:
            cluster = self._find_cluster_in(posixpath.join(posixpath.dirname(path), DEFAULTS_FILE), 0)
        return cluster or ""

    def _find_cluster_in(self, path: str, depth: int) -> str | None:
        """Return the `cluster:` in a file or, up to a depth, in the layers that it extends; None if it is not written."""
        blob = self.tree.get(path)
        content = _parse_mapping(next(read_blobs([blob]))) if blob else {}
        if "cluster" in content:
            return str(content["cluster"] or "")
        extends = content.get("extends") if depth else None
        for layer in reversed(extends) if isinstance(extends, list) else ():  # the last one counts
            layer_path = posixpath.normpath(posixpath.join(posixpath.dirname(path), str(layer)))
            cluster = self._find_cluster_in(layer_path, depth - 1)
            if cluster is not None:
                return cluster
        return None


def load_committed_project(project: Project, repository: Repository, tree: Mapping[str, Blob]) -> CommittedProject:
    """Load the files of a project from the tree of a commit, with those of environments that moved here from another folder.

    Raises VmgenError if git fails.
    """
    names_by_root = _group_environments(tree)
    own_names = names_by_root.pop(repository.prefix, frozenset())
    manifests, folders = dict(_select_below(tree, f"{repository.prefix}{project.output}/")), []
    paths = {name: f"{repository.prefix}{ENVIRONMENTS_FOLDER}/{name}.yaml" for name in own_names}
    for root, names in sorted(names_by_root.items()):
        moved_names = _find_moved_environments(project, repository, root, names, own_names)
        earlier = _select_below(tree, f"{root}{project.output}/") if moved_names else {}
        selected_files = {path: blob for path, blob in earlier.items() if path.partition("/")[0] in moved_names}
        if selected_files:
            folders.append(f"{root}{project.output}/")
            paths |= {name: f"{root}{ENVIRONMENTS_FOLDER}/{name}.yaml" for name in moved_names}
        for path, blob in selected_files.items():
            environment, _, rest = path.partition("/")  # of two with one path, the later gets one that no manifest has
            manifests[path if path not in manifests else f"{environment}/{root}{rest}"] = blob
    environments = {name: tree[path] for name, path in paths.items()}
    return CommittedProject(manifests, environments, tuple(folders), tree, paths)


def _parse_mapping(content: bytes) -> Mapping[str, Any]:
    """Return the content of an environment file without locations, empty if it cannot be read."""
    try:
        documents = parse_objects(content)
    except InvalidYamlError:
        return {}
    return documents[0] if documents and isinstance(documents[0], dict) else {}


def _group_environments(tree: _Tree) -> dict[str, frozenset[str]]:
    """Return the names of environments by the folder of their project, which is empty or ends with a slash."""
    names: dict[str, set[str]] = {}
    for path in tree:
        if ENVIRONMENTS_FOLDER not in path:  # most files of a commit are manifests
            continue
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
    missing_names = names - remaining
    here = _list_environments(project.environments) - own_names
    # The whole project is gone, so it moved here, unless there is another one that it may have moved to.
    if missing_names and not remaining and not (own_names and _find_other_projects(repository)):
        return missing_names
    return missing_names & here


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
