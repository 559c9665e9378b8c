"""What the engine is given to build of an environment: all of it at once, or, where it is large, its folders by themselves.

The time of a build grows with the square of its objects: it is a third of a second for 300, and 18 seconds for 3,000.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.compare.kustomize.comparison import is_manifest
from vmgen.compare.kustomize.lists import misread
from vmgen.problems import Problem
from vmgen.read.project import Project

# Where the share of one object in a build is smallest: in smaller ones the start of the engine weighs more, as long as the
# build of some hundred objects; in larger ones the square does.
MOST_AT_ONCE = 300
# A folder of fewer objects shares a build with others: to start the engine for each would take longer than all the rest.
FEW = 30

Files = Mapping[str, bytes]


class Build(NamedTuple):
    """One build of the engine, of a folder, and the manifests whose objects have to come out of it.

    With `entries` it is of an excerpt of the environment that holds just these files and folders, all of which lie in `folder`.
    Paths are below `manifests/`.
    """

    environment: str
    folder: str
    wanted: Files
    entries: tuple[str, ...] = ()


def planned(project: Project, rendered: Mapping[str, Files], *, full: bool) -> tuple[tuple[Build, ...], tuple[Problem, ...]]:
    """The builds that together take in each manifest of some environments, and what is wrong with the lists that none takes in.

    With `full`, each environment is built from its root, however long it takes.
    """
    builds: list[Build] = []
    problems: list[Problem] = []
    for environment, files in rendered.items():
        wanted = {path: content for path, content in files.items() if is_manifest(path)}
        wrong = None if full or len(wanted) <= MOST_AT_ONCE else misread(project, files)
        problems.extend(wrong or ())
        builds.extend([Build(environment, environment, wanted)] if wrong is None else _parts(environment, wanted))
    return tuple(builds), tuple(problems)


def _parts(environment: str, wanted: Files) -> Iterator[Build]:
    """The builds of a large environment. One at least is of an excerpt, where alone the engine reads name-reference.yaml."""
    small: list[tuple[str, Files]] = []
    for folder, files in sorted(_by_folder(wanted).items()):
        if folder.count("/") == 1:
            small.extend((path, {path: files[path]}) for path in sorted(files))
        elif len(files) < FEW:
            small.append((folder, files))
        else:
            yield Build(environment, folder, files)
    if not small:
        first = min(wanted)
        small.append((first, {first: wanted[first]}))
    yield from _excerpts(environment, small)


def _by_folder(wanted: Files) -> Mapping[str, Files]:
    found: dict[str, dict[str, bytes]] = {}
    for path, content in wanted.items():
        found.setdefault(path.rpartition("/")[0], {})[path] = content
    return found


def _excerpts(environment: str, entries: Iterable[tuple[str, Files]]) -> Iterator[Build]:
    paths: list[str] = []
    wanted: dict[str, bytes] = {}
    for path, files in entries:
        if paths and len(wanted) + len(files) > MOST_AT_ONCE:
            yield _excerpt(environment, paths, wanted)
            paths, wanted = [], {}
        paths.append(path)
        wanted |= files
    yield _excerpt(environment, paths, wanted)


def _excerpt(environment: str, paths: list[str], wanted: Files) -> Build:
    folders = {path.rpartition("/")[0] for path in wanted}
    return Build(environment, os.path.commonpath(folders).replace(os.sep, "/"), wanted, tuple(paths))
