"""The difference between the files in an output folder and the files that have to be there, byte for byte.

Existing files are found by listing folders, and only those at a desired path are read whole.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from vmgen.filesystem.reader import read_file, read_start
from vmgen.filesystem.writer import TEMPORARY_SUFFIX
from vmgen.plan.foreign import CONFIGURATION_KINDS, find_foreign_files, has_lost_header
from vmgen.problems import Place, Problem, Severity
from vmgen.quantities import format_count
from vmgen.read.repository import ARGOCD, DELIVERY_FOLDER, FLUX, STANDALONE_FOLDER, Project
from vmgen.rules import EMPTY_RESULT, FOREIGN_FILE, FOREIGN_FILE_IN_THE_WAY, LOST_FIRST_LINE, SYMLINKED_OUTPUT
from vmgen.yaml_text import HEADER_PREFIX

_MARK = HEADER_PREFIX.encode()


class FileChanges(NamedTuple):
    """The files of one environment to create, update and prune, by path below the output folder.

    `foreign` were not written by vmgen and are left alone; `leftovers` are temporary files of a killed run.
    """

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


def diff_files(
    project: Project, environment: str, desired: Mapping[str, bytes], permitted_kinds: frozenset[str] = frozenset()
) -> FileChanges:
    """Compare the desired files of an environment with its folder, in which foreign objects of permitted kinds may lie."""
    existing = list_existing_files(project, environment)
    root = str(project.manifests)
    updated, restored_paths, unchanged = [], [], 0
    # A folder where a manifest belongs, and a file where a folder does: neither can be replaced without losing what it holds.
    blocking = (desired.keys() & existing.folders) | (_collect_parents(desired) & existing.files)
    superfluous = sorted(existing.files - desired.keys() - blocking)
    for path in desired.keys() & existing.files:
        if read_file(f"{root}/{path}") == desired[path]:
            unchanged += 1
        elif is_owned(project, path):
            updated.append(path)
        elif has_lost_header(read_file(f"{root}/{path}"), desired[path]):
            updated.append(path)
            restored_paths.append(path)
        else:
            blocking.add(path)
    pruned = tuple(path for path in superfluous if is_owned(project, path))
    # Without our header it is a user's file, which no render deletes.
    foreign = tuple(sorted(set(superfluous).difference(pruned)))
    message = "is at the path of a manifest, but vmgen did not write it; move it"
    problems = [_report(project, path, FOREIGN_FILE_IN_THE_WAY.id, message) for path in sorted(blocking)]
    problems += find_foreign_files(project, foreign, permitted_kinds)
    message = "lacks vmgen's header; the render writes it again"
    problems += [_report(project, path, LOST_FIRST_LINE.id, message, "warning") for path in sorted(restored_paths)]
    return FileChanges(
        environment,
        created=tuple(sorted(desired.keys() - existing.files)),
        updated=tuple(sorted(updated)),
        pruned=pruned,
        unchanged=unchanged,
        foreign=foreign,
        leftovers=existing.leftovers,
        problems=(*existing.problems, *problems),
    )


class ExistingFiles(NamedTuple):
    """The content of one environment's folder: paths below the output folder, and problems of what cannot be replaced."""

    files: frozenset[str]
    folders: frozenset[str]
    leftovers: tuple[str, ...]
    problems: tuple[Problem, ...]


def list_existing_files(project: Project, environment: str) -> ExistingFiles:
    """List an environment's folder. A symbolic link is a problem: it leads out of the tree that vmgen owns."""
    files, folders, leftovers = set(), set(), []
    links = [path for path in ("", environment) if (project.manifests / path).is_symlink()]
    special_files = []
    if not links:
        # A new environment is written beside its place and renamed, so what a kill left is beside it as well.
        leftovers += _find_unfinished_folders(str(project.manifests), environment)
        for entry, path in _walk_entries(str(project.manifests / environment), environment):
            if entry.is_symlink():
                links.append(path)
            elif is_leftover(entry):
                leftovers.append(path)
            elif entry.is_file():
                files.add(path)
            elif entry.is_dir():
                folders.add(path)
            else:
                special_files.append(path)
    message = "is a symbolic link, but vmgen writes only into its own tree; replace it with a folder or file"
    problems = [_report(project, path, SYMLINKED_OUTPUT.id, message) for path in links]
    message = "is neither a file nor a folder; remove it"
    problems += [_report(project, path, FOREIGN_FILE_IN_THE_WAY.id, message) for path in special_files]
    return ExistingFiles(frozenset(files), frozenset(folders), tuple(sorted(leftovers)), tuple(problems))


def _find_unfinished_folders(manifests: str, environment: str) -> list[str]:
    """Return the folders in which a killed run was writing a new environment."""
    if not os.path.isdir(manifests):
        return []
    with os.scandir(manifests) as entries:
        return [entry.name for entry in entries if entry.name.startswith(f".{environment}.") and is_leftover(entry)]


