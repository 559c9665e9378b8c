"""How a manifest in the folder differs from the one that is wanted: a few lines, secrets masked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from vmgen.plan.diff import FileChanges
from vmgen.problems import Place, Problem
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.repository import Project
from vmgen.secrets.redact import REDACTED, redact_line

_MAX_LINES = 12
_KEY_LINE = re.compile(r"""(?P<key>(?P<indent>\s*)(?:-\s+)*["']?(?P<name>[\w./-]+)["']?:)(?:\s+(?P<value>.*))?""")
# What may follow a key and be shown: one scalar, or a flow of them, but no text that goes on below.
_NON_SCALAR_PREFIXES = ("|", ">", "{", "&", "!")


def format_diff(there: bytes, wanted: bytes) -> tuple[str, ...]:
    """The first lines of a unified diff from the file to what is wanted; none where the file cannot be shown safely."""
    try:
        found = parse_objects(there)
        old, new = (text.decode().splitlines() for text in (there, wanted))
    except (InvalidYamlError, UnicodeDecodeError):
        return ("(the file is not YAML)",)
    if len(found) != 1 or not isinstance(found[0], dict):
        return ("(the file does not hold one object)",)
    from difflib import SequenceMatcher  # only drift pays for the import

    lines = []
    known = {keyed["name"] for line in new if (keyed := _KEY_LINE.match(line))} - {"cloudInit"}
    safe_old, safe_new = list(_redact_lines(old, known)), list(_redact_lines(new, known))
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            lines.append(f"@@ line {start + 1} @@")
            lines.extend(f"-{line}" for line in _collapse_redacted(safe_old[start:end]))
            lines.extend(f"+{line}" for line in _collapse_redacted(safe_new[new_start:new_end]))
    more = len(lines) - _MAX_LINES
    return (*lines[:_MAX_LINES], f"({more} more lines)") if more > 0 else tuple(lines)


def _redact_lines(lines: list[str], known: set[str]) -> Iterator[str]:
    """Each line as it may be shown: under a key that the wanted manifest has not, or that holds a text, nothing is."""
    hidden, with_items = -1, False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        keyed = _KEY_LINE.fullmatch(line)
        item = line.lstrip().startswith("-")
        if hidden >= 0 and (not line.strip() or indent > hidden or (with_items and item and indent == hidden)):
            yield f"{' ' * (hidden + 2)}{REDACTED}"
        elif keyed:
            opaque = keyed["name"] not in known or (keyed["value"] or "").startswith(_NON_SCALAR_PREFIXES)
            hidden = len(keyed["indent"]) if opaque else -1
            with_items = not item  # the items of a list may stand as deep as its key
            yield f"{keyed['key']} {REDACTED}" if opaque else redact_line(line)
        else:
            hidden = -1
            yield redact_line(line) if item or line.startswith("#") or not line.strip() else REDACTED


def _collapse_redacted(lines: list[str]) -> Iterator[str]:
    """Lines that are hidden alike in a row, once."""
    last = None
    for line in lines:
        if line != last or REDACTED not in line:
            yield line
        last = line


def find_drift(
    project: Project, compared: Iterable[FileChanges], wanted: Mapping[str, bytes], *, with_diff: bool
) -> Iterator[Problem]:
    """Yield a problem for each file that is not what is wanted; with a diff, the lines that differ are shown below it."""
    for changes in compared:
        for paths, message in (
            (changes.created, "is missing; run vmgen render"),
            (
                changes.updated,
                "is not what its environment renders; run vmgen render, and change the environment, not the manifest",
            ),
            (changes.pruned, "is no longer wanted; run vmgen render"),
        ):
            for path in paths:
                file = project.manifests / path
                has_diff = with_diff and path in changes.updated
                lines = format_diff(file.read_bytes(), wanted[path]) if has_diff else ()
                place = Place(project.display_path(file))
                yield Problem(place, "drift", "", message, lines=tuple(f"    {line}" for line in lines))
