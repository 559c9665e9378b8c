"""What a plain YAML scalar means, where the versions of YAML agree; the rest must be quoted.

PyYAML, kubectl and kustomize read `no`, `014`, `1e3` or `22:22` as different things (YAML 1.1 against 1.2). Rather than
pick one, such a scalar is kept as `Ambiguous`, and the reader refuses it outside of cloud-init.

YAML text becomes located values, strictly: the one home of the YAML parser for what users write.

The events of libyaml are turned into values directly, since the constructed tree of PyYAML has lost duplicate keys,
tags and anchors, and its nodes cost a third more.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any

import yaml

from vmgen.problems import Place, Problem
from vmgen.read.located import AmbiguousScalar, Located

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_AMBIGUOUS = re.compile(
    r"""(?xi)
    y | n | yes | no | on | off | = | <<
  | [-+]? 0[box][0-9a-f_]+                              # 0o14, 0x1F: numbers to some, text to others
  | [-+]? [0-9][0-9_]* (:[0-5]?[0-9])+ (\.[0-9_]*)?     # 22:22, a number in base 60
  | [-+]? (\.[0-9_]+ | [0-9][0-9_]*(\.[0-9_]*)?) (e[-+]?[0-9]+)?     # 014, 1_000, 01.5, 1., .5, 1e3
  | [-+]? \.(inf|nan)
    """
)
# Plain words that are more than text to some, and the characters of which the rest of what is ambiguous consists.
_AMBIGUOUS_WORDS = frozenset("y yes n no on off = <<".split())
_NUMBER_CHARACTERS = frozenset("0123456789+-_.:abcdefinoxABCDEFINOX")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def resolve_scalar(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar; `Ambiguous` where parsers disagree."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text in _NULLS:
        return None
    if not _NUMBER_CHARACTERS.issuperset(text):  # most texts are seen to be no numbers without an expression being compiled
        return AmbiguousScalar(text) if text.casefold() in _AMBIGUOUS_WORDS else text
    number = int if _INTEGER.fullmatch(text) else float if _DECIMAL.fullmatch(text) else None
    if number:
        # Readers differ on many digits: some round them, some refuse them, to some they are infinite.
        return number(text) if len(text) < 20 else AmbiguousScalar(text)
    return AmbiguousScalar(text) if _AMBIGUOUS.fullmatch(text) else text


def describe_unprintable(text: str) -> str | None:
    """The first character that does not survive a YAML round trip, as `U+0085`, or None."""
    position = find_unprintable(text)
    return None if position is None else f"U+{ord(text[position]):04X}"


def find_unprintable(text: str) -> int | None:
    """Where the first such character stands, or None."""
    if text.replace("\n", "").replace("\t", "").isprintable():  # which all characters are that survive, but for rare ones
        return None
    found = _UNPRINTABLE.search(text)
    return found.start() if found else None


MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 50
MAX_VALUES = 2_000_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UnreadableFile(Exception):
    """Nothing more can be read from this file."""


class _ReadContext:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.anchors: dict[str, Located] = {}
        self.value_count = 0

    def report(self, place: Place, rule: str, message: str) -> None:
        self.problems.append(Problem(place, rule, "", message))

    def report_fatal(self, place: Place, rule: str, message: str) -> _UnreadableFile:
        self.report(place, rule, message)
        return _UnreadableFile()


def read_yaml(content: bytes, file: str) -> tuple[Located | None, list[Problem]]:
    """The one document of a file, and what is wrong with it.

    `file` is the name that places carry. None where nothing could be read; an empty file is an empty mapping.
    """
    reading = _ReadContext(file)
    try:
        return _parse_document(_decode(content, reading), reading), reading.problems
    except _UnreadableFile:
        return None, reading.problems


def read_documents(content: bytes, file: str) -> tuple[list[Located], list[Problem]]:
    """All documents of a file, empty ones left out: what could be read before the first thing that stops a parser."""
    reading = _ReadContext(file)
    found: list[Located] = []
    try:
        for value in _parse_documents(_decode(content, reading), reading):
            found.append(value)
    except _UnreadableFile:
        pass
    return [value for value in found if value.data is not None], reading.problems


def _parse_documents(text: str, reading: _ReadContext) -> Iterator[Located]:
    try:
        events = iter(yaml.parse(text, Loader=_LOADER))
        next(events)  # stream start
        while not isinstance(next(events), yaml.StreamEndEvent):
            reading.anchors.clear()
            yield _parse_value(next(events), events, reading, depth=0)
            next(events)  # document end
    except yaml.MarkedYAMLError as error:
        raise _report_syntax_error(error, text, reading) from None


def _decode(content: bytes, reading: _ReadContext) -> str:
    if len(content) > MAX_FILE_BYTES:
        raise reading.report_fatal(
            Place(reading.file), "file-too-large", f"more than {MAX_FILE_BYTES // 1024 // 1024} MiB; split the file"
        )
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        read = error.object[: error.start].decode()
        place = _end_place(read, reading)
        raise reading.report_fatal(place, "not-utf-8", "not UTF-8 text; save the file as UTF-8") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Before the parser sees them: to it U+0085 and U+2028 end a line, and so a comment, where no editor shows one.
    position = find_unprintable(text)
    if position is not None:
        message = f"the character {describe_unprintable(text[position])} does not survive YAML tools; remove it"
        raise reading.report_fatal(_end_place(text[:position], reading), "unprintable-character", message)
    return text


def _end_place(read: str, reading: _ReadContext) -> Place:
    return Place(reading.file, read.count("\n") + 1, len(read) - read.rfind("\n"))


def _parse_document(text: str, reading: _ReadContext) -> Located:
    try:
        events = iter(yaml.parse(text, Loader=_LOADER))
        next(events)  # stream start
        if isinstance(next(events), yaml.StreamEndEvent):
            return Located({}, Place(reading.file, 1, 1))
        value = _parse_value(next(events), events, reading, depth=0)
        next(events)  # document end
        following = next(events)
        if not isinstance(following, yaml.StreamEndEvent):
            message = "a second document begins here; write one file for each environment"
            raise reading.report_fatal(_event_place(following, reading), "several-documents", message)
        return value if value.data is not None else Located({}, value.place)
    except yaml.MarkedYAMLError as error:
        raise _report_syntax_error(error, text, reading) from None


def _report_syntax_error(error: yaml.MarkedYAMLError, text: str, reading: _ReadContext) -> _UnreadableFile:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    lines = text.split("\n")
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        place = Place(reading.file, line, written.index("\t") + 1)
        return reading.report_fatal(place, "tab-indentation", "a tab in the indentation; YAML takes spaces only")
    message = error.problem or "not YAML"
    if "end of stream" in message and error.context_mark and "quoted" in (error.context or ""):
        opened = Place(reading.file, error.context_mark.line + 1, error.context_mark.column + 1)
        return reading.report_fatal(opened, "yaml-syntax", "the quote that opens here is never closed; close it")
    if "mapping values are not allowed" in message:
        message += "; quote a text that holds ': '"
    elif "undefined alias" in message:
        return reading.report_fatal(Place(reading.file, line, column), "unknown-alias", f"{message}; write the value out")
    elif "cannot start any token" in message:
        message += "; quote a text that begins with '%', '@' or '`'"
    return reading.report_fatal(Place(reading.file, line, column), "yaml-syntax", message)


def _event_place(event: Any, reading: _ReadContext) -> Place:
    mark = event.start_mark
    return Place(reading.file, mark.line + 1, mark.column + 1)


def _parse_value(event: Any, events: Any, reading: _ReadContext, depth: int) -> Located:
    place = _event_place(event, reading)
    reading.value_count += 1
    if depth > MAX_DEPTH or reading.value_count > MAX_VALUES:
        raise reading.report_fatal(place, "too-deep", f"more than {MAX_DEPTH} levels or {MAX_VALUES} values; simplify the file")
    if isinstance(event, yaml.AliasEvent):
        return _resolve_alias(event, place, reading)
    if event.tag is not None:
        reading.report(place, "yaml-tag", f"the tag {event.tag} is not taken; write a plain value")
    if isinstance(event, yaml.ScalarEvent):
        value = _parse_scalar(event, place, reading)
    elif isinstance(event, yaml.SequenceStartEvent):
        value = Located(tuple(_parse_items(events, reading, depth)), place)
    else:
        value = Located(_parse_mapping(events, reading, depth), place)
    if event.anchor is not None:
        reading.anchors[event.anchor] = value
    return value


def _resolve_alias(event: Any, place: Place, reading: _ReadContext) -> Located:
    target = reading.anchors.get(event.anchor)
    if target is None:
        message = f"unknown alias '{event.anchor}'; write the value out"
        raise reading.report_fatal(place, "unknown-alias", message)
    reading.value_count += _count_values(target, MAX_VALUES - reading.value_count)
    if reading.value_count > MAX_VALUES:
        raise reading.report_fatal(place, "alias-bomb", "aliases unfold to too many values; write them out")
    return target


def _count_values(value: Located, most: int) -> int:
    count, waiting = 0, [value]
    while waiting and count <= most:
        data = waiting.pop().data
        count += 1
        if isinstance(data, dict):
            waiting.extend(data.values())
        elif isinstance(data, tuple):
            waiting.extend(data)
    return count


def _parse_scalar(event: Any, place: Place, reading: _ReadContext) -> Located:
    character = describe_unprintable(event.value)
    if character:
        message = f"the character {character} does not survive YAML tools; remove it"
        reading.report(place, "unprintable-character", message)
    return Located(event.value if event.style else resolve_scalar(event.value), place)


def _parse_items(events: Any, reading: _ReadContext, depth: int) -> Any:
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            return
        yield _parse_value(event, events, reading, depth + 1)


def _parse_mapping(events: Any, reading: _ReadContext, depth: int) -> dict[str, Located]:
    found: dict[str, Located] = {}
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        key = _parse_value(event, events, reading, depth + 1)
        value = _parse_value(next(events), events, reading, depth + 1)
        name = _parse_key(key, reading)
        if name is None:
            continue
        if name in found:
            first = found[name].key_place
            message = f"'{name}' is written twice, first at line {first.line if first else '?'}; remove one"
            reading.report(key.place, "duplicate-key", message)
            continue
        found[name] = Located(value.data, value.place, key.place)
    return found


def _parse_key(key: Located, reading: _ReadContext) -> str | None:
    if isinstance(key.data, AmbiguousScalar):
        if key.data == "<<":
            reading.report(key.place, "merge-key", "merge keys are not taken; use `defaults:` or `extends:`")
            return None
        message = f'the key {key.data} means different things to YAML tools; write "{key.data}"'
        reading.report(key.place, "ambiguous-scalar", message)
        return str(key.data)
    if key.data == "":
        reading.report(key.place, "key-not-text", "a key must not be empty; write its name, or remove it")
        return None
    if isinstance(key.data, str):
        return key.data
    if isinstance(key.data, int) and not isinstance(key.data, bool):
        return str(key.data)
    reading.report(key.place, "key-not-text", "a key must be text; put it in quotes")
    return None
