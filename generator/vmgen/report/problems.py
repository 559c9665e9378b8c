"""Problems in the formats of `--output`. A format is one function and one row of `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vmgen import __version__
from vmgen.printable import escape
from vmgen.printable import format_json as dump_json
from vmgen.problems import Problem, Severity
from vmgen.report.terminal import Paint

Formatter = Callable[[Sequence[Problem], Paint], str]
_COLOURS: Mapping[Severity, str] = {"error": "red", "warning": "yellow", "notice": "dim"}
# https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, section 3.27.10
_SARIF_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "notice": "note"}


def format_text(problems: Sequence[Problem], paint: Paint) -> str:
    """Format one line each, as compilers do: file:line:column: severity: key: message [rule]; then the problem's own lines."""
    lines = []
    for problem in problems:
        place = paint(escape(str(problem.place)), "bold")
        severity = paint(problem.severity, _COLOURS[problem.severity])
        message = escape(_prefix_subject(problem))
        lines.append(f"{place}: {severity}: {message} {paint(escape(f'[{problem.rule}]'), 'dim')}\n")
        lines.extend(f"{escape(line)}\n" for line in problem.lines)
    return "".join(lines)


def format_json(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001 - one signature for all formats
    """Format a versioned document (schema/problems.schema.json)."""
    rows = [problem_to_dict(problem) for problem in problems]
    return dump_json({"version": 1, "problems": rows})


def problem_to_dict(problem: Problem) -> dict[str, Any]:
    """Return a problem as it stands in every JSON output (schema/problems.schema.json)."""
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "severity": problem.severity,
        "rule": problem.rule,
        "subject": problem.subject,
        "message": problem.message,
        "lines": list(problem.lines),
    }


def format_github(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001
    """Format workflow commands, which GitHub shows as annotations at the line.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    lines = []
    for problem in problems:
        place = problem.place
        position = f",line={place.line},col={place.column}" if place.line else ""
        location = f"file={_escape_property(place.file)}{position},title={_escape_property(problem.rule)}"
        lines.append(f"::{problem.severity} {location}::{_escape_data(_join_message(problem))}\n")
    return "".join(lines)


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _escape_data(text: str) -> str:
    """Escape what a command gives a meaning, and what a log or a terminal would obey; a line break stays one."""
    return escape(text.replace("%", "%25"), keep="\n").replace("\n", "%0A")


def format_sarif(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001
    """Format SARIF 2.1.0, for code scanning. https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""
    rules = sorted({problem.rule for problem in problems})
    driver = {"name": "vmgen", "version": __version__, "rules": [{"id": rule} for rule in rules]}
    results = [_build_sarif_result(problem, rules.index(problem.rule)) for problem in problems]
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return dump_json(document)


def _build_sarif_result(problem: Problem, rule_index: int) -> dict[str, Any]:
    from urllib.parse import quote

    location: dict[str, Any] = {"artifactLocation": {"uri": quote(problem.place.file, errors="surrogateescape")}}
    if problem.place.line:
        location["region"] = {"startLine": problem.place.line, "startColumn": problem.place.column}
    return {
        "ruleId": problem.rule,
        "ruleIndex": rule_index,
        "level": _SARIF_LEVELS[problem.severity],
        "message": {"text": _join_message(problem)},
        "locations": [{"physicalLocation": location}],
    }


def _join_message(problem: Problem) -> str:
    return "\n".join((_prefix_subject(problem), *problem.lines))


def _prefix_subject(problem: Problem) -> str:
    return f"{problem.subject}: {problem.message}" if problem.subject else problem.message


FORMATS: Mapping[str, Formatter] = {"text": format_text, "json": format_json, "github": format_github, "sarif": format_sarif}
