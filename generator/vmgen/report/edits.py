"""Edits of files as a unified diff, and as JSON, without the secrets of the lines around them."""

from __future__ import annotations

from collections.abc import Iterable

from vmgen.edit.file_edit import FileEdit
from vmgen.printable import escape, format_json
from vmgen.read.yaml_nodes import read_nodes, walk_nodes
from vmgen.secrets.redact import redact_line, redact_text, redact_user_data_line

JSON_VERSION = 1
NEXT_COMMAND = "vmgen plan"


def format_edit_diff(edit: FileEdit) -> str:
    """Return the difference that an edit makes, as `git apply` takes it where no secret is hidden in it."""
    from difflib import unified_diff  # only an edit pays for the import

    before, after = (_redact_lines(content.decode()) for content in (edit.before or b"", edit.after))
    names = (f"a/{edit.file}" if edit.before is not None else "/dev/null", f"b/{edit.file}")
    lines = unified_diff(before, after, *names)
    return "".join(
        escape(line, keep="\t\r\n") if line.endswith("\n") else f"{escape(line)}\n\\ No newline at end of file\n"
        for line in lines
    )


def _redact_lines(text: str) -> list[str]:
    """Return the lines of an environment file without secrets, and without the values of user data."""
    root = read_nodes(text)
    hidden_numbers: set[int] = set()
    for node in walk_nodes(root) if root else ():
        for key, value in node.entries:
            if key.value == "cloudInit":
                first = text.count("\n", 0, value.start)
                hidden_numbers.update(range(first, text.count("\n", 0, value.end) + 1))
    lines = redact_text(text).split("\n")
    if len(lines) != text.count("\n") + 1:  # a private key became one line
        lines = [redact_line(line) for line in text.split("\n")]
    output_lines = [redact_user_data_line(line) if number in hidden_numbers else line for number, line in enumerate(lines)]
    return [f"{line}\n" for line in output_lines[:-1]] + [output_lines[-1]] * bool(output_lines[-1])


def format_edits_json(edits: Iterable[FileEdit], *, is_written: bool) -> str:
    """Return edits as JSON: the shape is that of schema/edit.schema.json."""
    files = [{"path": edit.file, "diff": format_edit_diff(edit)} for edit in edits]
    return format_json({"version": JSON_VERSION, "written": is_written, "files": files, "next": NEXT_COMMAND})
