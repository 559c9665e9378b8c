"""Read a catalog, a policy, or a data file or schema of a platform. A file that may not be read is a problem at its place."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from vmgen.problems import Place, Problem, ProblemsError, VmgenError
from vmgen.read.located import Located
from vmgen.read.nesting import parse_json
from vmgen.read.repository import Project
from vmgen.read.yaml_reader import read_yaml
from vmgen.rules import FILE_TOO_LARGE, UNREADABLE_FILE

# A catalog, a policy, the data and the schemas of a platform are merged and validated as a whole, for each version. A layer,
# of which only groups and VMs grow, may be larger.
_MAX_BYTES = 2 * 1024 * 1024
_MAX_VALUES = 100_000


def read_yaml_file(path: Path, project: Project) -> tuple[Located | None, list[Problem]]:
    """Return the one document of a catalog, a policy or a data file of a platform, as `read_yaml` does.

    None with a problem if the file may not be read, or is too large.
    """
    file = project.display_path(path)
    try:
        return read_yaml(project.read_source(path, _MAX_BYTES), file, _MAX_VALUES)
    except OSError as error:
        return None, [describe_unreadable(file, error)]


def read_json_file(path: Path, project: Project) -> Any:
    """Return the value of a schema in JSON. Raises ProblemsError if the file may not be read, VmgenError if it is no JSON."""
    file = project.display_path(path)
    try:
        return parse_json(project.read_source(path, _MAX_BYTES))
    except OSError as error:
        raise ProblemsError((describe_unreadable(file, error),)) from None
    except UnicodeDecodeError:
        raise VmgenError(f"{file} is not JSON: it is not UTF-8 text") from None
    except ValueError as error:
        raise VmgenError(f"{file} is not JSON: {error}") from None


def describe_unreadable(file: str, error: OSError) -> Problem:
    """Build the problem of a file that may not be read."""
    rule = FILE_TOO_LARGE if error.errno == errno.EFBIG else UNREADABLE_FILE
    return rule.build_problem(Place(file), "", f"cannot be read: {error.strerror}")
