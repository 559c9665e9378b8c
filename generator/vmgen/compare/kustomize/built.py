"""The builds of a run, as many at a time as there are processors, each compared with what was rendered."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from vmgen.compare.kustomize.comparison import differences
from vmgen.compare.kustomize.excerpt import excerpt
from vmgen.compare.kustomize.parts import Build
from vmgen.compare.kustomize.program import Engine
from vmgen.compare.kustomize.shapes import Shapes
from vmgen.problems import Problem, VmgenError
from vmgen.read.project import Project


def differing(project: Project, builds: Sequence[Build], told: Callable[[str], None], *, jobs: int = 1) -> list[Problem]:
    """Where what the engine builds is not what was rendered, in the order of the builds; `told` hears the folder of each.

    `jobs` builds at a time; as many as there are processors where it is 1. VmgenError where one cannot be built; then the
    others end too.
    """
    if not builds:
        return []
    # The longest first, so that none of them is begun last.
    order = sorted(range(len(builds)), key=lambda index: -len(builds[index].wanted))
    run = _Run(project, Engine(), told)
    found = run.all([builds[index] for index in order], jobs if jobs > 1 else os.cpu_count() or 1)
    return [problem for _, problems in sorted(zip(order, found)) for problem in problems]


class _Run:
    """What the builds of a run share."""

    def __init__(self, project: Project, engine: Engine, told: Callable[[str], None]) -> None:
        self._project = project
        self._engine = engine
        self._told = told
        self._shapes = Shapes()
        self._failed = False
        self._lock = threading.Lock()

    def all(self, builds: Sequence[Build], at_once: int) -> list[list[Problem]]:
        """The problems of each build. The error of the first that fails is raised, whichever is the first to end."""
        if min(at_once, len(builds)) == 1:
            return [self._problems(build) for build in builds]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(at_once, len(builds))) as pool:
            futures = [pool.submit(self._problems, build) for build in builds]
            try:
                return [future.result() for future in futures]
            finally:  # where one failed, and at Ctrl-C, the others are still to end
                self._engine.stop()
                pool.shutdown(wait=False, cancel_futures=True)

    def _problems(self, build: Build) -> list[Problem]:
        if self._failed:  # the error is raised before anybody asks what this build gave: it was begun later
            return []
        try:
            made = self._made(build)
        except (VmgenError, OSError):
            self._failed = True
            raise
        shown = self._project.shown(self._project.manifests / build.folder)
        found = differences(build.folder, shown, made, build.wanted, self._shapes)
        with self._lock:
            self._told(build.folder)
        return found

    def _made(self, build: Build) -> bytes:
        project = self._project
        if not build.entries:
            folder = project.manifests / build.folder
            return self._engine.build(folder, project.shown(folder))
        with excerpt(project.manifests, build.environment, build.entries) as folder:
            return self._engine.build(folder, project.shown(project.manifests / build.environment))
