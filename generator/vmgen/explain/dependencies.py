"""Find the files that an environment is rendered from, and the environments that a change of files can affect.

The result may contain too much, never too little.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from vmgen.merge.layers import Layered, find_source_files, is_cloud_init_file, load_layers
from vmgen.merge.platform import PlatformLoader
from vmgen.problems import ProblemsError, has_errors
from vmgen.read.layer_file import LayerLoader
from vmgen.read.located import Located, walk
from vmgen.read.repository import Project, installation_folders
from vmgen.render.policies import POLICIES_FOLDER

# Every environment reads these files if they exist.
_COMMON_FILES = ("environments/_defaults.yaml", "environments/_catalog.yaml")

# Each environment has its own dependencies in the first; the others hold nothing that runs.
_FOLDERS_OF_VMGEN = frozenset({"environments", "templates", "policies", "manifests", "delivery", "schema", ".vmgen"})
_HARMLESS_FOLDERS = frozenset({"docs", "keys", ".vscode", ".idea", "LICENSES"})
_HARMLESS_FILES = frozenset({"CODEOWNERS", "LICENSE", ".gitignore", ".gitattributes", ".editorconfig", "fleet.html"})
_HARMLESS_SUFFIXES = (".md", ".rst", ".txt.license", ".png", ".svg")
_PIN_FILES = frozenset(
    {"pyproject.toml", "mise.toml", ".mise.toml", ".tool-versions", ".gitlab-ci.yml", ".pre-commit-config.yaml", "Dockerfile"}
)
_PIN_SUFFIXES = (".lock", ".lock.json", "vmgen.yml", "vmgen.yaml")


class Dependencies(NamedTuple):
    """The files of one environment and the template folders that it may read, as messages name them.

    `files` is None if the environment cannot be read: it may depend on any file. `has_shared_delivery` is true if Argo CD
    delivers it: such environments share files that are made from all of them.
    """

    files: frozenset[str] | None
    folders: tuple[str, ...] = ()
    has_shared_delivery: bool = False

    def contains(self, file: str) -> bool:
        """Return true if the environment may be made from a file."""
        return self.files is None or file in self.files or file.startswith(self.folders)


def find_dependencies(layers: Layered, platforms: PlatformLoader) -> Dependencies:
    """Find what an environment with these merged layers is made from."""
    if has_errors(layers.problems):
        return Dependencies(None)
    try:
        platform = platforms.load_written(layers.content)
    except ProblemsError:
        return Dependencies(None)
    files = {*_COMMON_FILES, layers.file, *find_source_files(layers.files, platforms.project)}
    files |= _find_files(platform.content) | _find_files(platform.catalog.content)
    delivery = layers.content.get("delivery")
    argocd = delivery.get("argocd") if delivery else None
    folders = [platform.name, "kustomize"]
    if delivery:
        folders.append("delivery")
    if any(is_cloud_init_file(path) for path, _ in walk(layers.content)):
        folders.append("cloud-init")
    return Dependencies(frozenset(files), tuple(f"templates/{folder}/" for folder in folders), bool(argocd and argocd.mapping))


def _find_files(content: Located) -> set[str]:
    """Find the files of all values, overridden ones included."""
    files = set()
    for _, top_value in walk(content):
        value: Located | None = top_value
        while value:
            files.add(value.place.file)
            value = value.overrides
    return files


def find_affected(project: Project, names: tuple[str, ...], changed_paths: Collection[Path]) -> tuple[str, ...]:
    """Return the environments, of those named, that changed files can affect. The paths are absolute and resolved."""
    root = project.root.resolve()
    files = {path.relative_to(root).as_posix() for path in changed_paths if path.is_relative_to(root)}
    if any(_is_program_file(path, root) for path in changed_paths) or any(
        _is_common_file(file, project, names) for file in files
    ):
        return names
    layer_loader, platforms = LayerLoader(project), PlatformLoader(project)
    dependencies = {name: find_dependencies(load_layers(name, layer_loader), platforms) for name in names}
    # Who pins vmgen, and how, is not known: a file that no environment reads affects all, unless it is known to be harmless.
    suspects = {root / file for file in files if not _is_harmless(file)}
    suspects -= {
        path for path in suspects if any(each.files and _reads_any(each, (path,), root) for each in dependencies.values())
    }
    if suspects or any(
        path.name.startswith("requirements") or path.name in _PIN_FILES or path.name.endswith(_PIN_SUFFIXES)
        for path in changed_paths
        if not path.is_relative_to(root)
    ):
        return names
    affected = tuple(
        name
        for name in names
        if any(
            dependencies[name].contains(file)
            # `check` has to see a manual edit of an output.
            or file.startswith(f"manifests/{name}/")
            or (file.startswith("delivery/") and Path(file).stem == name)
            for file in files
        )
        or _reads_any(dependencies[name], changed_paths, root)
    )
    # What environments share lists them all, so it changes with each, and when one is added or removed.
    shared = {name for name in names if dependencies[name].has_shared_delivery}
    has_environment_file = any(Path(file).parent == Path("environments") and file.endswith(".yaml") for file in files)
    return names if shared.intersection(affected) or (shared and has_environment_file) else affected


def _is_harmless(file: str) -> bool:
    """Return true for a file that cannot change how vmgen works, only what an environment reads by its name."""
    top, *below = file.split("/")
    if below:
        return top in _FOLDERS_OF_VMGEN or top in _HARMLESS_FOLDERS
    return top in _HARMLESS_FILES or top.endswith(_HARMLESS_SUFFIXES)


def _is_program_file(path: Path, root: Path) -> bool:
    """Return true for a file of vmgen itself, which can change every manifest."""
    # Python writes them beside the modules when it runs.
    if path.suffix == ".pyc":
        return False
    folders = [folder for folder in installation_folders() if folder.resolve() != root / "templates"]
    return any(path.is_relative_to(folder.resolve()) for folder in folders)


def _is_common_file(file: str, project: Project, names: tuple[str, ...]) -> bool:
    """Return true for a file that every environment uses: a policy, or a template that belongs to no platform."""
    top, *below = file.split("/")
    if top == "templates":
        return len(below) < 2 or below[0] not in project.platform_names
    if top == "delivery":
        return Path(file).stem not in names
    return top == POLICIES_FOLDER


def _reads_any(dependencies: Dependencies, changed_paths: Collection[Path], root: Path) -> bool:
    """Return true if one of the files is read: one that is read through a link changes under its real name."""
    if dependencies.files is None:
        return True
    # It may lie outside of the root: beside it, in the same work tree.
    return not {Path(os.path.realpath(root / file)) for file in dependencies.files}.isdisjoint(changed_paths)
