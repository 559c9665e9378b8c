"""Report the result of an import, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from vmgen.importer.environment import EnvironmentText
from vmgen.importer.manifests import ImportNote
from vmgen.importer.round_trip import RoundTripResult
from vmgen.importer.run import ImportedEnvironment, ImportResult
from vmgen.printable import escape
from vmgen.printable import format_json as dump_json
from vmgen.problems import Problem
from vmgen.secrets.redact import redact_problem, redact_subject, redact_text, redact_user_data_line

# Up to so many objects with the same note are named one by one; of more, only the first.
_MAX_NAMED = 3


def format_text(result: ImportResult) -> str:
    """Return the report for people: each environment with its notes, then the skipped objects."""
    lines = [line for environment in result.environments for line in _render_environment(environment)]
    lines.extend(_render_notes("skipped", result.skipped_notes))
    return "".join(f"{escape(line)}\n" for line in lines)


def _render_environment(environment: ImportedEnvironment) -> Iterator[str]:
    content, round_trip = environment.content, environment.round_trip
    groups = _format_count(len(content.data.get("vms", {})), "group")
    disks = _format_count(len(content.data.get("disks", {})), "standalone disk")
    yield f"{environment.file}: {groups} and {disks} in {_format_count(len(content.lines), 'line')}"
    for template in environment.templates:
        vms = _format_count(template.vm_count, "VM")
        lines = _format_count(template.text.count("\n"), "line")
        yield f"  templates/cloud-init/{template.name}: the user data of {vms} in {lines}"
    if round_trip:
        objects = _format_count(round_trip.equal + round_trip.completed_count + round_trip.normalised_count, "object")
        yield (
            f"  {objects}: {round_trip.equal:,} equal, {round_trip.completed_count:,} with more written out, "
            f"{round_trip.normalised_count:,} normalised"
        )
        for kind, entries in groupby(sorted(round_trip.explicit_fields.items()), key=lambda item: item[0][0]):
            fields = ", ".join(f"{field} ({number:,})" for (_, field), number in entries)
            yield f"  fields now set explicitly on {kind}: {fields}"
    for kind in ("normalised", "left out", "server field"):
        yield from (f"  {line}" for line in _render_notes(kind, [note for note in environment.notes if note.kind == kind]))


def _render_notes(kind: str, notes: Sequence[ImportNote]) -> Iterator[str]:
    if not notes:
        return
    yield f"{kind}:"
    if kind == "server field":
        # Every live object has them, so their names are enough.
        yield f"  {', '.join(dict.fromkeys(redact_subject(note.field) for note in notes))}"
        return
    sorted_notes = sorted(notes, key=lambda note: (note.field, note.text, note.place))
    for (field, text), group in groupby(sorted_notes, key=lambda note: (note.field, note.text)):
        same = list(group)
        more = f" (and of {len(same) - 1} more objects; -o json names them)" if len(same) > _MAX_NAMED else ""
        for note in same[:1] if more else same:
            subject = ": ".join(map(redact_subject, filter(None, (note.object, field))))
            yield f"  {note.place}: {subject}: {text}{more}"


def _format_count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_json(result: ImportResult, written_files: Iterable[str] = ()) -> str:
    """Return the report for scripts: a versioned document. `written_files` are the files that were written."""
    file_set = set(written_files)
    document = {
        "version": 1,
        "holds": result.is_verified,
        "environments": [_build_environment_data(item, item.file in file_set) for item in result.environments],
        "skipped": [_build_note_data(note) for note in result.skipped_notes],
        "problems": [_build_problem_data(problem) for problem in result.problems],
    }
    return dump_json(document)


def _build_environment_data(environment: ImportedEnvironment, is_written: bool) -> Mapping[str, Any]:
    round_trip = environment.round_trip or RoundTripResult(0, 0, 0, {}, ())
    return {
        "name": environment.name,
        "namespace": environment.namespace,
        "file": environment.file,
        "written": is_written,
        "holds": environment.is_verified,
        "lines": len(environment.content.lines),
        "text": redact_environment(environment.content),
        "templates": [
            {
                "file": f"templates/cloud-init/{template.name}",
                "vms": template.vm_count,
                "text": "\n".join(map(redact_user_data_line, template.text.splitlines())),
            }
            for template in environment.templates
        ],
        "equal": round_trip.equal,
        "completed": round_trip.completed_count,
        "normalised": round_trip.normalised_count,
        "explicit": [
            {"kind": kind, "field": field, "objects": number}
            for (kind, field), number in sorted(round_trip.explicit_fields.items())
        ],
        "notes": [{"what": note.kind, **_build_note_data(note)} for note in environment.notes],
        "problems": [_build_problem_data(problem) for problem in environment.problems],
    }


def _build_note_data(note: ImportNote) -> Mapping[str, Any]:
    return {
        **_build_place_data(note),
        "object": redact_subject(note.object),
        "field": redact_subject(note.field),
        "message": redact_text(note.text),
    }


def redact_environment(content: EnvironmentText) -> str:
    """Return the text of an environment to look at: cloud-init without its values, and no secret in any other line."""
    lines = []
    for line in content.lines:
        is_inside = "cloudInit" in line.path
        is_key = is_inside and line.text.lstrip().startswith("cloudInit:")
        lines.append(redact_user_data_line(line.text, is_key=is_key) if is_inside else line.text)
    # Redacted as one text: only the first line of a private key tells that it is one.
    return redact_text("".join(f"{line}\n" for line in lines))


def _build_problem_data(problem: Problem) -> Mapping[str, Any]:
    problem = redact_problem(problem)
    return {
        **_build_place_data(problem),
        "severity": problem.severity,
        "rule": problem.rule,
        "subject": problem.subject,
        "message": problem.message,
    }


def _build_place_data(item: ImportNote | Problem) -> Mapping[str, Any]:
    return {"file": item.place.file, "line": item.place.line, "column": item.place.column}
