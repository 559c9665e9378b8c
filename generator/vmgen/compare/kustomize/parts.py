"""What the engine is given to build of an environment: all of it at once, or, where it is large, its folders by themselves.

The time of a build grows with the square of its objects: it is a third of a second for 300, and 18 seconds for 3,000.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.compare.kustomize.comparison import is_manifest
from vmgen.compare.kustomize.lists import find_listing_problems
from vmgen.problems import Problem
from vmgen.read.project import Project

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
