"""What the engine is given to build of an environment: all of it at once, or, where it is large, its folders by themselves.

The time of a build grows with the square of its objects: it is a third of a second for 300, and 18 seconds for 3,000.

The builds of a run, as many at a time as there are processors, each compared with what was rendered.
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

# Where the share of one object in a build is smallest: in smaller ones the start of the engine weighs more, as long as the
# build of some hundred objects; in larger ones the square does.
MAX_OBJECTS_PER_BUILD = 300
# A folder of fewer objects shares a build with others: to start the engine for each would take longer than all the rest.
MIN_OBJECTS_PER_BUILD = 30

FileContents = Mapping[str, bytes]


class Build(NamedTuple):
    """One build of the engine, of a folder, and the manifests whose objects have to come out of it.

    With `entries` it is of an excerpt of the environment that holds just these files and folders, all of which lie in `folder`.
    Paths are below `manifests/`.
    """

    environment: str
    folder: str
    desired: FileContents
    entries: tuple[str, ...] = ()


def plan_builds(
    project: Project, rendered: Mapping[str, FileContents], *, full: bool
) -> tuple[tuple[Build, ...], tuple[Problem, ...]]:
    """The builds that together take in each manifest of some environments, and what is wrong with the lists that none takes in.

    With `full`, each environment is built from its root, however long it takes.
    """
    builds: list[Build] = []
    problems: list[Problem] = []
    for environment, files in rendered.items():
        wanted = {path: content for path, content in files.items() if is_manifest(path)}
        wrong = None if full or len(wanted) <= MAX_OBJECTS_PER_BUILD else find_listing_problems(project, files)
        problems.extend(wrong or ())
        builds.extend([Build(environment, environment, wanted)] if wrong is None else _split_environment(environment, wanted))
    return tuple(builds), tuple(problems)


def _split_environment(environment: str, wanted: FileContents) -> Iterator[Build]:
    """The builds of a large environment. One at least is of an excerpt, where alone the engine reads name-reference.yaml."""
    small: list[tuple[str, FileContents]] = []
    for folder, files in sorted(_group_by_folder(wanted).items()):
        if folder.count("/") == 1:
            small.extend((path, {path: files[path]}) for path in sorted(files))
        elif len(files) < MIN_OBJECTS_PER_BUILD:
            small.append((folder, files))
        else:
            yield Build(environment, folder, files)
    if not small:
        first = min(wanted)
        small.append((first, {first: wanted[first]}))
    yield from _pack_partial_builds(environment, small)


def _group_by_folder(wanted: FileContents) -> Mapping[str, FileContents]:
    found: dict[str, dict[str, bytes]] = {}
    for path, content in wanted.items():
        found.setdefault(path.rpartition("/")[0], {})[path] = content
    return found


def _pack_partial_builds(environment: str, entries: Iterable[tuple[str, FileContents]]) -> Iterator[Build]:
    paths: list[str] = []
    wanted: dict[str, bytes] = {}
    for path, files in entries:
        if paths and len(wanted) + len(files) > MAX_OBJECTS_PER_BUILD:
            yield _create_partial_build(environment, paths, wanted)
            paths, wanted = [], {}
        paths.append(path)
        wanted |= files
    yield _create_partial_build(environment, paths, wanted)


def _create_partial_build(environment: str, paths: list[str], wanted: FileContents) -> Build:
    folders = {path.rpartition("/")[0] for path in wanted}
    return Build(environment, os.path.commonpath(folders).replace(os.sep, "/"), wanted, tuple(paths))


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
