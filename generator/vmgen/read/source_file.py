"""Read one source file as YAML or JSON. A file that may not be read is a problem at its place, as a mistake in it is."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

from vmgen.problems import Place, Problem, ProblemsError, VmgenError
from vmgen.read.located import Located
from vmgen.read.repository import Project
from vmgen.read.yaml_reader import read_yaml
from vmgen.rules import FILE_TOO_LARGE, UNREADABLE_FILE


def read_yaml_file(path: Path, project: Project) -> tuple[Located | None, list[Problem]]:
    """Return the one document of a source file, as `read_yaml` does; None with a problem if the file may not be read."""
    file = project.display_path(path)
    try:
        return read_yaml(project.read_source(path), file)
    except OSError as error:
        return None, [describe_unreadable(file, error)]


def read_json_file(path: Path, project: Project) -> Any:
    """Return the value of a source file in JSON. Raises ProblemsError if it may not be read, VmgenError if it is no JSON."""
    file = project.display_path(path)
    try:
        return json.loads(project.read_source(path))
    except OSError as error:
        raise ProblemsError((describe_unreadable(file, error),)) from None
    except UnicodeDecodeError:
        raise VmgenError(f"{file} is not JSON: it is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise VmgenError(f"{file} is not JSON: {error}") from None


def describe_unreadable(file: str, error: OSError) -> Problem:
    """Build the problem of a file that may not be read."""
    rule = FILE_TOO_LARGE if error.errno == errno.EFBIG else UNREADABLE_FILE
    return rule.build_problem(Place(file), "", f"cannot be read: {error.strerror}")
