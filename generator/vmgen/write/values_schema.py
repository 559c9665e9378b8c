"""Keep the editor's schema of a repository, where it has one, as its catalogs and this version make it."""

from __future__ import annotations

import os

from vmgen.filesystem.reader import read_file
from vmgen.filesystem.system_errors import describe_write_error
from vmgen.filesystem.writer import replace_file
from vmgen.merge.values_schema import build_values_schema
from vmgen.problems import Place, Problem, ProblemsError, VmgenError
from vmgen.read.repository import VALUES_SCHEMA_FILE, Project
from vmgen.rules import STALE_SCHEMA


def find_stale_schema(project: Project) -> tuple[Problem, ...]:
    """Return a problem if the repository has a schema for its editors that is not what it would be now.

    Raises VmgenError if it cannot be read.
    """
    if _build_if_stale(project) is None:
        return ()
    message = "is not what the catalogs and this version of vmgen make, so editors complete old values; run vmgen render"
    return (STALE_SCHEMA.build_problem(Place(VALUES_SCHEMA_FILE), "", message),)


def refresh_schema(project: Project) -> bool:
    """Write the schema again if it is stale, and return whether it was. Raises VmgenError if the system refuses."""
    text = _build_if_stale(project)
    if text is None:
        return False
    try:
        replace_file(str(project.root), VALUES_SCHEMA_FILE, text.encode())
    except OSError as error:
        raise VmgenError(describe_write_error(error, VALUES_SCHEMA_FILE)) from None
    return True


def _build_if_stale(project: Project) -> str | None:
    """Return the text that the schema would have now; None if it has it, if there is no file, or if it cannot be built."""
    path = project.root / VALUES_SCHEMA_FILE
    if not path.is_file() or os.path.islink(path) or os.path.islink(path.parent):
        return None
    try:
        text = build_values_schema(project)
    except ProblemsError:  # which the run itself reports
        return None
    try:
        return None if read_file(str(path)) == text.encode() else text
    except OSError as error:
        raise VmgenError(f"cannot read {VALUES_SCHEMA_FILE}: {error.strerror}") from None
