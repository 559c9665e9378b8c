"""The builds of a run, as many at a time as there are processors, each compared with what was rendered."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from vmgen.compare.kustomize.comparison import compare_build
from vmgen.compare.kustomize.excerpt import write_partial_overlay
from vmgen.compare.kustomize.parts import Build
from vmgen.compare.kustomize.program import Kustomizer
from vmgen.compare.kustomize.shapes import EqualityCache
from vmgen.problems import Problem, VmgenError
from vmgen.read.project import Project


def verify_builds(project: Project, builds: Sequence[Build], told: Callable[[str], None], *, jobs: int = 1) -> list[Problem]:
    """Where what the engine builds is not what was rendered, in the order of the builds; `told` hears the folder of each.

    `jobs` builds at a time; as many as there are processors where it is 1. VmgenError where one cannot be built; then the
    others end too.
    """
    if not builds:
        return []
    # The longest first, so that none of them is begun last.
    order = sorted(range(len(builds)), key=lambda index: -len(builds[index].desired))
    run = _BuildPool(project, Kustomizer(), told)
    found = run.verify_all([builds[index] for index in order], jobs if jobs > 1 else os.cpu_count() or 1)
    return [problem for _, problems in sorted(zip(order, found)) for problem in problems]


class _BuildPool:
    """What the builds of a run share."""

    def __init__(self, project: Project, engine: Kustomizer, told: Callable[[str], None]) -> None:
        self._project = project
        self._kustomizer = engine
        self._on_built = told
        self._equality_cache = EqualityCache()
        self._failed = False
        self._lock = threading.Lock()

    def verify_all(self, builds: Sequence[Build], at_once: int) -> list[list[Problem]]:
        """The problems of each build. The error of the first that fails is raised, whichever is the first to end."""
        if min(at_once, len(builds)) == 1:
            return [self._verify(build) for build in builds]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(at_once, len(builds))) as pool:
            futures = [pool.submit(self._verify, build) for build in builds]
            try:
                return [future.result() for future in futures]
            finally:  # where one failed, and at Ctrl-C, the others are still to end
                self._kustomizer.stop()
                pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, build: Build) -> list[Problem]:
        if self._failed:  # the error is raised before anybody asks what this build gave: it was begun later
            return []
        try:
            made = self._run_build(build)
        except (VmgenError, OSError):
            self._failed = True
            raise
        shown = self._project.display_path(self._project.manifests / build.folder)
        found = compare_build(build.folder, shown, made, build.desired, self._equality_cache)
        with self._lock:
            self._on_built(build.folder)
        return found

    def _run_build(self, build: Build) -> bytes:
        project = self._project
        if not build.entries:
            folder = project.manifests / build.folder
            return self._kustomizer.build(folder, project.display_path(folder))
        with write_partial_overlay(project.manifests, build.environment, build.entries) as folder:
            return self._kustomizer.build(folder, project.display_path(project.manifests / build.environment))
