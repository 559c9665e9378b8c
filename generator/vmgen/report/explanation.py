"""An explained object: its manifest, with where each value came from beside it; or the whole of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vmgen.explain.origins import ExplainedField, Explanation, Origin
from vmgen.problems import Place
from vmgen.report.terminal import Link, Paint
from vmgen.secrets.redact import REDACTED, redact, redact_line
from vmgen.yaml_text import to_flow

MAX_WIDTH = 100
_MAX_LEFT_WIDTH = 44
_PRIVATE_KEY_MARKER = "PRIVATE KEY"


class _Word(NamedTuple):
    """A word of a note, with the place that it names and the style in which it is painted."""

    text: str
    style: str = ""
    place: Place | None = None


_Annotation = list[_Word]


def format_text(explanation: Explanation, fields: tuple[ExplainedField, ...], paint: Paint, link: Link) -> str:
    """The manifest, or only some of its fields, with the origins beside it; at most 100 columns where words allow it."""
    whole = fields == explanation.fields
    rows = _annotate_manifest(explanation) if whole else _list_fields(fields)
    left = min(_MAX_LEFT_WIDTH, max((len(text) for text, _ in rows), default=0))
    lines = [paint(f"{explanation.kind} {explanation.name}", "bold") + f" of {explanation.environment}"]
    lines.extend(_format_count_origins(explanation, paint, link))
    for text, notes in rows:
        lines.extend(_format_row(text, notes, left, paint, link))
    return "\n".join(lines) + "\n"


def _format_count_origins(explanation: Explanation, paint: Paint, link: Link) -> Iterator[str]:
    for origin in explanation.existence_origins:
        words = [_Word("counted"), _Word("by"), *_format_origin(origin), *_format_value(origin.value)]
        yield from _wrap_annotations("", [words], 0, paint, link)


def _annotate_manifest(explanation: Explanation) -> list[tuple[str, list[_Annotation]]]:
    """Each line of the manifest that may be shown, with its notes."""
    lines = [redact_line(line) for line in explanation.text.splitlines()]
    notes: dict[int, list[_Annotation]] = {}
    hidden: set[int] = set()
    for field in explanation.fields:
        lines[field.line - 1] = _redact_field_line(explanation.text.splitlines()[field.line - 1], field)
        inside = (
            range(field.line + 1, field.line + _count_block_lines(field.value)) if isinstance(field.value, str) else range(0)
        )
        if isinstance(field.value, str) and _PRIVATE_KEY_MARKER in field.value:
            hidden.update(inside[1:])
            lines[inside[0] - 1] = f"    {REDACTED}"
        for line, note in _build_annotations(field, lines, inside):
            notes.setdefault(line, []).append(note)
    return [(line, notes.get(number, [])) for number, line in enumerate(lines, start=1) if number not in hidden]


def _count_block_lines(text: str) -> int:
    """The lines of a literal block, the key's own included; 1 for a text on its key's line."""
    return 1 + text.rstrip("\n").count("\n") + 1 if "\n" in text else 1


def _redact_field_line(line: str, field: ExplainedField) -> str:
    masked = _redact_field_value(field)
    if masked == field.value or (isinstance(field.value, str) and "\n" in field.value):
        return line
    return f"{line[: field.column - 1]}{masked}"


def _redact_field_value(field: ExplainedField) -> Any:
    names = [step for step in field.path if isinstance(step, str)]
    return redact(field.value, names[-1] if names else "")


def _list_fields(fields: tuple[ExplainedField, ...]) -> list[tuple[str, list[_Annotation]]]:
    rows: list[tuple[str, list[_Annotation]]] = []
    for field in fields:
        notes = [note for _, note in _build_annotations(field, [], range(0))]
        if field.origins:
            notes.append([_Word("written", "dim"), _Word("by", "dim"), _format_location(field.template_line)])
        rows.append((f"{field.name}: {to_flow(_redact_field_value(field))}", notes))
    return rows


def _build_annotations(field: ExplainedField, lines: list[str], inside: range) -> Iterator[tuple[int, _Annotation]]:
    """The notes of a field, each with the line of the manifest that it belongs beside."""
    if not field.origins:
        yield field.line, [_format_location(field.template_line, "dim"), _Word("(template)", "dim")]
    at = inside.start
    said = ""
    for number, origin in enumerate(field.origins):
        line, at = _find_line(origin, lines, inside, at) if len(field.origins) > 1 and inside else (field.line, at)
        and_ = [_Word("and")] if number and line == field.line else []
        rule = [_Word(f"({origin.rule})", "dim")] if origin.rule and origin.rule != said else []
        said = origin.rule
        yield line, [*and_, *_format_origin(origin), *rule]
        for lower in origin.overrides:
            rule = [_Word(f"({lower.rule})", "dim")] if lower.rule else []
            yield (
                line,
                [_Word("over", "yellow"), *_format_value(_redact_for_field(lower.value, field)), *_format_origin(lower), *rule],
            )
    for origin in field.condition_origins:
        yield (
            field.line,
            [_Word("because", "dim"), *_format_origin(origin), *_format_value(_redact_for_field(origin.value, field))],
        )
    for origin in field.catalog_origins:
        yield field.line, [_Word("see", "dim"), *_format_origin(origin)]


def _find_line(origin: Origin, lines: list[str], inside: range, at: int) -> tuple[int, int]:
    """The line of a text made of several values in which one of them stands, and where to look for the next."""
    for number in range(max(at, inside.start), inside.stop):
        if isinstance(origin.value, str) and origin.value and origin.value.split("\n")[0] in lines[number - 1]:
            return number, number + 1
    return inside.start - 1, at


def _redact_for_field(value: Any, field: ExplainedField) -> Any:
    names = [step for step in field.path if isinstance(step, str)]
    return redact(value, names[-1] if names else "")


def _format_origin(origin: Origin) -> _Annotation:
    key = origin.key or origin.layer
    return [_format_location(origin.place), _Word(key, "dim")]


def _format_location(place: Place, style: str = "blue") -> _Word:
    text = str(place) if place.column > 1 or not place.line else f"{place.file}:{place.line}"
    return _Word(text, style, place)


def _format_value(value: Any) -> _Annotation:
    if value is None:
        return []
    text = to_flow(value)
    return [_Word(text if len(text) <= 32 else f"{text[:31]}…")]


def _format_row(text: str, notes: list[_Annotation], left: int, paint: Paint, link: Link) -> Iterator[str]:
    if not notes:
        yield text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 1]}…"
        return
    shown_text = text if len(text) <= left else f"{text[: left - 1]}…"
    yield from _wrap_annotations(shown_text, notes, left + 2, paint, link)


def _wrap_annotations(text: str, notes: Iterable[_Annotation], indent: int, paint: Paint, link: Link) -> Iterator[str]:
    """Notes below each other in the right column, each broken between words where it is too long."""
    line = text.ljust(indent)
    for note in notes:
        used, out = indent, line
        for number, word in enumerate(note):
            gap = 1 if number else 0
            if number and used + gap + len(word.text) > MAX_WIDTH:
                yield out
                out, used, gap = " " * (indent + 2), indent + 2, 0
            out += " " * gap + _paint_word(word, MAX_WIDTH - used - gap, paint, link)
            used += gap + len(word.text)
        yield out
        line = " " * indent


def _paint_word(word: _Word, room: int, paint: Paint, link: Link) -> str:
    text = word.text
    if word.place is None and len(text) > max(room, 8):
        text = f"{text[: max(room, 8) - 1]}…"
    text = paint(text, word.style) if word.style else text
    return link(text, word.place) if word.place else text


def format_json(explanation: Explanation, fields: tuple[ExplainedField, ...]) -> str:
    """A versioned document (docs/explain.md)."""
    document = {
        "version": 1,
        "environment": explanation.environment,
        "kind": explanation.kind,
        "name": explanation.name,
        "file": f"manifests/{explanation.file}",
        "counted": [_origin_to_dict(origin, "") for origin in explanation.existence_origins],
        "fields": [_field_to_dict(field) for field in fields],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"


def _field_to_dict(field: ExplainedField) -> dict[str, Any]:
    name = next((step for step in reversed(field.path) if isinstance(step, str)), "")
    template = {"file": field.template_line.file, "line": field.template_line.line}
    return {
        "field": field.name,
        "path": list(field.path),
        "value": _redact_field_value(field),
        "origins": [_origin_to_dict(origin, name) for origin in field.origins]
        or [{**template, "column": 1, "layer": "template"}],
        "because": [_origin_to_dict(origin, name) for origin in field.condition_origins],
        "catalog": [_origin_to_dict(origin, "") for origin in field.catalog_origins],
        "template": template,
    }


def _origin_to_dict(origin: Origin, name: str) -> dict[str, Any]:
    return {
        "file": origin.place.file,
        "line": origin.place.line,
        "column": origin.place.column,
        "layer": origin.layer,
        "key": origin.key,
        "value": redact(origin.value, name),
        "rule": origin.rule,
        "overrides": [_origin_to_dict(lower, name) for lower in origin.overrides],
    }
