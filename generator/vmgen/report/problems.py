"""Problems in the formats of `--output`: text, json, github, sarif."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vmgen import __version__
from vmgen.problems import Problem
from vmgen.report.terminal import Paint

Formatter = Callable[[Sequence[Problem], Paint], str]


def format_text(problems: Sequence[Problem], paint: Paint) -> str:
    """One line each, as compilers write them: file:line:column: severity: key: message [rule]. Then what goes with it."""
    lines = []
    for problem in problems:
        colour = "red" if problem.severity == "error" else "yellow"
        place = _escape_unprintable(str(problem.place))
        said = _escape_unprintable(f"{problem.subject}: {problem.message}" if problem.subject else problem.message)
        severity, rule = paint(problem.severity, colour), paint(f"[{problem.rule}]", "dim")
        lines.append(f"{paint(place, 'bold')}: {severity}: {said} {rule}\n")
        lines.extend(f"{_escape_unprintable(line)}\n" for line in problem.lines)
    return "".join(lines)


def _escape_unprintable(text: str) -> str:
    """What a user wrote cannot begin a line of its own, nor speak to the terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def format_json(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001 - one signature for all formats
    """A versioned document (schema/problems.schema.json)."""
    rows = [
        {
            "file": problem.place.file,
            "line": problem.place.line,
            "column": problem.place.column,
            "severity": problem.severity,
            "rule": problem.rule,
            "subject": problem.subject,
            "message": problem.message,
            "lines": list(problem.lines),
        }
        for problem in problems
    ]
    return json.dumps({"version": 1, "problems": rows}, indent=2, ensure_ascii=False) + "\n"


def format_github(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001
    """Workflow commands that GitHub turns into annotations at the line."""
    lines = []
    for problem in problems:
        place = problem.place
        where = f"file={_escape_property(place.file)}"
        if place.line:
            where += f",line={place.line},col={place.column}"
        lines.append(
            f"::{problem.severity} {where},title={_escape_property(problem.rule)}::{_escape_data(_join_message(problem))}\n"
        )
    return "".join(lines)


def _join_message(problem: Problem) -> str:
    """The message of a problem with what goes with it."""
    message = f"{problem.subject}: {problem.message}" if problem.subject else problem.message
    return "\n".join((message, *problem.lines))


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def format_sarif(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001
    """SARIF 2.1.0, for code scanning."""
    rules = sorted({problem.rule for problem in problems})
    driver = {"name": "vmgen", "version": __version__, "rules": [{"id": rule} for rule in rules]}
    results = [_build_sarif_result(problem, rules.index(problem.rule)) for problem in problems]
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _build_sarif_result(problem: Problem, index: int) -> dict[str, Any]:
    from urllib.parse import quote

    location: dict[str, Any] = {"artifactLocation": {"uri": quote(problem.place.file, errors="surrogateescape")}}
    if problem.place.line:
        location["region"] = {"startLine": problem.place.line, "startColumn": problem.place.column}
    return {
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": problem.severity,
        "message": {"text": _join_message(problem)},
        "locations": [{"physicalLocation": location}],
    }


FORMATS: Mapping[str, Formatter] = {"text": format_text, "json": format_json, "github": format_github, "sarif": format_sarif}
