"""Problems in the formats of `--output`. A format is one function and one row of `FORMATS`.

Places are as the readers of a format look them up, and a terminal shows the line of the source below a problem.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any

from vmgen import HOMEPAGE, __version__
from vmgen.filesystem.reader import find_work_tree, read_source
from vmgen.printable import escape
from vmgen.printable import format_json as dump_json
from vmgen.problems import Place, Problem, Severity
from vmgen.report.terminal import Paint, link_address, no_paint
from vmgen.rules import Rule
from vmgen.secrets.redact import redact_line, redact_problem

Formatter = Callable[[Sequence[Problem], Paint], str]
_COLOURS: Mapping[Severity, str] = {"error": "red", "warning": "yellow", "notice": "dim"}
# https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, section 3.27.10
_SARIF_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "notice": "note"}
_JUNIT_PASSED = ('    <testcase classname="vmgen" name="in-order"/>\n',)
_SARIF_BASE = "%SRCROOT%"
_GITLAB_SEVERITIES: Mapping[Severity, str] = {"error": "major", "warning": "minor", "notice": "info"}


_MAX_WIDTH = 100
# Excerpts never show values below these keys.
_HIDDEN_SUBJECTS = ("cloudInit", "sshKeys", "vars", "secret", "passw")


def _hide_secrets(format_problems: Formatter) -> Formatter:
    """Return a format that shows no secret of a problem. Each format is one: nobody can forget it where they are used."""

    @wraps(format_problems)
    def format_redacted(problems: Sequence[Problem], paint: Paint) -> str:
        return format_problems(tuple(map(redact_problem, problems)), paint)

    return format_redacted


@_hide_secrets
def format_text(problems: Sequence[Problem], paint: Paint) -> str:
    """Format one line each, as compilers do: file:line:column: severity: key: message [rule]; then the problem's own lines."""
    lines = []
    for problem in problems:
        place = paint(escape(str(problem.place)), "bold")
        severity = paint(problem.severity, _COLOURS[problem.severity])
        message = escape(_prefix_subject(problem))
        rule = paint(escape(f"[{problem.rule}]"), "dim")
        if paint is not no_paint:
            rule = link_address(rule, get_rule_address(problem.rule))
        lines.append(f"{place}: {severity}: {message} {rule}\n")
        lines.extend(f"{escape(line)}\n" for line in problem.lines)
    return "".join(lines)


