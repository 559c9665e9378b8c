"""Edits of files as a unified diff, and as JSON, without the secrets of the lines around them."""

from __future__ import annotations

from collections.abc import Iterable

from vmgen.edit.file_edit import FileEdit
from vmgen.printable import escape, format_json
from vmgen.secrets.redact import redact_text

JSON_VERSION = 1
NEXT_COMMAND = "vmgen plan"


def format_edit_diff(edit: FileEdit) -> str:
    """Return the difference that an edit makes, as `git apply` takes it where no secret is hidden in it."""
    from difflib import unified_diff  # only an edit pays for the import

    before = redact_text(edit.before.decode()) if edit.before is not None else ""
    after = redact_text(edit.after.decode())
    names = (f"a/{edit.file}" if edit.before is not None else "/dev/null", f"b/{edit.file}")
    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), *names)
    return "".join(
        escape(line, keep="\t\r\n") if line.endswith("\n") else f"{escape(line)}\n\\ No newline at end of file\n"
        for line in lines
    )


def format_edits_json(edits: Iterable[FileEdit], *, written: bool) -> str:
    """Return edits as JSON: the shape is that of schema/edit.schema.json."""
    files = [{"path": edit.file, "diff": format_edit_diff(edit)} for edit in edits]
    return format_json({"version": JSON_VERSION, "written": written, "files": files, "next": NEXT_COMMAND})
