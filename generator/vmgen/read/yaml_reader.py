"""Read the YAML that users write into located values, strictly.

The events of libyaml are turned into values directly: PyYAML's constructed values have lost duplicate keys, tags and anchors.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import yaml

from vmgen.filesystem.reader import MAX_FILE_BYTES, MAX_JSON_BYTES
from vmgen.problems import Place, Problem
from vmgen.read.located import AmbiguousScalar, Data, Located
from vmgen.rules import (
    ALIAS_BOMB,
    AMBIGUOUS_SCALAR,
    DUPLICATE_KEY,
    FILE_TOO_LARGE,
    KEY_NOT_TEXT,
    MERGE_KEY,
    NOT_UTF_8,
    SEVERAL_DOCUMENTS,
    TOO_DEEP,
    UNKNOWN_ALIAS,
    UNPRINTABLE_CHARACTER,
    YAML_TAG,
    Rule,
)
from vmgen.secrets.names import is_sensitive_name
from vmgen.secrets.redact import REDACTED
from vmgen.yaml_text import UNPRINTABLE, YAML_1_1_BOOLEANS

MAX_DEPTH = 50
MAX_VALUES = 300_000
# Each mistake takes about a millisecond: it is compared with the known keys, and searched for secrets before it is printed.
MAX_PROBLEMS = 1000
TOO_MANY_PROBLEMS = f"the file has more than {MAX_PROBLEMS} mistakes; correct those that are listed, and run it again"
# Of a file that a user names: an import of a whole cluster.
MAX_NAMED_VALUES = 2_000_000
# Readers round, reject or turn into infinity a number of more digits.
MAX_NUMBER_LENGTH = 19

# Between two JSON documents, as `kubectl get -o json` appends them to a file: no value of JSON contains a line break.
_JSON_BOUNDARY = re.compile(r"\}\n+(?=\{)")
# Half of a character beyond 16 bits as JSON escapes it, which YAML does not know: https://www.rfc-editor.org/rfc/rfc8259#section-7
_SURROGATE_PAIR = re.compile(
    r"(?<!\\)(?P<backslashes>(?:\\\\)*)(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# The core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema); `yes` and `no` of 1.1 are ambiguous below.
_NULLS = {"", "~", "null", "Null", "NULL"}
# How a number, or another plain scalar that is no text, begins: most scalars need no other pattern.
_MAY_BE_NO_TEXT = re.compile(r"[-+.=<0-9]|[ynotf][a-z]{0,4}\Z", re.IGNORECASE)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
# Plain scalars that YAML 1.1 and 1.2, or PyYAML, kubectl and kustomize, resolve to different types.
_AMBIGUOUS = re.compile(
    rf"""(?xi)
    {" | ".join(YAML_1_1_BOOLEANS)} | = | <<
  | [-+]? 0[box][0-9a-f_]+                              # 0o14, 0x1F
  | [-+]? [0-9][0-9_]* (:[0-5]?[0-9])+ (\.[0-9_]*)?     # 22:22, a number in base 60
  | [-+]? (\.[0-9_]+ | [0-9][0-9_]*(\.[0-9_]*)?) (e[-+]?[0-9]+)?     # 014, 1_000, 01.5, 1., .5, 1e3
  | [-+]? \.(inf|nan)
    """
)


def read_yaml(content: bytes, file: str, max_values: int = 0) -> tuple[Located | None, list[Problem]]:
    """Return the one document of a file and its problems. Without a number of its own it may have `MAX_VALUES`.

    `file` is the file name of all places. The document is None if the file cannot be parsed, and an empty mapping if the file
    is empty.
    """
    parser = _Parser(file, MAX_FILE_BYTES, max_values or MAX_VALUES)
    try:
        documents = list(parser.parse_documents(parser.decode(content), single=True))
    except _UnreadableFile:
        return None, parser.problems
    document = documents[0] if documents else Located(None, Place(file, 1, 1))
    return (Located({}, document.place) if document.data is None else document), parser.problems


def read_documents(content: bytes, file: str) -> tuple[list[Located], list[Problem]]:
    """Return the non-empty documents of a file, up to the first syntax error, and the problems of the file.

    The file is what a user names on the command line, and as large as its reader lets it be.
    """
    parser = _Parser(file, MAX_JSON_BYTES, MAX_NAMED_VALUES)
    documents: list[Located] = []
    with suppress(_UnreadableFile):
        documents.extend(document for document in parser.parse_stream(content) if document.data is not None)
    return documents, parser.problems


def resolve_scalar(text: str) -> bool | int | float | str | None:
    """Return the value of a plain scalar; an AmbiguousScalar if YAML readers disagree about it."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text in _NULLS:
        return None
    if not _MAY_BE_NO_TEXT.match(text):
        return text
    number_type = int if _INTEGER.fullmatch(text) else float if _DECIMAL.fullmatch(text) else None
    if number_type and len(text) <= MAX_NUMBER_LENGTH:
        return number_type(text)
    return AmbiguousScalar(text) if number_type or _AMBIGUOUS.fullmatch(text) else text