def _walk_entries(folder: str, path: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yield the entries below a folder with their paths; nothing if it is no folder."""
    if not os.path.isdir(folder):
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            entry_path = f"{path}/{entry.name}"
            yield entry, entry_path
            # A link to a folder above would never end.
            if entry.is_dir(follow_symlinks=False) and not is_leftover(entry):
                yield from _walk_entries(entry.path, entry_path)


def _collect_parents(paths: Iterable[str]) -> set[str]:
    """Return every folder above some paths."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def is_owned(project: Project, path: str) -> bool:
    """Return true if a file below the output folder begins with the header that vmgen writes."""
    return read_start(f"{project.manifests}/{path}", len(HEADER_PREFIX)) == HEADER_PREFIX.encode()


def find_orphaned_environments(project: Project, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders that hold files of vmgen and belong to none of the named environments."""
    return tuple(
        name
        for name in list_environment_folders(project)
        if name not in names and any(is_owned(project, path) for path in list_existing_files(project, name).files)
    )


def list_environment_folders(project: Project) -> tuple[str, ...]:
    """Return the sorted names of the output folder's subfolders, without hidden ones such as `.production.vmgen-tmp`."""
    if not project.manifests.is_dir():
        return ()
    with os.scandir(project.manifests) as entries:
        return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")))


def find_emptied_environments(project: Project, all_changes: Iterable[FileChanges]) -> Iterator[Problem]:
    """Report environments that would lose all of their files, which is a mistake far more often than intended."""
    for changes in all_changes:
        if changes.pruned and not (changes.created or changes.updated or changes.unchanged):
            name, loss = changes.environment, format_count(len(changes.pruned), "file")
            message = (
                f"nothing is left of environment {name}, and {loss} would go; "
                f"restore environments/{name}.yaml, or run with --allow-empty"
            )
            yield _report(project, name, EMPTY_RESULT.id, message)


class DeliveryDiff(NamedTuple):
    """The desired files of `delivery/` by path, and their changes. `project` has `delivery/` as its output folder."""

    project: Project
    files: Mapping[str, bytes] = {}
    changes: tuple[FileChanges, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that blocks a file."""
        return tuple(problem for changes in self.changes for problem in changes.problems)


def diff_delivery(project: Project, files: Mapping[str, bytes], only: tuple[str, ...] = ()) -> DeliveryDiff:
    """Compare the desired files with `delivery/`.

    With `only`, `files` are those of these environments; files of others, and shared ones, are left alone. Foreign files get
    no warning: an AppProject, or the configuration of a plugin, may well be here. Other objects are errors.
    """
    delivery = project.with_output(DELIVERY_FOLDER)
    return DeliveryDiff(delivery, files, tuple(_diff_delivery_folders(delivery, files, only)))


def _diff_delivery_folders(delivery: Project, files: Mapping[str, bytes], only: tuple[str, ...]) -> Iterator[FileChanges]:
    folders = (ARGOCD, FLUX, STANDALONE_FOLDER)
    others = tuple(_find_other_objects(delivery, folders))
    if others:
        yield FileChanges(DELIVERY_FOLDER, (), (), (), 0, (), (), others)
    for folder in folders:
        desired = {path: content for path, content in files.items() if path.startswith(f"{folder}/")}
        changes = diff_files(delivery, folder, desired, CONFIGURATION_KINDS)
        pruned = tuple(path for path in changes.pruned if not only or parse_delivered_environment(path) in only)
        problems = tuple(problem for problem in changes.problems if problem.rule != FOREIGN_FILE.id)
        if desired or pruned or problems or changes.leftovers:
            yield changes._replace(environment=f"{DELIVERY_FOLDER}/{folder}", pruned=pruned, foreign=(), problems=problems)


def _find_other_objects(delivery: Project, folders: tuple[str, ...]) -> Iterator[Problem]:
    """Report objects beside the folders that vmgen writes: who applies `delivery/` as a whole applies them too."""
    if not delivery.manifests.is_dir():
        return
    for name in sorted(set(os.listdir(delivery.manifests)).difference(folders)):
        existing = list_existing_files(delivery, name)
        yield from existing.problems
        files = sorted(existing.files) if (delivery.manifests / name).is_dir() else [] if existing.problems else [name]
        yield from find_foreign_files(delivery, files, CONFIGURATION_KINDS, reports_others=False)


def parse_delivered_environment(path: str) -> str:
    """`argocd/production.yaml` and `standalone/production/kustomization.yaml` belong to `production`."""
    return PurePosixPath(path).parts[1].removesuffix(".yaml")


def _report(project: Project, path: str, rule: str, message: str, severity: Severity = "error") -> Problem:
    """Report a path below the output folder."""
    return Problem(Place(project.display_path(project.manifests / path)), rule, "", message, severity)


def is_leftover(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is of a killed run: it has a temporary name, and all in it begins with our mark.

    A file may have been cut short anywhere, also in its mark. What a user has named so is the user's.
    """
    return entry.name.startswith(".") and entry.name.endswith(TEMPORARY_SUFFIX) and _is_ours(entry)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    try:
        if entry.is_dir(follow_symlinks=False):
            with os.scandir(entry.path) as entries:
                return all(map(_is_ours, entries))
        if not entry.is_file(follow_symlinks=False):
            return False
        return _MARK.startswith(read_start(entry.path, len(_MARK)))
    except OSError:
        return False
