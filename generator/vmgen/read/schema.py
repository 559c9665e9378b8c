"""The shape of a file, checked by its JSON Schema: every mistake at once, each at its place, in our words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from vmgen.problems import Problem, did_you_mean, find_closest
from vmgen.read.located import INVALID, AmbiguousScalar, Located, format_path, get_at_path, to_plain, walk
from vmgen.read.repository import read_schema_text
from vmgen.read.yaml_reader import resolve_scalar

KeyPath = tuple[str | int, ...]

# Where `off` is one of the words to choose from, and can be nothing else.
_OFF_IS_TEXT = (("policy",), ("severity",))

# The types of JSON Schema in plain words.
TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_BOOLEAN_WORDS = {"y": "true", "yes": "true", "on": "true", "n": "false", "no": "false", "off": "false"}


class SchemaError(Exception):
    """A document that is no JSON Schema; `path` leads to what is wrong in it."""

    def __init__(self, message: str, path: KeyPath) -> None:
        super().__init__(message)
        self.path = path


class Schema:
    """A compiled JSON Schema of draft 2020-12. Raises SchemaError if the document is none."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        import jsonschema_rs  # loaded for the first schema: a run without work has none

        self.document = document
        try:
            self._validator = jsonschema_rs.Draft202012Validator(dict(document), retriever=_refuse_retrieval)
        except jsonschema_rs.ValidationError as error:
            raise SchemaError(error.message, tuple(error.instance_path)) from None

    def find_problems(self, value: Located) -> list[tuple[KeyPath, Problem]]:
        """What is wrong, with the path to take out of the value so that the rest can be looked at."""
        found: dict[KeyPath, Problem] = {}
        for path, item in walk(value):
            if isinstance(item.data, AmbiguousScalar) and "cloudInit" not in path and path[:1] not in _OFF_IS_TEXT:
                message = f'{item.data} means different things to YAML tools; write "{item.data}" for the text'
                found[path] = Problem(item.place, "ambiguous-scalar", format_path(path), message)
        errors = self._validator.iter_errors(_to_json(value))
        # Unknown keys first: the key that was meant is then not missing as well.
        for error in sorted(errors, key=lambda error: error.kind.name != "additionalProperties"):
            for path, problem in self._translate_error(error, value):
                ambiguous = path in found and found[path].rule == "ambiguous-scalar" and problem.rule == "wrong-type"
                if ambiguous or not any(path[:length] in found for length in range(len(path) + 1)):
                    found[path] = problem
        return list(found.items())

    def is_valid(self, data: Any) -> bool:
        """Whether plain data has the shape."""
        return bool(self._validator.is_valid(data))

    def find_errors(self, data: Any) -> list[tuple[KeyPath, str]]:
        """What is wrong with plain data, as paths and the validator's own sentences."""
        return [(tuple(error.instance_path), error.message) for error in self._validator.iter_errors(data)]

    def _translate_error(self, error: Any, value: Located) -> list[tuple[KeyPath, Problem]]:
        details = error.kind.as_dict()
        path = _restore_keys(error.instance_path, value)
        item = get_at_path(value, list(path))
        schema = self._find_subschema([*error.schema_path][:-1])
        kind = error.kind.name
        if kind == "additionalProperties":
            return [found for name in details["unexpected"] for found in _report_unknown_key(path, name, item, schema)]
        if kind == "propertyNames":
            return [_report_invalid_name(path, name, item) for name in item.mapping if not _is_valid_name(name, schema)]
        rule, message = _describe_error(kind, details, item, schema, error.message)
        if kind == "required":
            return [((*path, details["property"]), Problem(item.place, rule, format_path(path), message))]
        return [(path, Problem(item.place, rule, format_path(path), message))]

    def _find_subschema(self, path: list[str | int]) -> dict[str, Any]:
        node: Any = self.document
        for step in path:
            node = self._resolve_ref(node)
            node = node if step == "$ref" else node[step]
        found: dict[str, Any] = self._resolve_ref(node)
        return found

    def _resolve_ref(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            node = self.document["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return node


class Draft4Schema:
    """A JSON Schema of draft 4 that others published. Its errors come as the validator has them, without any value.

    `format` is not looked at: to most validators it is an annotation.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        import jsonschema_rs

        self.document = document
        self._validator = jsonschema_rs.Draft4Validator(document, retriever=_refuse_retrieval, mask="…", validate_formats=False)

    def find_errors(self, data: Any) -> list[Any]:
        """What is wrong with plain data."""
        return list(self._validator.iter_errors(data))


def _refuse_retrieval(uri: str) -> Any:
    """What a `$ref` that leads out of its document gets: the tool opens no network connection, nor a file for a schema."""
    raise ValueError(f"{uri} lies outside of the schema")


def _restore_keys(steps: list[str | int], value: Located) -> KeyPath:
    """The validator's path with its keys as text: it makes a number of each key that reads as one, such as `2` or `007`."""
    path: list[str | int] = []
    for step in steps:
        if isinstance(value.data, dict) and isinstance(step, int):
            same = (key for key in value.data if key.lstrip("+").isdecimal() and int(key) == step)
            step = str(step) if str(step) in value.data else next(same)
        path.append(step)
        value = value.data[step]
    return tuple(path)


@cache
def load_builtin_schema(name: str) -> Schema:
    """One of the project's own schemas, compiled once."""
    return Schema(json.loads(read_schema_text(name)))


def prune_invalid(value: Located, paths: list[KeyPath]) -> Located:
    """The value with what was refused taken out: what was refused stays as INVALID, a bad item spoils its list."""
    below: dict[str | int, list[KeyPath]] = {}
    for path in paths:
        if not path or isinstance(path[0], int):
            return Located(INVALID, value.place, value.key_place)
        below.setdefault(path[0], []).append(path[1:])
    if not below:
        return value
    data = {name: prune_invalid(item, below.get(name, [])) for name, item in value.mapping.items()}
    data |= {str(name): Located(INVALID, value.place) for name in below if name not in data}
    return Located(data, value.place, value.key_place)


def _to_json(value: Located) -> Any:
    data = value.data
    if isinstance(data, dict):
        return {key: _to_json(item) for key, item in data.items()}
    if isinstance(data, tuple):
        return [_to_json(item) for item in data]
    return str(data) if isinstance(data, AmbiguousScalar) else data


def _report_unknown_key(path: KeyPath, name: str, item: Located, schema: dict[str, Any]) -> Iterator[tuple[KeyPath, Problem]]:
    """The unknown key; the key that was meant is spoilt with it, so that no rule calls it missing as well."""
    known = schema.get("properties", {})
    place = item.mapping[name].key_place or item.place
    meant = find_closest(name, known)
    hint = f"; did you mean '{meant}'?" if meant else f"; known here: {', '.join(known)}"
    problem = Problem(place, "unknown-key", format_path((*path, name)), f"unknown key '{name}'{hint}")
    yield (*path, name), problem
    if meant and meant not in item.mapping:
        yield (*path, meant), problem


def _report_invalid_name(path: KeyPath, name: str, item: Located) -> tuple[KeyPath, Problem]:
    place = item.mapping[name].key_place or item.place
    message = f"'{_abbreviate(name)}' cannot be a name; use lower-case letters, digits and dashes, a letter first"
    return (*path, name), Problem(place, "invalid-name", format_path((*path, _abbreviate(name))), message)


def _is_valid_name(name: str, schema: dict[str, Any]) -> bool:
    import re

    pattern = schema.get("propertyNames", schema)["pattern"]  # versions of the validator differ in which of the two they name
    return re.search(pattern, name) is not None and "\n" not in name


def _describe_error(
    kind: str, details: dict[str, Any], item: Located, schema: dict[str, Any], fallback: str
) -> tuple[str, str]:
    shown = _abbreviate(to_plain(item))
    if kind == "type":
        return "wrong-type", _describe_wrong_type(details["types"], item, schema)
    if kind == "required":
        return "missing-key", f"the key '{details['property']}' is missing"
    if kind == "enum":
        if "x-expected" in schema:
            return "invalid-value", f"'{shown}' is not {schema['x-expected']}"
        options = [str(option) for option in details["options"] if option is not None]
        return "invalid-value", f"'{shown}' is not one of {', '.join(options)}{did_you_mean(shown, options)}"
    if kind == "uniqueItems":
        return "duplicate-item", f"an item stands twice in {shown}; remove one"
    if kind == "minLength":
        return "invalid-value", "is empty; write a value, or leave the key out"
    if "x-expected" in schema:
        return "invalid-value", f"'{shown}' is not {schema['x-expected']}"
    if kind == "falseSchema":
        return "unknown-key", "cannot stand here; remove it"
    return "invalid-value", fallback


def _describe_wrong_type(types: list[str], item: Located, schema: dict[str, Any]) -> str:
    wanted = [TYPE_NAMES[name] for name in sorted(types) if name != "null"]
    expected = schema.get("x-expected") or " or ".join(wanted)
    return f"must be {expected}, not {_describe_value(item.data)}{_suggest_fix(types, item.data, schema)}"


def _suggest_fix(types: list[str], got: Any, schema: dict[str, Any]) -> str:
    """The end of the message that says what to write, where that is known: the same text with quotes, or without."""
    if "string" in types and "pattern" not in schema:
        if isinstance(got, bool | int):
            return f'; write "{str(got).lower()}" in quotes for the text'
        if isinstance(got, float):  # the text that was written is not known: 24.10 has become 24.1
            return "; put it in quotes for the text"
    elif isinstance(got, AmbiguousScalar) and "boolean" in types:
        meant = _BOOLEAN_WORDS.get(got.lower())
        return f"; write {meant}" if meant else ""
    elif isinstance(got, str):
        value = resolve_scalar(got)
        kinds = {"boolean": isinstance(value, bool), "integer": isinstance(value, int) and not isinstance(value, bool)}
        return "; remove the quotes" if any(kinds.get(name) for name in types) else ""
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
    from vmgen.secrets.redact import redact

    data = redact(data)  # a login in an address, say, is no one's to read
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
