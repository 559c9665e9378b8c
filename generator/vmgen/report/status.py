"""The status of the fleet as text, JSON, Markdown, and as problems for GitHub. Secrets are hidden."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from vmgen.printable import escape
from vmgen.problems import Place, Problem, Severity
from vmgen.quantities import format_count
from vmgen.report.problems import format_github
from vmgen.report.terminal import Paint
from vmgen.rules import LIVE_DRIFT, LIVE_FAILED, LIVE_MISSING, LIVE_ORPHAN, LIVE_PENDING, Rule
from vmgen.secrets.redact import redact_subject, redact_value
from vmgen.status.compare import DRIFT, FAILED, IN_STEP, MISSING, ORPHAN, OTHER, PENDING, STATES, FleetStatus, ObjectStatus
from vmgen.status.drift import Drift

Formatter = Callable[[FleetStatus, datetime, Paint], str]
_COLOURS = {
    FAILED: "red",
    MISSING: "red",
    ORPHAN: "yellow",
    DRIFT: "yellow",
    PENDING: "magenta",
    OTHER: "dim",
    IN_STEP: "green",
}
_RULES: Mapping[str, tuple[Rule, Severity]] = {
    FAILED: (LIVE_FAILED, "error"),
    MISSING: (LIVE_MISSING, "error"),
    ORPHAN: (LIVE_ORPHAN, "warning"),
    DRIFT: (LIVE_DRIFT, "error"),
    PENDING: (LIVE_PENDING, "warning"),
}


def format_text(fleet: FleetStatus, now: datetime, paint: Paint) -> str:
    """Format the totals, and below each environment the objects that are not in step."""
    lines = [format_totals(fleet), format_age(fleet.newest, now), *fleet.notes]
    for environment, statuses in groupby(fleet.objects, key=lambda status: status.environment):
        listed_statuses = [status for status in statuses if status.state != IN_STEP]
        if listed_statuses:
            lines += ["", paint(environment, "bold")]
        for status in listed_statuses:
            state = paint(f"{status.state:<8}", _COLOURS[status.state])
            lines.append(f"  {state} {status.key[0]} {escape(status.key[2])}")
            lines += [f"             {escape(detail)}" for detail in list_details(status)]
    return "\n".join(lines) + "\n"


def format_totals(fleet: FleetStatus) -> str:
    """Return one line such as `97 of 100 in step; 2 pending, 1 failed.`"""
    counts = fleet.count_states()
    own_count = sum(count for state, count in counts.items() if state not in (ORPHAN, OTHER))
    rest = ", ".join(f"{counts[state]} {state}" for state in STATES if counts.get(state) and state != IN_STEP)
    return f"{counts.get(IN_STEP, 0)} of {own_count} in step{f'; {rest}' if rest else ''}."


def format_age(newest: str, now: datetime) -> str:
    """Return how old the newest entry of the dump is."""
    if not newest:
        return "The dump has no timestamp, so its age is not known."
    try:
        age = now - datetime.fromisoformat(newest.replace("Z", "+00:00"))
    except ValueError:
        return f"The newest entry of the dump is from {newest}."
    return f"The newest entry of the dump is from {newest}, {_format_duration(age)} ago."


def _format_duration(age: timedelta) -> str:
    # The clock of the cluster may be ahead of this one.
    minutes = max(0, int(age.total_seconds()) // 60)
    if minutes < 120:
        return format_count(minutes, "minute")
    return format_count(minutes // 60, "hour") if minutes < 48 * 60 else format_count(minutes // (24 * 60), "day")


def list_details(status: ObjectStatus) -> Iterator[str]:
    """Yield a line for each finding about an object, secrets hidden."""
    if status.state == MISSING:
        yield "is committed, but not in the dump"
    if status.state == ORPHAN:
        size = ", ".join(part for part in (status.size, status.cost) if part)
        yield f"is in the namespace, but not in Git ({size})"
        yield f"to import it: {status.adopt}"
    for finding in status.findings:
        yield finding.text + (f" (since {finding.since})" if finding.since else "")
    for drift in status.drifts:
        name = redact_subject(drift.field)
        yield f"{name}: {_format_value(drift, drift.git)} in Git, {_format_value(drift, drift.live)} live"


def _format_value(drift: Drift, value: Any) -> str:
    if value is None:
        return "nothing"
    return json.dumps(_redact_value(drift, value), ensure_ascii=False)


def _redact_value(drift: Drift, value: Any) -> Any:
    return redact_value(value, drift.field.rpartition(".")[2].strip("[]"))


def format_json(fleet: FleetStatus, now: datetime, paint: Paint) -> str:  # noqa: ARG001 - one signature for all formats
    """Format a versioned document (schema/status.schema.json)."""
    counts = fleet.count_states()
    document = {
        "version": 1,
        "newest": fleet.newest,
        "inStep": fleet.is_in_step,
        "totals": {state: counts.get(state, 0) for state in STATES},
        "notes": list(fleet.notes),
        "objects": [_to_dict(status) for status in fleet.objects],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _to_dict(status: ObjectStatus) -> dict[str, Any]:
    kind, namespace, name = map(redact_subject, status.key)
    return {
        "environment": status.environment,
        "kind": kind,
        "namespace": namespace,
        "name": name,
        "state": status.state,
        "file": f"manifests/{status.path}" if status.path else "",
        "drift": [
            {
                "field": redact_subject(drift.field),
                "git": _redact_value(drift, drift.git),
                "live": _redact_value(drift, drift.live),
            }
            for drift in status.drifts
        ],
        "findings": [{"state": finding.state, "text": finding.text, "since": finding.since} for finding in status.findings],
        "size": status.size,
        "cost": status.cost,
        "adopt": status.adopt,
    }


def format_markdown(fleet: FleetStatus, now: datetime, paint: Paint) -> str:  # noqa: ARG001
    """Format a table for an issue or a job summary."""
    lines = [f"**{format_totals(fleet)}** {format_age(fleet.newest, now)}", ""]
    lines += [f"- {_escape_cell(note)}" for note in fleet.notes]
    listed_statuses = [status for status in fleet.objects if status.state != IN_STEP]
    if listed_statuses:
        lines += ["", "| state | environment | object | details |", "|---|---|---|---|"]
    for status in listed_statuses:
        details = "<br>".join(_escape_cell(detail) for detail in list_details(status))
        lines.append(f"| {status.state} | {status.environment} | {status.key[0]} {_escape_cell(status.key[2])} | {details} |")
    return "\n".join(lines) + "\n"


def _escape_cell(text: str) -> str:
    """Escape what Markdown, HTML or a table would read in a text that comes from a cluster."""
    text = escape(text)
    # `@name` would send that person a message. https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#mentioning-people-and-teams
    for character in "\\`*_[]<>|&~#@":
        text = text.replace(character, f"&#{ord(character)};")
    return text


def format_annotations(fleet: FleetStatus, now: datetime, paint: Paint) -> str:
    """Format GitHub annotations, one for each object that is not in step, at its manifest."""
    problems = []
    for status in fleet.objects:
        if status.state in _RULES:
            rule, severity = _RULES[status.state]
            place = Place(f"manifests/{status.path}" if status.path else f"environments/{status.environment}.yaml")
            message = f"{status.state}: {'; '.join(list_details(status))}"
            problems.append(Problem(place, rule.id, f"{status.key[0]} {status.key[2]}", message, severity))
    return format_github(problems, paint) + f"{format_totals(fleet)} {format_age(fleet.newest, now)}\n"


STATUS_FORMATS: Mapping[str, Formatter] = {
    "text": format_text,
    "json": format_json,
    "markdown": format_markdown,
    "github": format_annotations,
}
