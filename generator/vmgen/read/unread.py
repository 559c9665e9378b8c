"""Files that look like environments or layers and are none: they are named, so that nobody relies on them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from vmgen.filesystem.reader import read_start
from vmgen.problems import Place, Problem
from vmgen.read.repository import Project
from vmgen.rules import UNREAD_FILE

_YAML_SUFFIXES = (".yaml", ".yml")
_SHARED_FILES = ("_defaults", "_catalog")
_MAX_BYTES = 16 * 1024 * 1024
# At the beginning of a line, as the top level of an environment is written.
_NAMESPACE = re.compile(rb"^namespace[ ]*:", re.MULTILINE)
_OBJECTS = re.compile(rb"^(vms|disks)[ ]*:", re.MULTILINE)


def find_unread_files(project: Project) -> Iterator[Problem]:
    """Report files that nobody reads: `_defaults.yml`, and environments in subfolders that no file names.

    Policies that nobody reads are errors of `render/policies.py`.
    """
    for path in _list_yaml_files(project.environments):
        if path.parent == project.environments:
            if path.stem in _SHARED_FILES and path.suffix != ".yaml":
                yield _report(project, path, f"rename it to {path.stem}.yaml")
            continue
        content = _read(path)
        if _NAMESPACE.search(content) and _OBJECTS.search(content) and not _is_named(project, path):
            remedy = "an environment must be in environments/ itself, and a layer must be named by `extends:`"
            yield _report(project, path, remedy)


def _report(project: Project, path: Path, remedy: str) -> Problem:
    return UNREAD_FILE.build_problem(Place(project.display_path(path)), "", f"not read: {remedy}")


def _list_yaml_files(folder: Path) -> list[Path]:
    """Return the YAML files below a folder, hidden ones left out, sorted."""
    paths = []
    for parent, folders, names in os.walk(folder):
        # In place, as os.walk wants it. https://docs.python.org/3/library/os.html#os.walk
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(parent, name) for name in names if name.lower().endswith(_YAML_SUFFIXES) and not name.startswith(".")]
    return sorted(path for path in paths if path.is_file())


def _is_named(project: Project, path: Path) -> bool:
    """Return true if another file below environments/ has the name of a file in its text, as `extends:` and templates do."""
    name = path.name.encode()
    return any(name in _read(other) for other in _list_yaml_files(project.environments) if other != path)


def _read(path: Path) -> bytes:
    try:
        return read_start(str(path), _MAX_BYTES)
    except OSError:
        # The reader of a layer reports it, if anything names it.
        return b""
