"""Places of problems as readers of a format look them up, and the line of the source below a problem on a terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from vmgen.filesystem.reader import find_work_tree, read_source
from vmgen.problems import Place, Problem
from vmgen.secrets.redact import redact_line

_MAX_WIDTH = 100
# Excerpts never show values below these keys.
_HIDDEN_SUBJECTS = ("cloudInit", "sshKeys", "vars", "secret", "passw")


def relocate(problems: Sequence[Problem], root: Path, top: Path | None) -> tuple[Problem, ...]:
    """Return problems with their files relative to `top`, or to the current folder if there is none.

    Forges resolve a path from the top of the checkout, people from where they are. A place outside of the repository, and
    that of a built-in template, stay as they are.
    """
    start = top or Path.cwd()
    if root == start:
        return tuple(problems)
    return tuple(problem._replace(place=_relocate_place(problem.place, root, start)) for problem in problems)


def _relocate_place(place: Place, root: Path, start: Path) -> Place:
    path = root / place.file
    is_builtin = place.file.startswith("templates/") and not os.path.lexists(path)
    is_argument = not os.path.lexists(path) and os.path.lexists(place.file)
    if is_builtin or is_argument or os.path.isabs(place.file) or place.file in ("", "-") or place.file.startswith("<"):
        return place
    return place._replace(file=Path(os.path.relpath(path, start)).as_posix())


def quote_sources(located: Sequence[Problem], problems: Sequence[Problem], root: Path) -> tuple[Problem, ...]:
    """Return the located problems with the line of the source, and a caret under the column, as their first lines.

    `problems` are the same ones with places relative to `root`. A line that may hold a secret is left out.
    """
    return tuple(
        problem_of_output._replace(lines=(*_quote_line(problem, root), *problem_of_output.lines))
        for problem_of_output, problem in zip(located, problems)
    )


def _quote_line(problem: Problem, root: Path) -> tuple[str, ...]:
    line_number, column = problem.place.line, problem.place.column
    if not line_number or any(word in problem.subject for word in _HIDDEN_SUBJECTS):
        return ()
    try:
        content = read_source(str(root / problem.place.file), find_work_tree(str(root))).decode()
        line = next((text.rstrip("\r\n") for number, text in enumerate(StringIO(content), 1) if number == line_number), "")
    except (OSError, ValueError):
        return ()
    if not line.strip() or not line.isprintable() or redact_line(line) != line or column > min(len(line) + 1, _MAX_WIDTH):
        return ()
    number = str(line_number)
    return f"  {number} | {line[:_MAX_WIDTH]}", f"  {' ' * len(number)} | {' ' * (column - 1)}^"
