"""An explained object as text, its manifest with the origin of each value beside it, or as JSON."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vmgen.explain.origins import ExplainedField, Explanation, Origin
from vmgen.printable import escape
from vmgen.printable import format_json as dump_json
from vmgen.problems import Place
from vmgen.report.terminal import Link, Paint
from vmgen.secrets.redact import REDACTED, redact_line, redact_text, redact_user_data_line, redact_value
from vmgen.yaml_text import to_flow

MAX_WIDTH = 100
_MAX_LEFT_WIDTH = 44
_MAX_VALUE_WIDTH = 32


_BLOCK_INDICATOR = re.compile(r"\|[0-9]?[+-]?$")


class _Word(NamedTuple):
    """A word of an annotation, with its style and the place that it links to."""

    text: str
    style: str = ""
    place: Place | None = None


_Annotation = list[_Word]
# A line of the left column and the annotations beside it.
_Row = tuple[str, list[_Annotation]]


def format_text(explanation: Explanation, fields: tuple[ExplainedField, ...], paint: Paint, link: Link) -> str:
    """Format the manifest, or some of its fields, with the origins beside it; at most 100 columns if no word is longer."""
    rows = _annotate_manifest(explanation) if fields == explanation.fields else list(map(_annotate_field, fields))
    # One long value must not push the origins of all others out of the window.
    left_width = min(_MAX_LEFT_WIDTH, max((len(text) for text, _ in rows), default=0))
    lines = [paint(f"{explanation.kind} {explanation.name}", "bold") + f" of {explanation.environment}"]
    for origin in explanation.existence_origins:
        words = [_Word("counted"), _Word("by"), *_format_origin(origin), *_format_value(origin.value)]
        lines.extend(_wrap_annotations("", [words], 0, paint, link))
    for text, notes in rows:
        if notes:
            lines.extend(_wrap_annotations(_shorten(text, left_width), notes, left_width + 2, paint, link))
        else:
            lines.append(escape(_shorten(text, MAX_WIDTH)))
    return "\n".join(lines) + "\n"


def _annotate_manifest(explanation: Explanation) -> list[_Row]:
    """Return the redacted lines of the manifest; of lines in a row that show nothing, the first."""
    raw_lines = explanation.text.splitlines()
    lines = list(map(redact_line, raw_lines))
    annotations: dict[int, list[_Annotation]] = {}
    hidden_numbers: set[int] = set()
    for field in explanation.fields:
        block = _find_block_lines(field, raw_lines)
        # The line is cut at the column of the value: quotes and comments behind it are parts of it.
        value_text, line = _redact(field.value, field), raw_lines[field.line - 1]
        is_redacted = value_text != field.value and not block
        lines[field.line - 1] = f"{line[: field.column - 1]}{value_text}" if is_redacted else line
        for number, annotation in _annotate_lines(field, raw_lines, block):
            annotations.setdefault(number, []).append(annotation)
        hidden_numbers.update(_redact_block(field, raw_lines, lines, block))
    hidden_numbers -= annotations.keys()
    return [(line, annotations.get(number, [])) for number, line in enumerate(lines, start=1) if number not in hidden_numbers]


def _redact_block(field: ExplainedField, raw_lines: list[str], lines: list[str], block: range) -> Iterator[int]:
    """Hide the values in a literal block, and yield the lines that are like the one above them."""
    if not block:
        return
    if _get_key(field) == "cloudInit":
        redacted_lines = [redact_user_data_line(raw_lines[number - 1]) for number in block]
    else:
        redacted_lines = redact_text("\n".join(raw_lines[number - 1] for number in block)).split("\n")
    redacted_lines += [""] * (len(block) - len(redacted_lines))  # a private key is one secret of several lines
    for number, line in zip(block, redacted_lines):
        lines[number - 1] = line
        # A script of a hundred lines is a hundred lines of stars.
        if line == lines[number - 2] and line.strip(" -") in ("", REDACTED):
            yield number


def _find_block_lines(field: ExplainedField, lines: list[str]) -> range:
    """Return the lines of a literal block below its key, from 1; empty for a value on the line of its key.

    A text with blanks at the end of a line is quoted, on the line of its key.
    """
    if not isinstance(field.value, str) or "\n" not in field.value or not _BLOCK_INDICATOR.search(lines[field.line - 1]):
        return range(0)
    return range(field.line + 1, field.line + 2 + field.value.rstrip("\n").count("\n"))


def _annotate_field(field: ExplainedField) -> _Row:
    annotations = [annotation for _, annotation in _annotate_lines(field, [], range(0))]
    if field.origins:
        annotations.append([_Word("written", "dim"), _Word("by", "dim"), _format_location(field.template_line)])
    return f"{field.name}: {to_flow(_redact(field.value, field))}", annotations


def _annotate_lines(field: ExplainedField, lines: list[str], block: range) -> Iterator[tuple[int, _Annotation]]:
    """Return the annotations of a field, each with the number of the line that it belongs beside."""
    if not field.origins:
        yield field.line, [_format_location(field.template_line, "dim"), _Word("(template)", "dim")]
    next_line, last_rule = block.start, ""
    for index, origin in enumerate(field.origins):
        number = field.line
        if block and len(field.origins) > 1:
            number, next_line = _find_line(origin, lines, block, next_line)
        conjunction = [_Word("and")] if index and number == field.line else []
        yield number, [*conjunction, *_format_origin(origin), *_format_rule(origin.rule if origin.rule != last_rule else "")]
        last_rule = origin.rule
        for lower in origin.overrides:
            value = _format_value(_redact(lower.value, field))
            yield number, [_Word("over", "yellow"), *value, *_format_origin(lower), *_format_rule(lower.rule)]
    for origin in field.condition_origins:
        value = _format_value(_redact(origin.value, field))
        yield field.line, [_Word("because", "dim"), *_format_origin(origin), *value]
    for origin in field.catalog_origins:
        yield field.line, [_Word("see", "dim"), *_format_origin(origin)]


def _find_line(origin: Origin, lines: list[str], block: range, start: int) -> tuple[int, int]:
    """Find the line of a text made of several values that contains one of them, and where to look for the next value."""
    for number in range(max(start, block.start), block.stop):
        if isinstance(origin.value, str) and origin.value and origin.value.split("\n")[0] in lines[number - 1]:
            return number, number + 1
    return block.start - 1, start


def _redact(value: Any, field: ExplainedField) -> Any:
    return redact_value(value, _get_key(field))


def _get_key(field: ExplainedField) -> str:
    """Return the last key of a field's path, by which secrets are recognised."""
    return next((step for step in reversed(field.path) if isinstance(step, str)), "")


