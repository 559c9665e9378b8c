"""What exists already, for a plan to start from: the manifests that are committed at a ref, or outside of Git the files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from typing import NamedTuple

from vmgen.plan.diff import FileChanges, is_owned, list_existing_files
from vmgen.plan.git import Repository, find_repository
from vmgen.problems import VmgenError
from vmgen.read.repository import Project, find_environments

HEAD = "HEAD"


class _BaselineFields(NamedTuple):
    project: Project
    ref: str = ""
    repository: Repository | None = None
    blobs: Mapping[str, str] = {}
    head_is_behind: bool = False


class Baseline(_BaselineFields):
    """The manifests to start from. `ref` names where they are committed, and is empty where they are the files.

    `blobs` are the ids that Git gives to what is committed, by path below `manifests/`.
    """

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """The folders that hold manifests."""
        if self.repository:
            return tuple(sorted({path.partition("/")[0] for path in self.blobs if "/" in path}))
        folder = self.project.manifests
        entries = folder.iterdir() if folder.is_dir() else ()
        return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")))

    def contains(self, path: str) -> bool:
        """Whether there is a manifest at a path; it may differ from what is wanted there."""
        return path in self.blobs if self.repository else os.path.isfile(f"{self._root}/{path}")

    def find_differing(
        self, environments: Iterable[str], wanted: Mapping[str, bytes], compared: Iterable[FileChanges] = ()
    ) -> Mapping[str, bytes]:
        """The manifests of some environments that are not what is wanted at their path, or not wanted at all.

        A file that vmgen did not write and that still lies there is left out: nobody takes it away. `compared` are what is
        known of how the files differ; where the baseline is the files, those environments are not read once more.
        """
        chosen = set(environments)
        if not self.repository:
            known = {each.environment: (*each.updated, *each.pruned) for each in compared}
            paths = [path for name in sorted(chosen & known.keys()) for path in sorted(known[name])]
            read = {path: self._read_content(path) for path in paths}
            return {**read, **dict(self._find_differing_files(chosen - known.keys(), wanted))}
        identity = self.repository.blob_hasher
        paths = [
            path
            for path, blob in self.blobs.items()
            if path.partition("/")[0] in chosen and (path not in wanted or identity(wanted[path]) != blob)
        ]
        paths = [path for path in paths if path in wanted or not self._is_foreign(path)]
        return dict(zip(paths, self.repository.read_blobs(self.blobs[path] for path in paths))) if paths else {}

    def _find_differing_files(self, environments: set[str], wanted: Mapping[str, bytes]) -> Iterable[tuple[str, bytes]]:
        for environment in sorted(environments):
            for path in sorted(list_existing_files(self.project, environment).files):
                content = self._read_content(path)
                if content != wanted.get(path) and (path in wanted or not self._is_foreign(path)):
                    yield path, content

    def _is_foreign(self, path: str) -> bool:
        return os.path.isfile(f"{self._root}/{path}") and not is_owned(self.project, path)

    def _read_content(self, path: str) -> bytes:
        with open(f"{self._root}/{path}", "rb", buffering=0) as stream:
            return stream.read()

    @cached_property
    def _root(self) -> str:
        return str(self.project.manifests)


class PlanBase(NamedTuple):
    """Where a plan starts from. `gone` are the environments of the baseline that have no file any more.

    `today` decides which tombstones count, and nothing else: no byte of a manifest depends on it.
    """

    baseline: Baseline
    today: date
    removed_environments: tuple[str, ...] = ()


def load_baseline(project: Project, against: str | None = None) -> Baseline:
    """What is committed at a ref, HEAD where none is named; outside of Git the files, and then no ref can be named."""
    found = find_repository(project.root)
    if found is None:
        if against:
            raise VmgenError(f"--against {against} needs a git repository, and {project.root} is in none")
        return Baseline(project)
    commit = found.resolve_commit(against or HEAD)
    if commit is None and against:
        raise VmgenError(found.explain_missing_ref(against))
    below = project.manifests.name
    blobs = found.list_files(commit, below) if commit else {}
    if blobs is None:
        return Baseline(project)
    behind = bool(against and commit) and not found.head_contains(commit or "")
    return Baseline(project, against or HEAD, found, blobs, behind)


def load_plan_base(project: Project, against: str | None, today: date, *, whole: bool) -> PlanBase:
    """Where a plan against a ref starts. `whole` says that the run is of all environments, so what has no file is gone."""
    found = load_baseline(project, against)
    known = find_environments(project)[0] if whole else found.environments
    return PlanBase(found, today, tuple(name for name in found.environments if name not in known))
