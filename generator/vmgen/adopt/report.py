"""What an import did, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from vmgen.adopt.notes import Note
from vmgen.adopt.proof import Proof
from vmgen.adopt.run import Adopted, Adoption
from vmgen.problems import Problem

# So many objects of which the same is said are named one by one; of more, the first.
_MOST_NAMED = 3


def as_text(adoption: Adoption) -> str:
    """For people: each environment with what was normalised, written out and left out, and then what was skipped."""
    lines: list[str] = []
    for each in adoption.environments:
        lines.extend(_environment(each))
    lines.extend(_section("skipped", adoption.skipped))
    return "".join(f"{line}\n" for line in lines)


def _environment(each: Adopted) -> Iterator[str]:
    data = each.written.data
    groups, disks = _counted(len(data.get("vms", {})), "group"), _counted(len(data.get("disks", {})), "standalone disk")
    yield f"{each.file}: {groups} and {disks} in {_counted(len(each.written.lines), 'line')}"
    if each.proof:
        proof = each.proof
        yield (
            f"  {_counted(proof.equal + proof.completed + proof.normalised, 'object')}: {proof.equal:,} equal, "
            f"{proof.completed:,} with more written out, {proof.normalised:,} normalised"
        )
        yield from _explicit(each.proof)
    for what in ("normalised", "left out", "server field"):
        yield from (f"  {line}" for line in _section(what, [note for note in each.notes if note.what == what]))


def _explicit(proof: Proof) -> Iterator[str]:
    """What was left out and is written out now, in a line for each kind."""
    for kind, same in groupby(sorted(proof.explicit.items()), key=lambda item: item[0][0]):
        fields = ", ".join(f"{field} ({number:,})" for (_, field), number in same)
        yield f"  written out now, of {kind}: {fields}"


def _section(title: str, notes: Sequence[Note]) -> Iterator[str]:
    if not notes:
        return
    yield f"{title}:"
    if title == "server field":
        yield f"  {', '.join(dict.fromkeys(note.field for note in notes))}"
        return
    ordered = sorted(notes, key=lambda note: (note.field, note.text))
    for (field, text), same in groupby(ordered, key=lambda note: (note.field, note.text)):
        some = sorted(same, key=lambda note: note.place)
        named = some if len(some) <= _MOST_NAMED else some[:1]
        more = f" (and of {len(some) - 1} more objects; -o json names them)" if len(some) > _MOST_NAMED else ""
        for note in named:
            subject = f"{note.object}: {field}" if field else note.object
            yield f"  {note.place}: {subject}: {text}{more}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def as_json(adoption: Adoption, written: Iterable[str] = ()) -> str:
    """For scripts: a versioned document. `written` are the files that were written."""
    files = set(written)
    document = {
        "version": 1,
        "holds": adoption.holds,
        "environments": [_as_data(each, each.file in files) for each in adoption.environments],
        "skipped": [_note(note) for note in adoption.skipped],
        "problems": [_problem(problem) for problem in adoption.problems],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _as_data(each: Adopted, written: bool) -> Mapping[str, Any]:
    proof = each.proof
    return {
        "name": each.name,
        "namespace": each.namespace,
        "file": each.file,
        "written": written,
        "holds": each.holds,
        "lines": len(each.written.lines),
        "text": each.written.text,
        "equal": proof.equal if proof else 0,
        "completed": proof.completed if proof else 0,
        "normalised": proof.normalised if proof else 0,
        "explicit": [
            {"kind": kind, "field": field, "objects": number} for (kind, field), number in sorted(proof.explicit.items())
        ]
        if proof
        else [],
        "notes": [{"what": note.what, **_note(note)} for note in each.notes],
        "problems": [_problem(problem) for problem in each.problems],
    }


def _note(note: Note) -> Mapping[str, Any]:
    return {**_place(note), "object": note.object, "field": note.field, "message": note.text}


def _problem(problem: Problem) -> Mapping[str, Any]:
    return {
        **_place(problem),
        "severity": problem.severity,
        "rule": problem.rule,
        "subject": problem.subject,
        "message": problem.message,
    }


def _place(thing: Note | Problem) -> Mapping[str, Any]:
    return {"file": thing.place.file, "line": thing.place.line, "column": thing.place.column}
