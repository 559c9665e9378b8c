"""Edit one file: splice the operations into its text, read it again, and write it if exactly the meant values differ."""

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from vmgen.edit.operations import Operation, RemoveValue, apply_operation, format_operations, is_same, widen_removal
from vmgen.edit.splice import splice_text
from vmgen.edit.text_lines import CannotSplice
from vmgen.filesystem.system_errors import describe_write_error
from vmgen.filesystem.writer import TreeWriter
from vmgen.problems import Place, Problem, ProblemsError, VmgenError
from vmgen.read.located import Located, to_plain
from vmgen.read.repository import Project
from vmgen.read.source_file import describe_unreadable
from vmgen.read.yaml_reader import read_yaml
from vmgen.rules import EDIT_BY_HAND


class FileEdit(NamedTuple):
    """A file below the root of the repository, as it is and as it will be. `before` is None for a new file."""

    file: str
    before: bytes | None
    after: bytes


def edit_file(path: Path, operations: Iterable[Operation], project: Project) -> FileEdit:
    """Return the edit that operations make of a file.

    Raises VmgenError for a symbolic link, and ProblemsError with the problems of a file that cannot be read, or with the lines
    to write by hand where the text cannot be edited without touching more than is meant.
    """
    file, operations = project.display_path(path), tuple(operations)
    if path.is_symlink():  # it would become a file of its own
        raise VmgenError(f"{file} is a symbolic link, and nothing is written through one; edit the file that it names")
    try:
        content = project.read_source(path)
    except OSError as error:
        raise ProblemsError((describe_unreadable(file, error),)) from None
    return FileEdit(file, content, edit_content(content, operations, file))


def edit_content(content: bytes, operations: Iterable[Operation], file: str) -> bytes:
    """Return what operations make of the content of a file. Raises ProblemsError as `edit_file` does."""
    return _splice_all(content, _read(content, file), tuple(operations), file)


def write_edits(edits: Iterable[FileEdit], project: Project) -> None:
    """Put edited files in their place. The caller holds the lock. Raises VmgenError if the system refuses."""
    try:
        with TreeWriter(str(project.root)) as writer:
            for edit in edits:
                if edit.before is None:
                    writer.create(edit.file, edit.after)
                elif edit.before != edit.after:
                    writer.replace(edit.file, edit.after, keep_mode=True)
    except OSError as error:
        raise VmgenError(describe_write_error(error)) from None


def refuse_edit(place: Place, reason: str, operations: Iterable[Operation]) -> ProblemsError:
    """Return the refusal of an edit, with the lines to write by hand; without operations the reason has the remedy."""
    operations = tuple(operations)
    remedy = ". Write by hand:" if operations else ""
    message = f"cannot be edited by a command: {reason}; nothing was written{remedy}"
    return ProblemsError((Problem(place, EDIT_BY_HAND.id, "", message, lines=format_operations(operations)),))


def _read(content: bytes, file: str) -> Located:
    document, problems = read_yaml(content, file)
    if document is None or problems:
        raise ProblemsError(tuple(problems))
    return document


def _splice_all(content: bytes, document: Located, operations: tuple[Operation, ...], file: str) -> bytes:
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    expected = to_plain(document)
    widened_operations = []
    for operation in operations:
        if isinstance(operation, RemoveValue):
            try:
                operation = RemoveValue(widen_removal(expected, operation.path))
            except KeyError as error:  # another layer has it
                raise refuse_edit(document.place, f"{error.args[0]} is not written here", operations) from None
        expected = apply_operation(operation, expected)
        widened_operations.append(operation)
    try:
        text = splice_text(content.removeprefix(mark).decode(), widened_operations)
    except CannotSplice as error:
        raise refuse_edit(document.place, str(error), operations) from None
    after = mark + text.encode()
    edited_document, problems = read_yaml(after, file)
    if edited_document is None or problems or not is_same(to_plain(edited_document), expected):
        raise refuse_edit(document.place, "other values would change with it", operations)
    return after
