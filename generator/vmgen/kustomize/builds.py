"""Split environments into builds of kustomize, run several at a time, and compare each with the rendered manifests.

The time of a build grows with the square of its objects: a third of a second for 300, 18 seconds for 3,000.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from vmgen.kustomize.comparison import EqualityCache, compare_build, find_listing_problems
from vmgen.kustomize.engine import Kustomizer, write_overlay
from vmgen.problems import Problem, VmgenError
from vmgen.read.repository import Project
from vmgen.render.manifests import NAME_REFERENCE, is_manifest

# A build has the least time per object at this size: below it the start of kustomize dominates, above it the square.
MAX_OBJECTS_PER_BUILD = 200

FileContents = Mapping[str, bytes]


class Build(NamedTuple):
    """One build of a folder, and the manifests that it must give. Paths are below `manifests/`.

    With `is_part`, only these manifests are built; `folder` holds them all, and `configurations` are read beside them.
    """

    environment: str
    folder: str
    desired: FileContents
    is_part: bool = False
    configurations: tuple[str, ...] = ()


def plan_builds(
    project: Project, contents: Mapping[str, FileContents], *, full: bool
) -> tuple[tuple[Build, ...], tuple[Problem, ...]]:
    """Return builds that cover every manifest, and the problems of kustomization.yaml files that no build covers.

    With `full`, or up to MAX_OBJECTS_PER_BUILD objects, an environment is one build. `contents` holds the files of each
    environment. Raises OSError if a kustomization.yaml is missing.
    """
    builds: list[Build] = []
    problems: list[Problem] = []
    for environment, files in contents.items():
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
    """Yield the builds of a large environment, of MAX_OBJECTS_PER_BUILD manifests each; the first reads name-reference.yaml."""
    paths = sorted(desired)
    for start in range(0, len(paths), MAX_OBJECTS_PER_BUILD):
        part = {path: desired[path] for path in paths[start : start + MAX_OBJECTS_PER_BUILD]}
        # It is the same for every part, so that one build of it shows whether kustomize can read it.
        configurations = () if start else (f"{environment}/{NAME_REFERENCE}",)
        yield Build(
            environment,
            os.path.commonpath({path.rpartition("/")[0] for path in part}).replace(os.sep, "/"),
            part,
            is_part=True,
            configurations=configurations,
        )


def verify_builds(
    project: Project,
    builds: Sequence[Build],
    on_built: Callable[[str], None],
    *,
    jobs: int = 1,
    binary: str | None = None,
    on_engine: Callable[[str], None] | None = None,
) -> list[Problem]:
    """Run builds and return where they differ from the rendered manifests, in the order of the builds.

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
        self._has_failed = False
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
        if self._has_failed:  # the result is never read: that of an earlier build raises first
            return []
        try:
            output = self._run_build(build)
        except (VmgenError, OSError):
            self._has_failed = True
            raise
        display_path = self._project.display_path(self._project.manifests / build.folder)
        problems = compare_build(build.folder, display_path, output, build.desired, self._equality_cache)
        with self._lock:
            self._on_built(build.folder)
        return problems

    def _run_build(self, build: Build) -> bytes:
        manifests, objects = self._project.manifests, len(build.desired)
        display_path = self._project.display_path(manifests / build.environment)
        if not build.is_part:
            return self._kustomizer.build(manifests / build.environment, display_path, objects)
        resources, configurations = ([manifests / path for path in paths] for paths in (build.desired, build.configurations))
        with write_overlay(resources, configurations) as folder:
            origin = (manifests, self._project.display_path(manifests))
            return self._kustomizer.build(folder, display_path, objects, manifests=origin)
