"""Unified diffs without secrets: of a manifest file against its rendered content, and of the edits of a command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from vmgen.edit.file_edit import FileEdit
from vmgen.filesystem.reader import read_file
from vmgen.plan.diff import FileChanges
from vmgen.printable import escape, format_json
from vmgen.problems import Place, Problem
from vmgen.quantities import format_count
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.repository import Project
from vmgen.read.yaml_nodes import read_nodes, walk_nodes
from vmgen.rules import DRIFT
from vmgen.secrets.redact import REDACTED, redact_line, redact_text, redact_user_data_line

_MAX_LINES = 12
_KEY_LINE = re.compile(r"""(?P<key>(?P<indent>\s*)(?:-\s+)*["']?(?P<name>[\w./-]+)["']?:)(?:\s+(?P<value>.*))?""")
# Values after a key that are not one scalar or one flow sequence: block scalars, flow mappings, anchors, tags.
_NON_SCALAR_PREFIXES = ("|", ">", "{", "&", "!")


JSON_VERSION = 1
NEXT_COMMAND = "vmgen plan"


def format_diff(existing: bytes, desired: bytes, limit: int | None = _MAX_LINES) -> tuple[str, ...]:
    """Return the first lines of the diff from an existing file to its rendered content, or one line why there is none.

    Without a `limit` all lines are returned.
    """
    try:
        objects = parse_objects(existing)
        old_lines, new_lines = (content.decode().splitlines() for content in (existing, desired))
    except (InvalidYamlError, UnicodeDecodeError):
        return ("(the file is not YAML)",)
    if len(objects) != 1 or not isinstance(objects[0], dict):
        return ("(the file does not contain one object)",)
    from difflib import SequenceMatcher  # only drift pays for the import

    # A key that the rendered manifest lacks was written by hand, and may be anything.
    safe_keys = {match["name"] for line in new_lines if (match := _KEY_LINE.match(line))} - {"cloudInit"}
    old_redacted, new_redacted = list(_redact_lines(old_lines, safe_keys)), list(_redact_lines(new_lines, safe_keys))
    diff = []
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old_lines, new_lines, autojunk=False).get_opcodes():
        if tag != "equal":
            diff.append(f"@@ line {start + 1} @@")
            diff.extend(f"-{line}" for line in _collapse_redacted(old_redacted[start:end]))
            diff.extend(f"+{line}" for line in _collapse_redacted(new_redacted[new_start:new_end]))
    excess = len(diff) - limit if limit is not None else 0
    return (*diff[:limit], f"({format_count(excess, 'more line')})") if excess > 0 else tuple(diff)


def _redact_lines(lines: list[str], safe_keys: set[str]) -> Iterator[str]:
    """Redact the values of keys that the rendered manifest lacks, and all texts of several lines."""
    hidden_indent, hides_items = -1, False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        match = _KEY_LINE.fullmatch(line)
        is_item = line.lstrip().startswith("-")
        if hidden_indent >= 0 and (
            not line.strip() or indent > hidden_indent or (hides_items and is_item and indent == hidden_indent)
        ):
            yield f"{' ' * (hidden_indent + 2)}{REDACTED}"
        elif match:
            is_hidden = match["name"] not in safe_keys or (match["value"] or "").startswith(_NON_SCALAR_PREFIXES)
            hidden_indent = len(match["indent"]) if is_hidden else -1
            hides_items = not is_item  # YAML allows the items of a list at the indentation of its key
            yield f"{match['key']} {REDACTED}" if is_hidden else redact_line(line)
        else:
            hidden_indent = -1
            yield redact_line(line) if is_item or line.startswith("#") or not line.strip() else REDACTED


def _collapse_redacted(lines: list[str]) -> Iterator[str]:
    """Drop a redacted line that equals the line before it."""
    previous = None
    for line in lines:
        if line != previous or REDACTED not in line:
            yield line
        previous = line


def format_file_diff(path: str, existing: bytes | None, desired: bytes | None) -> tuple[str, ...]:
    """Return the difference of a file, with the names of its two sides first; None means that there is no file."""
    old_name, new_name = (path if content is not None else "/dev/null" for content in (existing, desired))
    head = (f"--- {old_name}", f"+++ {new_name}")
    if existing is not None and desired is not None:
        return (*head, *format_diff(existing, desired, limit=None))
    if desired is None:
        return head
    lines = desired.decode(errors="replace").splitlines()
    safe_keys = {match["name"] for line in lines if (match := _KEY_LINE.match(line))} - {"cloudInit"}
    return (*head, *(f"+{line}" for line in _collapse_redacted(list(_redact_lines(lines, safe_keys)))))


def _report_line_endings(project: Project, changes: FileChanges, paths: list[str]) -> Problem:
    """Return one problem for all files of an environment that Git, or an editor, wrote with other line endings."""
    message = (
        f"{format_count(len(paths), 'file differs', 'files differ')} only in line endings: Git or an editor wrote CRLF; "
        f"add `{project.output}/** text eol=lf` to .gitattributes, then run git add --renormalize . and vmgen render"
    )
    place = Place(project.display_path(project.manifests / changes.environment))
    return DRIFT.build_problem(place, "", message, tuple(f"    {project.output}/{path}" for path in paths[:_MAX_LINES]))


def find_drift(
    project: Project, file_changes: Iterable[FileChanges], desired: Mapping[str, bytes], *, with_diff: bool
) -> Iterator[Problem]:
    """Yield a problem for each file that differs from the wanted one, with a diff below it if asked for."""
    for changes in file_changes:
        contents = {path: read_file(f"{project.manifests}/{path}") for path in changes.updated}
        # Git on Windows may check files out with other ends of lines: https://git-scm.com/docs/gitattributes#_text
        converted_paths = [
            path
            for path, content in contents.items()
            if content != desired[path] and content.replace(b"\r\n", b"\n") == desired[path]
        ]
        if converted_paths:
            yield _report_line_endings(project, changes, converted_paths)
        for paths, message in (
            (changes.created, "is missing; run vmgen render"),
            (
                [path for path in changes.updated if path not in converted_paths],
                "differs from its environment; run vmgen render, and edit the environment, not the manifest",
            ),
            (changes.pruned, "is obsolete; run vmgen render"),
        ):
            for path in paths:
                lines = format_diff(contents[path], desired[path]) if with_diff and path in contents else ()
                place = Place(project.display_path(project.manifests / path))
                yield DRIFT.build_problem(place, "", message, tuple(f"    {line}" for line in lines))


def format_edit_diff(edit: FileEdit) -> str:
    """Return the difference that an edit makes, as `git apply` takes it where no secret is hidden in it."""
    from difflib import unified_diff  # only an edit pays for the import

    before, after = (_redact_edit_lines(content.decode()) for content in (edit.before or b"", edit.after))
    names = (f"a/{edit.file}" if edit.before is not None else "/dev/null", f"b/{edit.file}")
    lines = unified_diff(before, after, *names)
    return "".join(
        escape(line, keep="\t\r\n") if line.endswith("\n") else f"{escape(line)}\n\\ No newline at end of file\n"
        for line in lines
    )


def _redact_edit_lines(text: str) -> list[str]:
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
