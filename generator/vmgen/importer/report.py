"""What an import did, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from vmgen.importer.inputs import ImportNote
from vmgen.importer.proof import RoundTripResult
from vmgen.importer.run import ImportedEnvironment, ImportResult
from vmgen.problems import Problem

# So many objects of which the same is said are named one by one; of more, the first.
_MAX_NAMED = 3


def format_text(adoption: ImportResult) -> str:
    """For people: each environment with what was normalised, written out and left out, and then what was skipped."""
    lines: list[str] = []
    for each in adoption.environments:
        lines.extend(_render_environment(each))
    lines.extend(_render_notes("skipped", adoption.skipped))
    return "".join(f"{line}\n" for line in lines)


def _render_environment(each: ImportedEnvironment) -> Iterator[str]:
    data = each.content.data
    groups, disks = (
        _format_count(len(data.get("vms", {})), "group"),
        _format_count(len(data.get("disks", {})), "standalone disk"),
    )
    yield f"{each.file}: {groups} and {disks} in {_format_count(len(each.content.lines), 'line')}"
    if each.round_trip:
        proof = each.round_trip
        yield (
            f"  {_format_count(proof.equal + proof.completed + proof.normalised, 'object')}: {proof.equal:,} equal, "
            f"{proof.completed:,} with more written out, {proof.normalised:,} normalised"
        )
        yield from _render_explicit_fields(each.round_trip)
    for what in ("normalised", "left out", "server field"):
        yield from (f"  {line}" for line in _render_notes(what, [note for note in each.notes if note.kind == what]))


def _render_explicit_fields(proof: RoundTripResult) -> Iterator[str]:
    """What was left out and is written out now, in a line for each kind."""
    for kind, same in groupby(sorted(proof.explicit_fields.items()), key=lambda item: item[0][0]):
        fields = ", ".join(f"{field} ({number:,})" for (_, field), number in same)
        yield f"  written out now, of {kind}: {fields}"


def _render_notes(title: str, notes: Sequence[ImportNote]) -> Iterator[str]:
    if not notes:
        return
    yield f"{title}:"
    if title == "server field":
        yield f"  {', '.join(dict.fromkeys(note.field for note in notes))}"
        return
    ordered = sorted(notes, key=lambda note: (note.field, note.text))
    for (field, text), same in groupby(ordered, key=lambda note: (note.field, note.text)):
        some = sorted(same, key=lambda note: note.place)
        named = some if len(some) <= _MAX_NAMED else some[:1]
        more = f" (and of {len(some) - 1} more objects; -o json names them)" if len(some) > _MAX_NAMED else ""
        for note in named:
            subject = f"{note.object}: {field}" if field else note.object
            yield f"  {note.place}: {subject}: {text}{more}"


def _format_count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_json(adoption: ImportResult, written: Iterable[str] = ()) -> str:
    """For scripts: a versioned document. `written` are the files that were written."""
    files = set(written)
    document = {
        "version": 1,
        "holds": adoption.is_verified,
        "environments": [_build_environment_data(each, each.file in files) for each in adoption.environments],
        "skipped": [_build_note_data(note) for note in adoption.skipped],
        "problems": [_build_problem_data(problem) for problem in adoption.problems],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _build_environment_data(each: ImportedEnvironment, written: bool) -> Mapping[str, Any]:
    proof = each.round_trip
    return {
        "name": each.name,
        "namespace": each.namespace,
        "file": each.file,
        "written": written,
        "holds": each.is_verified,
        "lines": len(each.content.lines),
        "text": each.content.text,
        "equal": proof.equal if proof else 0,
        "completed": proof.completed if proof else 0,
        "normalised": proof.normalised if proof else 0,
        "explicit": [
            {"kind": kind, "field": field, "objects": number} for (kind, field), number in sorted(proof.explicit_fields.items())
        ]
        if proof
        else [],
        "notes": [{"what": note.kind, **_build_note_data(note)} for note in each.notes],
        "problems": [_build_problem_data(problem) for problem in each.problems],
    }


def _build_note_data(note: ImportNote) -> Mapping[str, Any]:
    return {**_build_place_data(note), "object": note.object, "field": note.field, "message": note.text}


def _build_problem_data(problem: Problem) -> Mapping[str, Any]:
    return {
        **_build_place_data(problem),
        "severity": problem.severity,
        "rule": problem.rule,
        "subject": problem.subject,
        "message": problem.message,
    }


def _build_place_data(thing: ImportNote | Problem) -> Mapping[str, Any]:
    return {"file": thing.place.file, "line": thing.place.line, "column": thing.place.column}