def _format_origin(origin: Origin) -> _Annotation:
    return [_format_location(origin.place), _Word(origin.key or origin.layer, "dim")]


def _format_location(place: Place, style: str = "blue") -> _Word:
    text = str(place) if place.column > 1 or not place.line else f"{place.file}:{place.line}"
    return _Word(text, style, place)


def _format_rule(rule: str) -> _Annotation:
    return [_Word(f"({rule})", "dim")] if rule else []


def _format_value(value: Any) -> _Annotation:
    return [] if value is None else [_Word(_shorten(to_flow(value), _MAX_VALUE_WIDTH))]


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _wrap_annotations(text: str, annotations: Iterable[_Annotation], indent: int, paint: Paint, link: Link) -> Iterator[str]:
    """Return the annotations one below the other at `indent`, the first one beside `text`; long ones break between words."""
    prefix = escape(text).ljust(indent)
    for annotation in annotations:
        width, line = indent, prefix
        for index, word in enumerate(annotation):
            gap = 1 if index else 0
            if index and width + gap + len(word.text) > MAX_WIDTH:
                yield line
                line, width, gap = " " * (indent + 2), indent + 2, 0
            line += " " * gap + _paint_word(word, MAX_WIDTH - width - gap, paint, link)
            width += gap + len(word.text)
        yield line
        prefix = " " * indent


def _paint_word(word: _Word, room: int, paint: Paint, link: Link) -> str:
    text = escape(word.text if word.place else _shorten(word.text, max(room, 8)))
    text = paint(text, word.style) if word.style else text
    return link(text, word.place) if word.place else text


def format_json(explanation: Explanation, fields: tuple[ExplainedField, ...]) -> str:
    """Format some fields of an object as a versioned document (docs/explain.md)."""
    document = {
        "version": 1,
        "environment": explanation.environment,
        "kind": explanation.kind,
        "name": explanation.name,
        "file": f"manifests/{explanation.file}",
        "counted": [_origin_to_dict(origin, "") for origin in explanation.existence_origins],
        "fields": [_field_to_dict(field) for field in fields],
    }
    return dump_json(document, default=str)


def _field_to_dict(field: ExplainedField) -> dict[str, Any]:
    key = _get_key(field)
    template = {"file": field.template_line.file, "line": field.template_line.line}
    origins = [_origin_to_dict(origin, key) for origin in field.origins]
    return {
        "field": field.name,
        "path": list(field.path),
        "value": _redact(field.value, field),
        "origins": origins or [{**template, "column": 1, "layer": "template"}],
        "because": [_origin_to_dict(origin, key) for origin in field.condition_origins],
        "catalog": [_origin_to_dict(origin, "") for origin in field.catalog_origins],
        "template": template,
    }


def _origin_to_dict(origin: Origin, key: str) -> dict[str, Any]:
    return {
        "file": origin.place.file,
        "line": origin.place.line,
        "column": origin.place.column,
        "layer": origin.layer,
        "key": origin.key,
        "value": redact_value(origin.value, key),
        "rule": origin.rule,
        "overrides": [_origin_to_dict(lower, key) for lower in origin.overrides],
    }
