"""The shape of a file, checked by its JSON Schema: every mistake at once, each at its place, in our words."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from generator.problems import Problem
from generator.read.located import INVALID, Ambiguous, Located, at_path, dotted, plain, walk
from generator.read.project import schema_text
from generator.suggestions import did_you_mean

Path = tuple[str | int, ...]

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


class Schema:
    """A compiled JSON Schema, able to say what is wrong with a located value."""

    def __init__(self, document: dict[str, Any]) -> None:
        import jsonschema_rs  # imported late: `--help` has no use for it

        self.document = document
        self._validator = jsonschema_rs.Draft202012Validator(document)

    def problems(self, value: Located) -> list[tuple[Path, Problem]]:
        """What is wrong, with the path to take out of the value so that the rest can be looked at."""
        found: dict[Path, Problem] = {}
        for path, item in walk(value):
            if isinstance(item.data, Ambiguous) and "cloudInit" not in path:
                message = f'{item.data} means different things to YAML tools; write "{item.data}" for the text'
                found[path] = Problem(item.place, "ambiguous-scalar", dotted(path), message)
        for error in self._validator.iter_errors(_for_validation(value)):
            for path, problem in self._translated(error, value):
                if not any(path[:length] in found for length in range(len(path) + 1)):
                    found[path] = problem
        return list(found.items())

    def valid(self, data: Any) -> bool:
        """Whether plain data has the shape."""
        return bool(self._validator.is_valid(data))

    def plain_errors(self, data: Any) -> list[tuple[Path, str]]:
        """What is wrong with plain data, as paths and the validator's own sentences."""
        return [(tuple(error.instance_path), error.message) for error in self._validator.iter_errors(data)]

    def _translated(self, error: Any, value: Located) -> list[tuple[Path, Problem]]:
        details = error.kind.as_dict()
        path: Path = tuple(error.instance_path)
        item = at_path(value, list(path))
        schema = self._at([*error.schema_path][:-1])
        kind = error.kind.name
        if kind == "additionalProperties":
            return [_unknown(path, name, item, schema) for name in details["unexpected"]]
        if kind == "propertyNames":
            return [_bad_name(path, name, item) for name in item.mapping if not _fits(name, schema)]
        rule, message = _said(kind, details, item, schema, error.message)
        return [(path, Problem(item.place, rule, dotted(path), message))]

    def _at(self, path: list[str | int]) -> dict[str, Any]:
        node: Any = self.document
        for step in path:
            node = self._resolved(node)
            node = node if step == "$ref" else node[step]
        found: dict[str, Any] = self._resolved(node)
        return found

    def _resolved(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            node = self.document["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return node


@cache
def own_schema(name: str) -> Schema:
    """One of the project's own schemas, compiled once."""
    return Schema(json.loads(schema_text(name)))


def without(value: Located, paths: list[Path]) -> Located:
    """The value with what was refused taken out: unknown keys go, a bad value stays as INVALID, a bad item spoils its list."""
    below: dict[str | int, list[Path]] = {}
    for path in paths:
        if not path or isinstance(path[0], int):
            return Located(INVALID, value.place, value.key)
        below.setdefault(path[0], []).append(path[1:])
    if not below:
        return value
    data = {name: without(item, below.get(name, [])) for name, item in value.mapping.items()}
    return Located(data, value.place, value.key)


def _for_validation(value: Located) -> Any:
    data = value.data
    if isinstance(data, dict):
        return {key: _for_validation(item) for key, item in data.items()}
    if isinstance(data, tuple):
        return [_for_validation(item) for item in data]
    return str(data) if isinstance(data, Ambiguous) else data


def _unknown(path: Path, name: str, item: Located, schema: dict[str, Any]) -> tuple[Path, Problem]:
    known = schema.get("properties", {})
    place = item.mapping[name].key or item.place
    message = f"unknown key '{name}'{did_you_mean(name, known) or '; known here: ' + ', '.join(known)}"
    return (*path, name), Problem(place, "unknown-key", dotted((*path, name)), message)


def _bad_name(path: Path, name: str, item: Located) -> tuple[Path, Problem]:
    place = item.mapping[name].key or item.place
    message = f"'{_short(name)}' cannot be a name; use lower-case letters, digits and dashes, a letter first"
    return (*path, name), Problem(place, "invalid-name", dotted((*path, _short(name))), message)


def _fits(name: str, schema: dict[str, Any]) -> bool:
    import re

    return re.search(schema["propertyNames"]["pattern"], name) is not None and "\n" not in name


def _said(kind: str, details: dict[str, Any], item: Located, schema: dict[str, Any], fallback: str) -> tuple[str, str]:
    shown = _short(plain(item))
    if kind == "type":
        return "wrong-type", _wrong_type(details["types"], item, schema)
    if kind == "required":
        return "missing-key", f"the key '{details['property']}' is missing"
    if kind == "enum":
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


def _wrong_type(types: list[str], item: Located, schema: dict[str, Any]) -> str:
    wanted = [_TYPES[name] for name in sorted(types) if name != "null"]
    expected = schema.get("x-expected") or " or ".join(wanted)
    got = item.data
    if "string" in types and isinstance(got, bool | int | float):
        text = {True: "true", False: "false"}.get(got, str(got)) if isinstance(got, bool) else str(got)
        if isinstance(got, float) and text != str(got):
            text = str(got)
        return f'must be {expected}, not {_kind(got)}; write "{text}" in quotes for the text'
    return f"must be {expected}, not {_kind(got)}"


def _kind(data: Any) -> str:
    if isinstance(data, bool):
        return "true or false"
    if isinstance(data, int | float):
        return f"the number {data}"
    if isinstance(data, str):
        return f"the text '{_short(data)}'"
    return "empty" if data is None else "a list" if isinstance(data, tuple) else "a mapping"


def _short(data: Any) -> str:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