@_hide_secrets
def format_json(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001 - one signature for all formats
    """Format a versioned document (schema/problems.schema.json)."""
    rows = [problem_to_dict(problem) for problem in problems]
    return dump_json({"version": 1, "problems": rows})


def problem_to_dict(problem: Problem) -> dict[str, Any]:
    """Return a problem as an item of every JSON output (schema/problems.schema.json)."""
    problem = redact_problem(problem)
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


@_hide_secrets
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
    # Properties are separated by commas, and end at two colons.
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _escape_data(text: str) -> str:
    """Escape what a command gives a meaning, and what a log or a terminal would obey; a line break stays one."""
    return escape(text.replace("%", "%25"), keep="\n").replace("\n", "%0A")


@_hide_secrets
def format_sarif(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001
    """Format SARIF 2.1.0, for code scanning. https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""
    rules = sorted({problem.rule for problem in problems})
    registry = {rule.id: rule for rule in all_rules()}
    descriptions = [_describe_sarif_rule(id, registry.get(id)) for id in rules]
    driver: dict[str, Any] = {"name": "vmgen", "version": __version__, "rules": descriptions}
    if HOMEPAGE:
        driver["informationUri"] = HOMEPAGE
    results = [_build_sarif_result(problem, rules.index(problem.rule)) for problem in problems]
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "originalUriBaseIds": {_SARIF_BASE: {"description": {"text": "The top of the Git repository."}}},
                # Python counts characters, and not UTF-16 code units as many editors do.
                # https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return dump_json(document)


def _describe_sarif_rule(id: str, rule: Rule | None) -> dict[str, Any]:
    """Return the SARIF description of a rule; a policy of the repository has only its id."""
    if rule is None:
        return {"id": id}
    description: dict[str, Any] = {
        "id": id,
        "shortDescription": {"text": rule.text.split("\n\n")[0].split(". ")[0].rstrip(".") + "."},
        "fullDescription": {"text": rule.text},
        "help": {"text": rule.text, "markdown": rule.text},
        "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
    }
    address = get_rule_address(id)
    return {**description, "helpUri": address} if address else description


def _build_sarif_result(problem: Problem, rule_index: int) -> dict[str, Any]:
    from urllib.parse import quote

    # A name that is not UTF-8 keeps its bytes. https://peps.python.org/pep-0383/
    uri = quote(problem.place.file, errors="surrogateescape")
    location: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": _SARIF_BASE}}
    if problem.place.line:
        location["region"] = {"startLine": problem.place.line, "startColumn": problem.place.column}
    return {
        "ruleId": problem.rule,
        "ruleIndex": rule_index,
        "level": _SARIF_LEVELS[problem.severity],
        "message": {"text": _join_message(problem)},
        "locations": [{"physicalLocation": location}],
    }


@_hide_secrets
def format_gitlab(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001
    """Format a Code Quality report, which GitLab shows in a merge request.

    https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    """
    from hashlib import sha256

    rows = []
    counts: Counter[tuple[str, ...]] = Counter()
    for problem in problems:
        # The line is left out, so that GitLab takes a problem that only moved for the same one.
        identity = (problem.rule, problem.place.file, problem.subject, problem.message)
        counts[identity] += 1
        digest = sha256("\0".join((*identity, str(counts[identity]))).encode(errors="backslashreplace")).hexdigest()
        rows.append(
            {
                "description": _join_message(problem),
                "check_name": problem.rule,
                "fingerprint": digest,
                "severity": _GITLAB_SEVERITIES[problem.severity],
                "location": {"path": problem.place.file, "lines": {"begin": max(problem.place.line, 1)}},
            }
        )
    return dump_json(rows)


@_hide_secrets
def format_junit(problems: Sequence[Problem], paint: Paint) -> str:  # noqa: ARG001
    """Format a JUnit report: a failed test for each error, a passed one for each other problem, and one if there is no problem.

    https://github.com/testmoapp/junitxml
    """
    from xml.sax.saxutils import escape as escape_xml
    from xml.sax.saxutils import quoteattr

    cases = []
    for problem in problems:
        names = f"classname={quoteattr(_keep_xml(problem.place.file))} name={quoteattr(_keep_xml(problem.rule))}"
        text = escape_xml(_keep_xml(f"{problem.place}: {problem.severity}: {_join_message(problem)}"))
        message = quoteattr(_keep_xml(_prefix_subject(problem)))
        is_error = problem.severity == "error"
        body = f"<failure message={message}>{text}</failure>" if is_error else f"<system-out>{text}</system-out>"
        cases.append(f"    <testcase {names}>{body}</testcase>\n")
    failures = sum(problem.severity == "error" for problem in problems)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
        f'  <testsuite name="vmgen" tests="{len(cases) or 1}" failures="{failures}">\n'
        f"{''.join(cases or _JUNIT_PASSED)}  </testsuite>\n</testsuites>\n"
    )


def _keep_xml(text: str) -> str:
    """Escape what XML 1.0 cannot hold: https://www.w3.org/TR/xml/#charsets."""
    return escape(text, keep="\n\t")


def get_rule_address(id: str) -> str:
    """Return the address of the page on a rule; empty if the project has none."""
    return f"{HOMEPAGE}/docs/rules.html#{id}" if HOMEPAGE else ""


def _join_message(problem: Problem) -> str:
    return "\n".join((_prefix_subject(problem), *problem.lines))


def _prefix_subject(problem: Problem) -> str:
    return f"{problem.subject}: {problem.message}" if problem.subject else problem.message


FORMATS: Mapping[str, Formatter] = {
    "text": format_text,
    "json": format_json,
    "github": format_github,
    "sarif": format_sarif,
    "gitlab": format_gitlab,
    "junit": format_junit,
}


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


def all_rules() -> tuple[Rule, ...]:
    """Return every rule of the program, sorted by id. The policies of a repository are not among them."""
    from vmgen import rules  # every rule, which only this list, the pages and SARIF need
    from vmgen.check.rules import RULES as ENVIRONMENT_RULES
    from vmgen.cloud_init.rules import RULES as CLOUD_INIT_RULES

    environment_rules = (environment_rule.rule for environment_rule in ENVIRONMENT_RULES)
    return tuple(sorted((*rules.RULES, *environment_rules, *CLOUD_INIT_RULES)))
