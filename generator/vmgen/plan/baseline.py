"""The baseline of a plan: the manifests committed at a Git ref, or the files in `manifests/` outside of Git."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from vmgen.plan.diff import FileChanges, is_owned, list_environment_folders, list_existing_files, read_bytes
from vmgen.plan.git import Repository, find_repository
from vmgen.problems import VmgenError
from vmgen.read.repository import Project, find_environments

HEAD = "HEAD"


class Baseline(NamedTuple):
    """The manifests that a plan starts from: those committed at `ref`; without a `repository`, the files.

    `blobs` maps paths below `manifests/` to Git blob ids. `head_is_behind` is set if HEAD lacks commits of the ref.
    """

    project: Project
    ref: str = ""
    repository: Repository | None = None
    blobs: Mapping[str, str] = {}
    head_is_behind: bool = False

    @property
    def environments(self) -> tuple[str, ...]:
        """The sorted names of the folders that hold manifests."""
        if self.repository is None:
            return list_environment_folders(self.project)
        return tuple(sorted({path.partition("/")[0] for path in self.blobs if "/" in path}))

    def contains(self, path: str) -> bool:
        """Return true if a manifest exists at a path, whatever its content."""
        return path in self.blobs if self.repository else self._is_file(path)

    def find_differing(
        self, environments: Iterable[str], desired: Mapping[str, bytes], known_changes: Iterable[FileChanges] = ()
    ) -> Mapping[str, bytes]:
        """Return the manifests of some environments that are not desired, or desired with other bytes.

        Foreign files that still exist are left out, since vmgen does not delete them. `known_changes` save reading the files
        of their environments again where the baseline is the files. Raises VmgenError if git fails.
        """
        if self.repository:
            return self._find_differing_blobs(self.repository, set(environments), desired)
        names, root = set(environments), self.project.manifests
        changes_by_name = {changes.environment: changes for changes in known_changes if changes.environment in names}
        paths = [path for _, changes in sorted(changes_by_name.items()) for path in sorted((*changes.updated, *changes.pruned))]
        contents = {path: read_bytes(f"{root}/{path}") for path in paths}
        return {**contents, **dict(self._find_differing_files(names - changes_by_name.keys(), desired))}

    def _find_differing_blobs(
        self, repository: Repository, environments: set[str], desired: Mapping[str, bytes]
    ) -> Mapping[str, bytes]:
        hash_blob = repository.blob_hasher
        paths = [
            path
            for path, blob in self.blobs.items()
            if path.partition("/")[0] in environments
            and (hash_blob(desired[path]) != blob if path in desired else not self._is_foreign(path))
        ]
        return dict(zip(paths, repository.read_blobs(self.blobs[path] for path in paths))) if paths else {}

    def _find_differing_files(self, environments: set[str], desired: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
        for environment in sorted(environments):
            for path in sorted(list_existing_files(self.project, environment).files):
                content = read_bytes(f"{self.project.manifests}/{path}")
                if content != desired.get(path) and (path in desired or not self._is_foreign(path)):
                    yield path, content

    def _is_foreign(self, path: str) -> bool:
        return self._is_file(path) and not is_owned(self.project, path)

    def _is_file(self, path: str) -> bool:
        return os.path.isfile(os.path.join(self.project.root, self.project.output, path))


class PlanBase(NamedTuple):
    """The start of a plan. `removed_environments` are environments of the baseline whose file no longer exists.

    `today` decides which tombstones count, and nothing else: no byte of a manifest depends on it.
    """

    baseline: Baseline
    today: date
    removed_environments: tuple[str, ...] = ()


def load_plan_base(project: Project, against: str | None, today: date, *, whole: bool) -> PlanBase:
    """Load the baseline at a ref, HEAD for None. Without `whole` the run is of some environments, so none counts as removed.

    Raises VmgenError as `load_baseline` does.
    """
    baseline = load_baseline(project, against)
    if not whole:
        return PlanBase(baseline, today)
    current, _ = find_environments(project)
    return PlanBase(baseline, today, tuple(name for name in baseline.environments if name not in current))


def load_baseline(project: Project, against: str | None = None) -> Baseline:
    """Load the baseline at a ref, HEAD for None; outside of Git, the files.

    Raises VmgenError if a ref is named outside of Git or does not exist, and if git cannot read the repository.
    """
    repository = find_repository(project.root)
    if repository is None:
        if against:
            raise VmgenError(f"--against {against} needs a git repository, and {project.root} is in none")
        return Baseline(project)
    commit = repository.resolve_commit(against or HEAD)
    if commit is None:
        if against:
            raise VmgenError(repository.explain_missing_ref(against))
        return Baseline(project, HEAD, repository)
    blobs = repository.list_files(commit, project.manifests.name)
    if blobs is None:
        return Baseline(project)
    head_is_behind = bool(against) and not repository.head_contains(commit)
    return Baseline(project, against or HEAD, repository, blobs, head_is_behind)
