"""Which files an environment is rendered from, and so which environments a change of files can reach: never too few."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from vmgen.merge.layers import Layered, files_of, is_form, layered
from vmgen.problems import Refused, has_errors
from vmgen.read.layer_file import Files
from vmgen.read.located import INVALID, walk
from vmgen.read.platform import DEFAULT_PLATFORM, Platforms
from vmgen.read.policies import FOLDER as POLICIES
from vmgen.read.project import Project, program_folders

# Files beside the environments that every one of them reads if they are there.
_FOR_ALL = ("environments/_defaults.yaml", "environments/_catalog.yaml")


class Dependencies(NamedTuple):
    """The files of one environment, by their names in messages, and the folders of templates that it may read all of.

    `files` is None where the environment cannot be read: it may depend on anything. `shares` says that Argo CD delivers
    it: such environments have files in common, which are made from all of them.
    """

    files: frozenset[str] | None
    folders: tuple[str, ...] = ()
    shares: bool = False

    def have(self, file: str) -> bool:
        """Whether the environment may be made from a file of this name."""
        return self.files is None or file in self.files or file.startswith(self.folders)


def dependencies(layers: Layered, platforms: Platforms) -> Dependencies:
    """What an environment whose layers are merged is made from."""
    written = layers.content.get("platform")
    platform = str(written.data) if written and written.data is not INVALID else DEFAULT_PLATFORM
    if has_errors(layers.problems) or platform not in platforms.project.platforms:
        return Dependencies(None)
    try:
        found = platforms.named(platform)
    except Refused:
        return Dependencies(None)
    files = {*_FOR_ALL, layers.file, *files_of(layers.files, platforms.project)}
    for content in (found.content, found.catalog.content):
        for _, value in walk(content):
            while value:
                files.add(value.place.file)
                if value.under is None:
                    break
                value = value.under
    delivery = layers.content.get("delivery")
    argocd = delivery.get("argocd") if delivery else None
    folders = [platform, "kustomize", *(["delivery"] if delivery else []), *(["cloud-init"] if _has_forms(layers) else [])]
    return Dependencies(frozenset(files), tuple(f"templates/{each}/" for each in folders), bool(argocd and argocd.mapping))


def _has_forms(layers: Layered) -> bool:
    return any(is_form(path) for path, _ in walk(layers.content))


def affected(project: Project, names: tuple[str, ...], changed: Collection[Path]) -> tuple[str, ...]:
    """Those environments that a change of files can reach. The paths are absolute, with no symbolic link in them."""
    root = project.root.resolve()
    inside = {path.relative_to(root).as_posix() for path in changed if path.is_relative_to(root)}
    if any(_in_the_program(path, root) for path in changed) or any(_for_all(file, project, names) for file in inside):
        return names
    files, platforms = Files(project), Platforms(project)
    each = {name: dependencies(layered(name, files), platforms) for name in names}
    reached = tuple(name for name, found in each.items() if _reached(found, name, inside, root))
    if any(each[name].shares for name in reached) or (any(found.shares for found in each.values()) and _listed(inside)):
        return names
    return reached


def _listed(changed: set[str]) -> bool:
    """Whether an environment may have come or gone: what environments share lists them."""
    return any(file.startswith("environments/") and file.count("/") == 1 and file.endswith(".yaml") for file in changed)


def _reached(found: Dependencies, name: str, changed: set[str], root: Path) -> bool:
    if found.files is None or any(found.have(file) or _output_of(name, file) for file in changed):
        return True
    # What is read by way of a symbolic link changes under its other name.
    really = {(root / file).resolve() for file in found.files if (root / file).exists()}
    return any(root / file in really for file in changed)


def _in_the_program(path: Path, root: Path) -> bool:
    """Whether a file is the program's own: a change of vmgen can change every manifest."""
    if path.suffix == ".pyc":
        return False
    folders = [folder for folder in program_folders() if folder.resolve() != root / "templates"]
    return any(path.is_relative_to(folder.resolve()) for folder in folders)


def _for_all(file: str, project: Project, names: tuple[str, ...]) -> bool:
    """Whether a file is one that every environment looks at: policies, and templates that belong to no platform."""
    top, *below = file.split("/")
    if top == "templates":
        return len(below) < 2 or below[0] not in project.platforms
    if top == "delivery":
        return Path(file).stem not in names
    return top == POLICIES


def _output_of(name: str, file: str) -> bool:
    """Whether a file is what an environment renders: `check` has to see that it was edited by hand."""
    return file.startswith(f"manifests/{name}/") or (file.startswith("delivery/") and Path(file).stem == name)
