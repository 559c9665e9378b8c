"""Which files an environment is rendered from, and so which environments a change of files can reach: never too few."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from vmgen.merge.layers import Layered, find_source_files, is_cloud_init_file, load_layers
from vmgen.merge.platform import DEFAULT_PLATFORM, PlatformLoader
from vmgen.problems import ProblemsError, has_errors
from vmgen.read.layer_file import LayerLoader
from vmgen.read.located import INVALID, walk
from vmgen.read.repository import Project, installation_folders
from vmgen.render.policies import POLICIES_FOLDER as POLICIES

# Files beside the environments that every one of them reads if they are there.
_COMMON_FILES = ("environments/_defaults.yaml", "environments/_catalog.yaml")


class Dependencies(NamedTuple):
    """The files of one environment, by their names in messages, and the folders of templates that it may read all of.

    `files` is None where the environment cannot be read: it may depend on anything. `shares` says that Argo CD delivers
    it: such environments have files in common, which are made from all of them.
    """

    files: frozenset[str] | None
    folders: tuple[str, ...] = ()
    has_shared_delivery: bool = False

    def contains(self, file: str) -> bool:
        """Whether the environment may be made from a file of this name."""
        return self.files is None or file in self.files or file.startswith(self.folders)


def find_dependencies(layers: Layered, platforms: PlatformLoader) -> Dependencies:
    """What an environment whose layers are merged is made from."""
    written = layers.content.get("platform")
    platform = str(written.data) if written and written.data is not INVALID else DEFAULT_PLATFORM
    if has_errors(layers.problems) or platform not in platforms.project.platform_names:
        return Dependencies(None)
    try:
        found = platforms.load(platform)
    except ProblemsError:
        return Dependencies(None)
    files = {*_COMMON_FILES, layers.file, *find_source_files(layers.files, platforms.project)}
    for content in (found.content, found.catalog.content):
        for _, value in walk(content):
            while value:
                files.add(value.place.file)
                if value.overrides is None:
                    break
                value = value.overrides
    delivery = layers.content.get("delivery")
    argocd = delivery.get("argocd") if delivery else None
    folders = [
        platform,
        "kustomize",
        *(["delivery"] if delivery else []),
        *(["cloud-init"] if _has_cloud_init_files(layers) else []),
    ]
    return Dependencies(frozenset(files), tuple(f"templates/{each}/" for each in folders), bool(argocd and argocd.mapping))


def _has_cloud_init_files(layers: Layered) -> bool:
    return any(is_cloud_init_file(path) for path, _ in walk(layers.content))


def find_affected(project: Project, names: tuple[str, ...], changed: Collection[Path]) -> tuple[str, ...]:
    """Those environments that a change of files can reach. The paths are absolute, with no symbolic link in them."""
    root = project.root.resolve()
    inside = {path.relative_to(root).as_posix() for path in changed if path.is_relative_to(root)}
    if any(_is_program_file(path, root) for path in changed) or any(_is_shared_file(file, project, names) for file in inside):
        return names
    files, platforms = LayerLoader(project), PlatformLoader(project)
    each = {name: find_dependencies(load_layers(name, files), platforms) for name in names}
    reached = tuple(name for name, found in each.items() if _is_affected(found, name, inside, root))
    if any(each[name].has_shared_delivery for name in reached) or (
        any(found.has_shared_delivery for found in each.values()) and _has_environment_file(inside)
    ):
        return names
    return reached


def _has_environment_file(changed: set[str]) -> bool:
    """Whether an environment may have come or gone: what environments share lists them."""
    return any(file.startswith("environments/") and file.count("/") == 1 and file.endswith(".yaml") for file in changed)


def _is_affected(found: Dependencies, name: str, changed: set[str], root: Path) -> bool:
    if found.files is None or any(found.contains(file) or _is_output_of(name, file) for file in changed):
        return True
    # What is read by way of a symbolic link changes under its other name.
    really = {(root / file).resolve() for file in found.files if (root / file).exists()}
    return any(root / file in really for file in changed)


def _is_program_file(path: Path, root: Path) -> bool:
    """Whether a file is the program's own: a change of vmgen can change every manifest."""
    if path.suffix == ".pyc":
        return False
    folders = [folder for folder in installation_folders() if folder.resolve() != root / "templates"]
    return any(path.is_relative_to(folder.resolve()) for folder in folders)


def _is_shared_file(file: str, project: Project, names: tuple[str, ...]) -> bool:
    """Whether a file is one that every environment looks at: policies, and templates that belong to no platform."""
    top, *below = file.split("/")
    if top == "templates":
        return len(below) < 2 or below[0] not in project.platform_names
    if top == "delivery":
        return Path(file).stem not in names
    return top == POLICIES


def _is_output_of(name: str, file: str) -> bool:
    """Whether a file is what an environment renders: `check` has to see that it was edited by hand."""
    return file.startswith(f"manifests/{name}/") or (file.startswith("delivery/") and Path(file).stem == name)
