"""Validate data with JSON Schemas: every mistake at once, each at its place, in our own words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

from vmgen.problems import Problem, VmgenError, did_you_mean, find_closest
from vmgen.quantities import parse_number
from vmgen.read.located import INVALID, AmbiguousScalar, KeyPath, Located, format_path, get_at_path, to_plain, walk
from vmgen.read.repository import read_schema_text
from vmgen.read.yaml_reader import MAX_PROBLEMS, TOO_MANY_PROBLEMS, resolve_scalar
from vmgen.rules import (
    AMBIGUOUS_SCALAR,
    DUPLICATE_ITEM,
    INVALID_NAME,
    INVALID_VALUE,
    MISSING_KEY,
    UNKNOWN_KEY,
    WRONG_TYPE,
    Rule,
)
from vmgen.yaml_text import YAML_1_1_BOOLEANS

# The types of JSON Schema in plain words.
TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
# Sections of an environment in which `off` is one of the options, and so cannot be mistaken for a boolean.
_OFF_IS_TEXT = (("policy",), ("severity",))
_MAX_VALUE_LENGTH = 60
# What is searched for secrets before it is abbreviated. Megabytes would take seconds for each message.
_MAX_SEARCH_LENGTH, _MAX_SEARCH_ITEMS = 16 * 1024, 50
_NAME_FORM = "lower-case letters, digits and dashes, beginning with a letter"
_MAX_KEYS_LISTED = 5
# The letters that one of two words has and the other has not: `lables` and `labels` 2, `owner` and `clone` 4.
_MAX_OTHER_LETTERS = 3
# How alike two words are to difflib: `priority` and `protect` 0.53, `banana` and `name` 0.4.
_MIN_LISTED_RATIO = 0.5


class SchemaError(Exception):
    """The document is not a JSON Schema; `path` leads to the invalid part of it."""

    def __init__(self, message: str, path: KeyPath) -> None:
        super().__init__(message)
        self.path = path


class Schema:
    """A compiled JSON Schema of draft 2020-12. Raises SchemaError if the document is not one."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        import jsonschema_rs  # a run that renders nothing needs no schema

        self.document = document
        if not isinstance(document, Mapping):  # a file of a repository holds what it likes
            raise SchemaError("it must be a mapping", ())
        try:
            self._validator = jsonschema_rs.Draft202012Validator(dict(document), retriever=_refuse_retrieval)
        except jsonschema_rs.ValidationError as error:
            raise SchemaError(error.message, tuple(error.instance_path)) from None

    def is_valid(self, data: Any) -> bool:
        """Return whether plain data is valid. A value that JSON does not have is not, nor is one that is ambiguous in YAML."""
        try:
            return bool(self._validator.is_valid(data))
        except ValueError:  # how the validator refuses a value of a type that it does not know
            return False

    def find_errors(self, data: Any) -> list[tuple[KeyPath, str]]:
        """Return the errors of plain data as paths and the validator's messages."""
        try:
            return [(tuple(error.instance_path), error.message) for error in self._validator.iter_errors(data)]
        except ValueError as error:  # a date, an infinite number, half of a character, a depth that the validator does not take
            return [((), f"contains a value that JSON does not support: {error}")]

    def find_problems(self, value: Located) -> list[tuple[KeyPath, Problem]]:
        """Return the problems of a value, each with the path to pass to prune_invalid()."""
        ambiguous_scalars: list[str] = []
        data = _to_json(value, ambiguous_scalars)
        problems = _find_ambiguous_scalars(value) if ambiguous_scalars else {}
        if len(problems) > MAX_PROBLEMS:
            return [
                *islice(problems.items(), MAX_PROBLEMS),
                ((), INVALID_VALUE.build_problem(value.place, "", TOO_MANY_PROBLEMS)),
            ]
        if not problems and self._validator.is_valid(data):  # as most values are
            return []
        # Unknown keys first: the key that was meant is then not missing as well.
        errors = sorted(self._validator.iter_errors(data), key=lambda error: error.kind.name != "additionalProperties")
        for path, problem in (pair for error in errors for pair in self._translate_error(error, value)):
            if len(problems) >= MAX_PROBLEMS:
                # Nothing below is valid for sure, so the value as a whole is not.
                return [*problems.items(), ((), INVALID_VALUE.build_problem(value.place, "", TOO_MANY_PROBLEMS))]
            is_ambiguous = path in problems and problems[path].rule == AMBIGUOUS_SCALAR.id
            is_new = not any(path[:length] in problems for length in range(len(path) + 1))
            # A text in quotes that is not valid either is no remedy.
            if is_new or (is_ambiguous and problem.rule in (WRONG_TYPE.id, INVALID_VALUE.id)):
                problems[path] = problem
        return list(problems.items())

    def list_problems(self, value: Located) -> list[Problem]:
        """Return the problems of a value, each once: find_problems() repeats an unknown key at the key that was meant."""
        return list(dict.fromkeys(problem for _, problem in self.find_problems(value)))

    def _translate_error(self, error: Any, value: Located) -> Iterator[tuple[KeyPath, Problem]]:
        from vmgen.read.foreign_words import suggest_value  # for messages alone

        kind, details = error.kind.name, error.kind.as_dict()
        path = _restore_keys(error.instance_path, value)
        item = get_at_path(value, path)
        schema = self._find_subschema(error.schema_path[:-1])
        if kind == "additionalProperties":
            known_keys = {key: self._resolve_ref(node) for key, node in schema.get("properties", {}).items()}
            page = self.document.get("x-page", "docs/environment.md")
            for name in details["unexpected"]:
                yield from _report_unknown_key(path, name, item, known_keys, page)
        elif kind == "propertyNames":
            # Versions of the validator differ in which of the two schemas they name.
            names = schema.get("propertyNames", schema)
            pattern, expected = re.compile(names["pattern"]), names.get("x-expected", _NAME_FORM)
            yield from (
                _report_invalid_name(path, name, item, expected)
                for name in item.mapping
                if pattern.search(name) is None or "\n" in name
            )
        else:
            rule, message = _describe_error(kind, details, item, schema, error.message)
            advice = suggest_value(path, item.data) if rule in (WRONG_TYPE, INVALID_VALUE) else ""
            message = f"{message.partition('; ')[0]}; {advice}" if advice else message
            problem = rule.build_problem(item.place, format_path(path), message)
            yield (*path, details["property"]) if kind == "required" else path, problem

    def _find_subschema(self, path: Sequence[str | int]) -> dict[str, Any]:
        node: Any = self.document
        # The path of an error leads through `$ref`, which the validator has followed and this document has not.
        for step in path:
            node = self._resolve_ref(node)
            node = node if step == "$ref" else node[step]
        subschema: dict[str, Any] = self._resolve_ref(node)
        return subschema

    def _resolve_ref(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            node = self.document["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return node


def compile_schema(document: Any, subject: str) -> Schema:
    """Return the schema of a data file, which `subject` names. Raises VmgenError if it is no JSON Schema."""
    try:
        return Schema(document)
    except SchemaError as error:
        raise VmgenError(f"{subject} in templates/ is not a JSON Schema: {error}") from None


class Draft4Schema:
    """A compiled JSON Schema of draft 4, as cloud-init publishes one.

    Errors come as the validator has them, with values masked. `format` is not checked: to most validators it is an annotation.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        import jsonschema_rs

        self.document = document
        self._validator = jsonschema_rs.Draft4Validator(document, retriever=_refuse_retrieval, mask="…", validate_formats=False)

    def find_errors(self, data: Any) -> list[Any]:
        """Return the errors of plain data."""
        return list(self._validator.iter_errors(data))


@cache
def load_builtin_schema(name: str) -> Schema:
    """Return one of vmgen's own schemas, such as `environment`, compiled once per process."""
    return Schema(json.loads(read_schema_text(name)))


def prune_invalid(value: Located, paths: Sequence[KeyPath]) -> Located:
    """Return the value with INVALID at the given paths; an invalid value below an item of a list makes that item invalid.

    A list without a valid item is invalid, so that no rule takes it for an empty one.
    """
    paths_by_key: dict[str, list[KeyPath]] = {}
    items: set[int] = set()
    for path in paths:
        if not path:
            return value.with_data(INVALID)
        if isinstance(path[0], int):
            items.add(path[0])
            continue
        paths_by_key.setdefault(path[0], []).append(path[1:])
    # An item is pruned as a whole, since rules take an item of a list for complete.
    if items and isinstance(value.data, tuple):
        if len(items) == len(value.data):
            return value.with_data(INVALID)
        return value.with_data(tuple(item.with_data(INVALID) if n in items else item for n, item in enumerate(value.data)))
    if not paths_by_key:
        return value
    data = {name: prune_invalid(item, paths_by_key.get(name, ())) for name, item in value.mapping.items()}
    data |= {name: Located(INVALID, value.place) for name in paths_by_key if name not in data}
    return value.with_data(data)


def _refuse_retrieval(uri: str) -> Any:
    """Reject a `$ref` out of its document: vmgen opens no network connection, and no file for a schema."""
    raise ValueError(f"{uri} is outside of the schema")


def _find_ambiguous_scalars(value: Located) -> dict[KeyPath, Problem]:
    problems: dict[KeyPath, Problem] = {}
    for path, item in walk(value):
        if isinstance(item.data, AmbiguousScalar) and "cloudInit" not in path and path[:1] not in _OFF_IS_TEXT:
            message = f'{item.data} is ambiguous in YAML; write "{item.data}" for the text'
            problems[path] = AMBIGUOUS_SCALAR.build_problem(item.place, format_path(path), message)
    return problems


def _to_json(value: Located, ambiguous_scalars: list[str]) -> Any:
    """Return a value as the validator takes it, and add the ambiguous scalars in it to a list: it takes no subclass of str."""
    data = value.data
    if isinstance(data, dict):
        return {key: _to_json(item, ambiguous_scalars) for key, item in data.items()}
    if isinstance(data, tuple):
        return [_to_json(item, ambiguous_scalars) for item in data]
    if isinstance(data, AmbiguousScalar):
        ambiguous_scalars.append(data)
        return str(data)
    return data


def _restore_keys(steps: Sequence[str | int], value: Located) -> KeyPath:
    """Return a path of the validator with its keys as text: it turns keys such as `2` or `007` into numbers."""
    path: list[str | int] = []
    for step in steps:
        if isinstance(value.data, dict) and isinstance(step, int):
            same_number = (key for key in value.data if parse_number(key.removeprefix("+")) == step)
            step = str(step) if str(step) in value.data else next(same_number)
        path.append(step)
        value = value.get_child(step)
    return tuple(path)


def _report_unknown_key(
    path: KeyPath, name: str, item: Located, known_keys: Mapping[str, Any], page: str
) -> Iterator[tuple[KeyPath, Problem]]:
    """Report an unknown key, and under the same problem the key that was meant, so that no rule calls that one missing.

    `page` is the page of the documentation that lists the keys.
    """
    from vmgen.read.foreign_words import translate_key

    translation = translate_key(name, known_keys)
    closest = (translation.key or None) if translation else _find_misspelt_key(name, known_keys)
    hint = (
        f"; {translation.advice}"
        if translation
        else f"; did you mean '{closest}'?"
        if closest
        else _list_nearest(name, known_keys, page)
    )
    place = item.mapping[name].key_place or item.place
    problem = UNKNOWN_KEY.build_problem(place, format_path((*path, name)), f"unknown key '{name}'{hint}")
    yield (*path, name), problem
    if closest and closest not in item.mapping:
        yield (*path, closest), problem


def _find_misspelt_key(name: str, known_keys: Mapping[str, Any]) -> str | None:
    """Return the key that a name is most likely a misspelling or the beginning of. A word that shares some letters is none."""
    from difflib import SequenceMatcher

    closest = find_closest(name, known_keys)
    if closest is None:
        return None
    pair = name.lower(), closest.lower()
    common_letters = sum(block.size for block in SequenceMatcher(None, *pair).get_matching_blocks())
    is_near = sum(map(len, pair)) - 2 * common_letters <= _MAX_OTHER_LETTERS
    return closest if is_near or pair[1].startswith(pair[0]) or pair[1] in pair[0] else None


def _list_nearest(name: str, known_keys: Mapping[str, Any], page: str) -> str:
    """Return the end of a message: the keys of every platform that are like an unknown one, or all if there are only a few."""
    from difflib import get_close_matches

    keys = [key for key, schema in known_keys.items() if not schema.get("x-platform-field")]
    if len(keys) <= _MAX_KEYS_LISTED:
        return f"; known keys: {', '.join(keys)}"
    near_keys = get_close_matches(name, keys, n=3, cutoff=_MIN_LISTED_RATIO)
    return f"; similar keys: {', '.join(near_keys)}; {page} lists all" if near_keys else f"; {page} lists the keys"


def _report_invalid_name(path: KeyPath, name: str, item: Located, expected: str) -> tuple[KeyPath, Problem]:
    place, short_name = item.mapping[name].key_place or item.place, _abbreviate(name)
    message = f"'{short_name}' cannot be a name; use {expected}"
    # The rest of a mapping under a wrong name is read on: only a part of it that nobody asks for is marked.
    invalid_path = (*path, name, "") if item.mapping[name].mapping else (*path, name)
    return invalid_path, INVALID_NAME.build_problem(place, format_path((*path, short_name)), message)


def _describe_error(
    kind: str, details: dict[str, Any], item: Located, schema: dict[str, Any], fallback: str
) -> tuple[Rule, str]:
    """Return the rule and the message of an error."""
    if kind == "minimum" and isinstance(schema.get("type"), list) and "string" in schema["type"]:
        return WRONG_TYPE, _describe_wrong_type(schema["type"], item.data, schema)
    if kind == "type" and "enum" in schema and "x-expected" not in schema:
        words = ", ".join(str(option) for option in schema["enum"] if option is not None)
        return WRONG_TYPE, f"must be one of {words}, not {_describe_value(item.data)}"
    if kind == "type":
        return WRONG_TYPE, _describe_wrong_type(details["types"], item.data, schema)
    if kind == "required":
        return MISSING_KEY, f"the key '{details['property']}' is missing"
    if kind == "minLength":
        return INVALID_VALUE, "is empty; write a value, or remove the key"
    value = _abbreviate(to_plain(item))
    if kind == "enum" and "x-expected" not in schema:
        new_name = schema.get("x-renamed", {}).get(item.data) if isinstance(item.data, str) else None
        if new_name:
            return INVALID_VALUE, f"'{value}' is called '{new_name}' now; write '{new_name}'"
        options = [str(option) for option in details["options"] if option is not None]
        return INVALID_VALUE, f"'{value}' is not one of {', '.join(options)}{did_you_mean(value, options)}"
    if kind == "uniqueItems":
        return DUPLICATE_ITEM, f"duplicate item in {value}; remove one"
    if "x-expected" in schema:
        return INVALID_VALUE, f"'{value}' is not {schema['x-expected']}"
    if kind == "falseSchema":
        return UNKNOWN_KEY, "is not allowed here; remove it"
    return INVALID_VALUE, fallback


def _describe_wrong_type(types: list[str], data: Any, schema: dict[str, Any]) -> str:
    expected = schema.get("x-expected") or " or ".join(TYPE_NAMES[name] for name in sorted(types) if name != "null")
    return f"must be {expected}, not {_describe_value(data)}{_suggest_fix(types, data, schema)}"


def _suggest_fix(types: list[str], data: Any, schema: dict[str, Any]) -> str:
    """Return the end of a message that tells what to write: the same text with quotes or without. Empty if unknown."""
    if "string" in types and isinstance(data, dict) and "name" in data:  # as manifests have lists of objects
        return "; write the name alone, without `name:`"
    if "string" in types and "pattern" not in schema:
        if isinstance(data, bool | int):
            return f'; write "{str(data).lower()}" in quotes for the text'
        if isinstance(data, float):  # the source text is lost: 24.10 has become 24.1
            return "; quote it for the text"
    elif isinstance(data, AmbiguousScalar) and "boolean" in types:
        boolean = YAML_1_1_BOOLEANS.get(data.lower())
        return "" if boolean is None else f"; write {str(boolean).lower()}"
    elif "array" in types and isinstance(data, str):
        return "; write a list, each item after `- `"
    elif isinstance(data, str):
        resolved_type = {bool: "boolean", int: "integer"}.get(type(resolve_scalar(data)))
        return "; remove the quotes" if resolved_type in types else ""
    return ""


def _describe_value(data: Any) -> str:
    if isinstance(data, bool):
        return "true or false"
    if isinstance(data, int | float):
        return f"the number {data}"
    if isinstance(data, str):
        return f"the text '{_abbreviate(data)}'"
    return "empty" if data is None else "a list" if isinstance(data, tuple) else "a mapping"


def _abbreviate(data: Any) -> str:
    from vmgen.secrets.redact import redact_value

    data = redact_value(_take_start(data))  # a value may contain a login
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 3]}..."


def _take_start(data: Any) -> Any:
    """Return the part of a value that is longer than what is printed, with any secret that begins in it."""
    if isinstance(data, dict):
        return {key: _take_start(item) for key, item in islice(data.items(), _MAX_SEARCH_ITEMS)}
    if isinstance(data, list | tuple):
        return [_take_start(item) for item in data[:_MAX_SEARCH_ITEMS]]
    # Of a text with lines only their number is printed.
    return data[:_MAX_SEARCH_LENGTH] if isinstance(data, str) and "\n" not in data else data
