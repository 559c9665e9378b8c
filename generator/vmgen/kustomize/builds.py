"""Split environments into builds of kustomize, run several at a time, and compare each with what was rendered.

The time of a build grows with the square of its objects: a third of a second for 300, 18 seconds for 3,000.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from vmgen.kustomize.comparison import EqualityCache, compare_build, find_listing_problems, is_manifest
from vmgen.kustomize.engine import Kustomizer, write_partial_overlay
from vmgen.problems import Problem, VmgenError
from vmgen.read.repository import Project

# A build has the least time per object at this size: below it the start of kustomize dominates, above it the square.
MAX_OBJECTS_PER_BUILD = 300
# Smaller folders share a build, since kustomize takes longer to start than to build them.
MIN_OBJECTS_PER_BUILD = 30

FileContents = Mapping[str, bytes]


class Build(NamedTuple):
    """One build of a folder, and the manifests that it must give. Paths are below `manifests/`.

    With `entries`, a copy of only these files and folders of the environment is built; `folder` holds them all.
    """

    environment: str
    folder: str
    desired: FileContents
    entries: tuple[str, ...] = ()


def plan_builds(
    project: Project, rendered: Mapping[str, FileContents], *, full: bool
) -> tuple[tuple[Build, ...], tuple[Problem, ...]]:
    """Return builds that cover every manifest, and the problems of kustomization.yaml files that no build covers.

    With `full`, or up to MAX_OBJECTS_PER_BUILD objects, an environment is one build. `rendered` holds the files of each
    environment. Raises OSError if a kustomization.yaml is missing.
    """
    builds: list[Build] = []
    problems: list[Problem] = []
    for environment, files in rendered.items():
        desired = {path: content for path, content in files.items() if is_manifest(path)}
        listing_problems = None
        if not full and len(desired) > MAX_OBJECTS_PER_BUILD:
            listing_problems = find_listing_problems(project, files)
        if listing_problems is None:
            builds.append(Build(environment, environment, desired))
        else:
            problems.extend(listing_problems)
            builds.extend(_split_environment(environment, desired))
    return tuple(builds), tuple(problems)


def _split_environment(environment: str, desired: FileContents) -> Iterator[Build]:
    """Yield the builds of a large environment: its large groups, then the rest in partial builds.

    There is at least one partial build, since kustomize reads name-reference.yaml in no other.
    """
    entries: dict[str, FileContents] = {}
    for folder, files in sorted(_group_by_folder(desired).items()):
        if folder.count("/") == 1:  # standalone disks, beside the folders of the groups
            entries |= {path: {path: files[path]} for path in sorted(files)}
        elif len(files) < MIN_OBJECTS_PER_BUILD:
            entries[folder] = files
        else:
            yield Build(environment, folder, files)
    if not entries:
        path = min(desired)
        entries[path] = {path: desired[path]}
    yield from _pack_partial_builds(environment, entries)


def _group_by_folder(files: FileContents) -> Mapping[str, FileContents]:
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        folders.setdefault(path.rpartition("/")[0], {})[path] = content
    return folders


def _pack_partial_builds(environment: str, entries: Mapping[str, FileContents]) -> Iterator[Build]:
    """Yield builds of as many entries each as MAX_OBJECTS_PER_BUILD allows."""
    paths: list[str] = []
    desired: dict[str, bytes] = {}
    for path, files in entries.items():
        if paths and len(desired) + len(files) > MAX_OBJECTS_PER_BUILD:
            yield Build(environment, _find_common_folder(desired), desired, tuple(paths))
            paths, desired = [], {}
        paths.append(path)
        desired |= files
    yield Build(environment, _find_common_folder(desired), desired, tuple(paths))


def _find_common_folder(paths: Iterable[str]) -> str:
    return os.path.commonpath({path.rpartition("/")[0] for path in paths}).replace(os.sep, "/")


def verify_builds(
    project: Project,
    builds: Sequence[Build],
    on_built: Callable[[str], None],
    *,
    jobs: int = 1,
    binary: str | None = None,
    on_engine: Callable[[str], None] | None = None,
) -> list[Problem]:
    """Run builds and return where they differ from what was rendered, in the order of the builds.

    `on_built` is called with the folder of each. `jobs` builds run at a time; with 1, as many as there are processors.
    `binary` is the engine, if not the one that is found; `on_engine` is called with its path and version. Raises VmgenError
    if kustomize is missing or fails, and stops the other builds then.
    """
    if not builds:
        return []
    kustomizer = Kustomizer(binary)
    if on_engine:
        on_engine(kustomizer.version)
    # The longest first, so that none of them is begun last.
    order = sorted(range(len(builds)), key=lambda index: -len(builds[index].desired))
    pool = _BuildPool(project, kustomizer, on_built)
    results = pool.verify_all([builds[index] for index in order], jobs if jobs > 1 else os.cpu_count() or 1)
    return [problem for _, problems in sorted(zip(order, results)) for problem in problems]


class _BuildPool:
    """Verifies builds in threads, with one Kustomizer and one EqualityCache for all."""

    def __init__(self, project: Project, kustomizer: Kustomizer, on_built: Callable[[str], None]) -> None:
        self._project = project
        self._kustomizer = kustomizer
        self._on_built = on_built
        self._equality_cache = EqualityCache()
        self._failed = False
        self._lock = threading.Lock()

    def verify_all(self, builds: Sequence[Build], jobs: int) -> list[list[Problem]]:
        """Return the problems of each build. Raises the error of the first build in order that fails, not in time."""
        workers = min(jobs, len(builds))
        if workers == 1:
            return [self._verify(build) for build in builds]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(workers) as executor:
            futures = [executor.submit(self._verify, build) for build in builds]
            try:
                return [future.result() for future in futures]
            finally:  # after an error or Ctrl-C, builds are still running
                self._kustomizer.stop()
                executor.shutdown(wait=False, cancel_futures=True)

    def _verify(self, build: Build) -> list[Problem]:
        if self._failed:  # the result is never read: that of an earlier build raises first
            return []
        try:
            output = self._run_build(build)
        except (VmgenError, OSError):
            self._failed = True
            raise
        display_path = self._project.display_path(self._project.manifests / build.folder)
        problems = compare_build(build.folder, display_path, output, build.desired, self._equality_cache)
        with self._lock:
            self._on_built(build.folder)
        return problems

    def _run_build(self, build: Build) -> bytes:
        manifests, display_path = self._project.manifests, self._project.display_path
        if not build.entries:
            return self._kustomizer.build(manifests / build.folder, display_path(manifests / build.folder), len(build.desired))
        with write_partial_overlay(manifests, build.environment, build.entries) as folder:
            return self._kustomizer.build(folder, display_path(manifests / build.environment), len(build.desired))
