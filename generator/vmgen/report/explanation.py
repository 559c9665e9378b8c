"""An explained object: its manifest, with where each value came from beside it; or the whole of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vmgen.explain.objects import Explanation, Field
from vmgen.explain.origins import Origin
from vmgen.masking import HIDDEN, shown, shown_line
from vmgen.problems import Place
from vmgen.quoting import flow
from vmgen.report.colour import Paint
from vmgen.report.links import Link

WIDTH = 100
_MOST_LEFT = 44
_PRIVATE = "PRIVATE KEY"


class _Word(NamedTuple):
    """A word of a note, with the place that it names and the style in which it is painted."""

    text: str
    style: str = ""
    place: Place | None = None


_Note = list[_Word]


def as_text(explanation: Explanation, fields: tuple[Field, ...], paint: Paint, link: Link) -> str:
    """The manifest, or only some of its fields, with the origins beside it; at most 100 columns where words allow it."""
    whole = fields == explanation.fields
    rows = _manifest(explanation) if whole else _alone(fields)
    left = min(_MOST_LEFT, max((len(text) for text, _ in rows), default=0))
    lines = [paint(f"{explanation.kind} {explanation.name}", "bold") + f" of {explanation.environment}"]
    lines.extend(_counted(explanation, paint, link))
    for text, notes in rows:
        lines.extend(_row(text, notes, left, paint, link))
    return "\n".join(lines) + "\n"


def _counted(explanation: Explanation, paint: Paint, link: Link) -> Iterator[str]:
    for origin in explanation.counted:
        words = [_Word("counted"), _Word("by"), *_named(origin), *_says(origin.value)]
        yield from _wrapped("", [words], 0, paint, link)


def _manifest(explanation: Explanation) -> list[tuple[str, list[_Note]]]:
    """Each line of the manifest that may be shown, with its notes."""
    lines = [shown_line(line) for line in explanation.text.splitlines()]
    notes: dict[int, list[_Note]] = {}
    hidden: set[int] = set()
    for field in explanation.fields:
        lines[field.line - 1] = _masked_line(explanation.text.splitlines()[field.line - 1], field)
        inside = range(field.line + 1, field.line + _length(field.value)) if isinstance(field.value, str) else range(0)
        if isinstance(field.value, str) and _PRIVATE in field.value:
            hidden.update(inside[1:])
            lines[inside[0] - 1] = f"    {HIDDEN}"
        for line, note in _notes(field, lines, inside):
            notes.setdefault(line, []).append(note)
    return [(line, notes.get(number, [])) for number, line in enumerate(lines, start=1) if number not in hidden]


def _length(text: str) -> int:
    """The lines of a literal block, the key's own included; 1 for a text on its key's line."""
    return 1 + text.rstrip("\n").count("\n") + 1 if "\n" in text else 1


def _masked_line(line: str, field: Field) -> str:
    masked = _shown(field)
    if masked == field.value or (isinstance(field.value, str) and "\n" in field.value):
        return line
    return f"{line[: field.column - 1]}{masked}"


def _shown(field: Field) -> Any:
    names = [step for step in field.path if isinstance(step, str)]
    return shown(field.value, names[-1] if names else "")


def _alone(fields: tuple[Field, ...]) -> list[tuple[str, list[_Note]]]:
    rows: list[tuple[str, list[_Note]]] = []
    for field in fields:
        notes = [note for _, note in _notes(field, [], range(0))]
        if field.origins:
            notes.append([_Word("written", "dim"), _Word("by", "dim"), _at(field.template)])
        rows.append((f"{field.name}: {flow(_shown(field))}", notes))
    return rows


def _notes(field: Field, lines: list[str], inside: range) -> Iterator[tuple[int, _Note]]:
    """The notes of a field, each with the line of the manifest that it belongs beside."""
    if not field.origins:
        yield field.line, [_at(field.template, "dim"), _Word("(template)", "dim")]
    at = inside.start
    said = ""
    for number, origin in enumerate(field.origins):
        line, at = _line_of(origin, lines, inside, at) if len(field.origins) > 1 and inside else (field.line, at)
        and_ = [_Word("and")] if number and line == field.line else []
        rule = [_Word(f"({origin.rule})", "dim")] if origin.rule and origin.rule != said else []
        said = origin.rule
        yield line, [*and_, *_named(origin), *rule]
        for lower in origin.overrides:
            rule = [_Word(f"({lower.rule})", "dim")] if lower.rule else []
            yield line, [_Word("over", "yellow"), *_says(_safe(lower.value, field)), *_named(lower), *rule]
    for origin in field.because:
        yield field.line, [_Word("because", "dim"), *_named(origin), *_says(_safe(origin.value, field))]
    for origin in field.entries:
        yield field.line, [_Word("see", "dim"), *_named(origin)]


def _line_of(origin: Origin, lines: list[str], inside: range, at: int) -> tuple[int, int]:
    """The line of a text made of several values in which one of them stands, and where to look for the next."""
    for number in range(max(at, inside.start), inside.stop):
        if isinstance(origin.value, str) and origin.value and origin.value.split("\n")[0] in lines[number - 1]:
            return number, number + 1
    return inside.start - 1, at


def _safe(value: Any, field: Field) -> Any:
    names = [step for step in field.path if isinstance(step, str)]
    return shown(value, names[-1] if names else "")


def _named(origin: Origin) -> _Note:
    key = origin.key or origin.layer
    return [_at(origin.place), _Word(key, "dim")]


def _at(place: Place, style: str = "blue") -> _Word:
    text = str(place) if place.column > 1 or not place.line else f"{place.file}:{place.line}"
    return _Word(text, style, place)


def _says(value: Any) -> _Note:
    if value is None:
        return []
    text = flow(value)
    return [_Word(text if len(text) <= 32 else f"{text[:31]}…")]


def _row(text: str, notes: list[_Note], left: int, paint: Paint, link: Link) -> Iterator[str]:
    if not notes:
        yield text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
        return
    shown_text = text if len(text) <= left else f"{text[: left - 1]}…"
    yield from _wrapped(shown_text, notes, left + 2, paint, link)


def _wrapped(text: str, notes: Iterable[_Note], indent: int, paint: Paint, link: Link) -> Iterator[str]:
    """Notes below each other in the right column, each broken between words where it is too long."""
    line = text.ljust(indent)
    for note in notes:
        used, out = indent, line
        for number, word in enumerate(note):
            gap = 1 if number else 0
            if number and used + gap + len(word.text) > WIDTH:
                yield out
                out, used, gap = " " * (indent + 2), indent + 2, 0
            out += " " * gap + _painted(word, WIDTH - used - gap, paint, link)
            used += gap + len(word.text)
        yield out
        line = " " * indent


def _painted(word: _Word, room: int, paint: Paint, link: Link) -> str:
    text = word.text
    if word.place is None and len(text) > max(room, 8):
        text = f"{text[: max(room, 8) - 1]}…"
    text = paint(text, word.style) if word.style else text
    return link(text, word.place) if word.place else text


def as_json(explanation: Explanation, fields: tuple[Field, ...]) -> str:
    """A versioned document (docs/explain.md)."""
    document = {
        "version": 1,
        "environment": explanation.environment,
        "kind": explanation.kind,
        "name": explanation.name,
        "file": f"manifests/{explanation.file}",
        "counted": [_origin(origin, "") for origin in explanation.counted],
        "fields": [_field(field) for field in fields],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"


def _field(field: Field) -> dict[str, Any]:
    name = next((step for step in reversed(field.path) if isinstance(step, str)), "")
    template = {"file": field.template.file, "line": field.template.line}
    return {
        "field": field.name,
        "path": list(field.path),
        "value": _shown(field),
        "origins": [_origin(origin, name) for origin in field.origins] or [{**template, "column": 1, "layer": "template"}],
        "because": [_origin(origin, name) for origin in field.because],
        "catalog": [_origin(origin, "") for origin in field.entries],
        "template": template,
    }


def _origin(origin: Origin, name: str) -> dict[str, Any]:
    return {
        "file": origin.place.file,
        "line": origin.place.line,
        "column": origin.place.column,
        "layer": origin.layer,
        "key": origin.key,
        "value": shown(origin.value, name),
        "rule": origin.rule,
        "overrides": [_origin(lower, name) for lower in origin.overrides],
    }