def find_unprintable(text: str) -> int | None:
    """Return the index of the first character that does not survive a YAML round trip, or None."""
    match = UNPRINTABLE.search(text)
    return match.start() if match else None


def describe_unprintable(text: str) -> str | None:
    """Return the first character that does not survive a YAML round trip, as `U+0085`, or None."""
    match = UNPRINTABLE.search(text)
    return f"U+{ord(match.group()):04X}" if match else None


class _UnreadableFile(Exception):
    """The rest of the file cannot be read; the reason is in the parser's problems."""


class _Parser:
    """Parses one file and collects its problems. `value_count` includes the values that aliases repeat."""

    def __init__(self, file: str, limit: int, max_values: int) -> None:
        self.problems: list[Problem] = []
        self.limit = limit
        self.max_values = max_values
        self.file = file
        self.text = ""
        self.first_line = 1
        self.next_event: Callable[[], Any] = lambda: None
        self.anchors: dict[str, Located] = {}
        self.value_count = 0

    def parse_stream(self, content: bytes) -> Iterator[Located]:
        """Iterate over the YAML or JSON documents. Raises _UnreadableFile at the first syntax error."""
        text, start = self.decode(content), 0
        is_json = re.match(r"\s*[{\[]", text) is not None  # a text of half a gigabyte is not copied to look at its start
        if is_json:  # as programs write it that keep to ASCII
            text = _SURROGATE_PAIR.sub(lambda match: match["backslashes"] + json.loads(f'"{match["pair"]}"'), text)
        for boundary in _JSON_BOUNDARY.finditer(text) if is_json else ():
            yield from self.parse_documents(text[start : boundary.end()])
            self.first_line += text.count("\n", start, boundary.end())
            start = boundary.end()
        yield from self.parse_documents(text[start:])

    def parse_documents(self, text: str, *, single: bool = False) -> Iterator[Located]:
        """Iterate over the documents. Raises _UnreadableFile at the first syntax error; if `single`, at a second document."""
        self.text = text
        try:
            self.next_event = _LOADER(text).get_event  # `yaml.parse` wraps each event in two more calls
            self.next_event()  # stream start
            while not isinstance(start := self.next_event(), yaml.StreamEndEvent):
                if single and self.value_count:
                    message = "a second document begins here; write one file for each environment"
                    raise self._stop(self._locate_mark(start.start_mark), SEVERAL_DOCUMENTS, message)
                self.anchors.clear()
                yield self._parse_value(self.next_event(), depth=0)
                self.next_event()  # document end
        except yaml.MarkedYAMLError as error:
            from vmgen.read.syntax_errors import translate_syntax_error

            place, rule, message = translate_syntax_error(error, text, self._locate_mark)
            raise self._stop(place._replace(line=place.line + self.first_line - 1), rule, message) from None

    def decode(self, content: bytes) -> str:
        """Return the text with line feeds. Raises _UnreadableFile for one that is too large, or not printable UTF-8."""
        if len(content) > self.limit:
            message = f"more than {self.limit // 1024 // 1024} MiB; split the file"
            raise self._stop(Place(self.file), FILE_TOO_LARGE, message)
        try:
            text = content.removeprefix(codecs.BOM_UTF8).decode()
        except UnicodeDecodeError as error:
            place = self._locate_end(error.object[: error.start].decode())
            raise self._stop(place, NOT_UTF_8, "not UTF-8 text; save the file as UTF-8") from None
        # As YAML reads them, and so that lines count as in an editor: https://yaml.org/spec/1.2.2/#54-line-break-characters
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        # Before parsing: to libyaml U+0085 and U+2028 end a line, and so a comment, where no editor shows a line break.
        position = find_unprintable(text)
        if position is not None:
            message = f"the character {describe_unprintable(text)} is lost or changed by YAML tools; remove it"
            raise self._stop(self._locate_end(text[:position]), UNPRINTABLE_CHARACTER, message)
        return text

    def _parse_value(self, event: Any, depth: int, key_place: Place | None = None) -> Located:
        # An import calls this a hundred times for each VM: the common kinds come first, and each value is built once.
        mark, kind = event.start_mark, type(event)
        place = Place(self.file, mark.line + self.first_line, mark.column + 1)
        self.value_count += 1
        if depth > MAX_DEPTH or self.value_count > self.max_values:
            message = f"more than {MAX_DEPTH} levels or {self.max_values} values; simplify or split the file"
            raise self._stop(place, TOO_DEEP, message)
        if kind is yaml.AliasEvent:
            target = self._resolve_alias(event, place)
            return Located(target.data, target.place, key_place)
        if event.tag is not None:
            # Neither a tag nor an alias is repeated: `password: !x` and `password: *x` are passwords without quotes.
            message = "tags are not supported; write a plain value, or quote text that begins with '!'"
            self._report(place, YAML_TAG, message)
        data: Data
        if kind is yaml.ScalarEvent:
            # Outside of quotes there are no escapes, and the text of the file is known to be printable.
            data = self._parse_quoted(event.value, place) if event.style else resolve_scalar(event.value)
        elif kind is yaml.SequenceStartEvent:
            data = tuple(self._parse_items(depth))
        else:
            data = self._parse_mapping(depth)
        if event.tag is not None and is_sensitive_name(event.tag.rstrip(":=")):
            data = REDACTED  # `!password: x`: messages would show the value without the name, which is the tag
        value = Located(data, place, key_place)
        if event.anchor is not None:
            self.anchors[event.anchor] = value
        return value

    def _resolve_alias(self, event: Any, place: Place) -> Located:
        target = self.anchors.get(event.anchor)
        if target is None:
            from vmgen.read.syntax_errors import ALIAS_MESSAGE

            raise self._stop(place, UNKNOWN_ALIAS, ALIAS_MESSAGE)
        # An alias costs nothing here, but whoever walks over the values walks over each copy: "billion laughs".
        self.value_count += _count_values(target, self.max_values - self.value_count)
        if self.value_count > self.max_values:
            raise self._stop(place, ALIAS_BOMB, "aliases expand to too many values; write them out")
        return target

    def _parse_quoted(self, text: str, place: Place) -> str:
        character = describe_unprintable(text)  # written as an escape
        if character:
            message = f"the character {character} is lost or changed by YAML tools; remove it"
            self._report(place, UNPRINTABLE_CHARACTER, message)
            # Later stages, which run to report all mistakes, could neither encode it nor look for a file of that name.
            return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
        return text

    def _parse_items(self, depth: int) -> Iterator[Located]:
        while type(event := self.next_event()) is not yaml.SequenceEndEvent:
            yield self._parse_value(event, depth + 1)

    def _parse_mapping(self, depth: int) -> dict[str, Located]:
        values: dict[str, Located] = {}
        while type(event := self.next_event()) is not yaml.MappingEndEvent:
            key = self._parse_value(event, depth + 1)
            value_event = self.next_event()
            value = self._parse_value(value_event, depth + 1, key.place)
            if value.data is None and type(key.data) is str and ":" in key.data:
                self._check_colon(event, value_event)
            name = key.data if type(key.data) is str and key.data else self._parse_key(key)
            if name is None:
                continue
            if name in values:
                first = values[name].key_place
                message = f"'{name}' is a duplicate key, first at line {first.line if first else '?'}; remove one"
                self._report(key.place, DUPLICATE_KEY, message)
                continue
            # The first of two wins: the duplicate is an error, and only later checks look at the value.
            values[name] = value
        return values

    def _check_colon(self, key: Any, value: Any) -> None:
        """Report `{data:50Gi}`: to YAML it is a key without a value, since no blank follows the colon."""
        is_plain = type(key) is yaml.ScalarEvent and not key.style
        end: Any = key.end_mark
        if is_plain and ":" not in self.text[end.index : value.end_mark.index]:
            message = "a key without a value, since no blank follows its ':'; write 'key: value', or quote the key"
            self._report(self._locate_mark(key.start_mark), AMBIGUOUS_SCALAR, message)

    def _parse_key(self, key: Located) -> str | None:
        """Return the key as text, or None if its value has to be dropped."""
        if isinstance(key.data, AmbiguousScalar):
            if key.data == "<<":
                self._report(
                    key.place, MERGE_KEY, "merge keys are not supported; write the keys out, or use `defaults:` or `extends:`"
                )
                return None
            message = f'the key {key.data} is ambiguous in YAML; write "{key.data}"'
            self._report(key.place, AMBIGUOUS_SCALAR, message)
            return str(key.data)
        if key.data == "":
            self._report(key.place, KEY_NOT_TEXT, "a key must not be empty; write a name, or remove it")
            return None
        if isinstance(key.data, str):
            return key.data
        # `2:` under `instances:` is a number of YAML, but the name of an instance here.
        if isinstance(key.data, int) and not isinstance(key.data, bool):
            return str(key.data)
        message = "a key must be text; quote it"
        if key.mapping and all(value.data is None for value in key.mapping.values()):  # what `{{ vm.name }}` is in YAML
            message = "`{{ ... }}` is not a template here; quote it, or move it to a template of cloud-init"
        self._report(key.place, KEY_NOT_TEXT, message)
        return None

    def _locate_mark(self, mark: Any) -> Place:
        return Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)

    def _locate_end(self, text: str) -> Place:
        """Return the place right after the given start of the file."""
        return Place(self.file, text.count("\n") + 1, len(text) - text.rfind("\n"))

    def _report(self, place: Place, rule: Rule, message: str) -> None:
        self.problems.append(rule.build_problem(place, "", message))
        if len(self.problems) == MAX_PROBLEMS:
            raise self._stop(place, rule, TOO_MANY_PROBLEMS)

    def _stop(self, place: Place, rule: Rule, message: str) -> _UnreadableFile:
        self._report(place, rule, message)
        return _UnreadableFile()


def _count_values(value: Located, limit: int) -> int:
    """Count the values below and including one; stop soon after the limit."""
    count, waiting = 0, [value]
    while waiting and count <= limit:
        value = waiting.pop()
        count += 1
        waiting.extend(value.mapping.values())
        waiting.extend(value.items)
    return count
