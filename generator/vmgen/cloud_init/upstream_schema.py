"""What cloud-init's published schema calls deprecated: validators ignore the mark, so the schema is walked beside the value.

A cloud-config against the schema that cloud-init publishes (schema/cloud-init), in words that repeat no value.

The schema is loaded for the first cloud-config of a run: reading and compiling it takes about 10 ms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from vmgen.cloud_init.rules import DEPRECATED, INVALID_VALUE, UNKNOWN_KEY, KeyPath
from vmgen.problems import did_you_mean
from vmgen.read.repository import read_schema_text
from vmgen.read.schema import TYPE_NAMES, Draft4Schema
from vmgen.rules import Rule

CHOICE_KEYWORDS = ("oneOf", "anyOf")
SchemaNode = dict[str, Any]


def find_deprecations(name: str, value: Any, schema: SchemaNode) -> Iterator[tuple[KeyPath, str]]:
    """The paths in the value of a top-level key that are deprecated, each with the sentence of the schema."""
    for part in schema["allOf"]:
        module = dereference(part, schema).get("properties", {})
        if name in module:
            yield from _walk_schema(module[name], value, (name,), schema)


def dereference(node: Any, schema: SchemaNode) -> SchemaNode:
    """A node with what it refers to, its own words over those."""
    while "$ref" in node:
        target = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    whole: SchemaNode = node
    return whole


def _walk_schema(node: SchemaNode, value: Any, path: KeyPath, schema: SchemaNode) -> Iterator[tuple[KeyPath, str]]:
    node = dereference(node, schema)
    if node.get("deprecated") is True:
        remedy = str(node.get("deprecated_description", "")).replace("**", "`").replace("``", "`")
        yield path, f"deprecated since cloud-init {node.get('deprecated_version')}. {remedy}".rstrip()
    branches = [
        part for choice in CHOICE_KEYWORDS for part in node.get(choice, ()) if _can_match(dereference(part, schema), value)
    ]
    for part in (*node.get("allOf", ()), *branches):
        yield from _walk_schema(part, value, path, schema)
    if isinstance(value, dict):
        for name, item in value.items():
            for below in _find_subschemas(node, name):
                yield from _walk_schema(below, item, (*path, name), schema)
    elif isinstance(value, list) and isinstance(node.get("items"), dict):
        for index, item in enumerate(value):
            yield from _walk_schema(node["items"], item, (*path, index), schema)


def _find_subschemas(node: SchemaNode, name: str) -> Iterator[SchemaNode]:
    if name in node.get("properties", {}):
        yield node["properties"][name]
    for pattern, below in node.get("patternProperties", {}).items():
        if re.search(pattern, name):
            yield below


def _can_match(node: SchemaNode, value: Any) -> bool:
    """Whether a value can be meant for a branch of the schema, by its type and by the words that the branch lists."""
    if "enum" in node and value not in node["enum"]:
        return False
    types = node.get("type", ())
    return not types or _get_json_type(value) in ([types] if isinstance(types, str) else types)


def _get_json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", list: "array", dict: "object", type(None): "null"}
    return names[type(value)]


Violation = tuple[Rule, KeyPath, str]

_TYPE_NAMES = {**TYPE_NAMES, "null": "empty"}


def find_schema_violations(config: Any) -> Iterator[Violation]:
    """What the schema refuses in a cloud-config, and what it calls deprecated: the rule, the path, the sentence."""
    schema = _load_schema()
    data = _to_json(config)
    if not isinstance(data, dict):
        yield INVALID_VALUE, (), "must be a mapping of cloud-config keys"
        return
    for error in schema.find_errors(data):
        for rule, steps, message in _describe_error(error, schema):
            yield rule, _restore_keys(steps, data), message
    for name, value in data.items():
        for path, message in find_deprecations(name, value, schema.document):
            yield DEPRECATED, path, message


@cache
def _load_schema() -> Draft4Schema:
    return Draft4Schema(json.loads(read_schema_text("cloud-init/cloud-config")))


def _to_json(data: Any) -> Any:
    """The value as JSON has it: cloud-init's YAML knows dates and bytes, and keys that are no text."""
    if isinstance(data, dict):
        return {str(key): _to_json(value) for key, value in data.items()}
    if isinstance(data, list | tuple | set):
        return [_to_json(item) for item in data]
    return data if isinstance(data, str | bool | int | float | None) else str(data)


def _restore_keys(steps: list[Any], data: Any) -> KeyPath:
    """The validator's path with its keys as text: it makes a number of each key that reads as one."""
    path: list[str | int] = []
    for step in steps:
        if isinstance(data, dict):
            step = next((key for key in data if key == str(step) or key.lstrip("0") == str(step)), str(step))
            data = data.get(step)
        elif isinstance(data, list):
            data = data[step]
        path.append(step)
    return tuple(path)


def _describe_error(error: Any, schema: Draft4Schema) -> Iterator[tuple[Rule, list[Any], str]]:
    details = error.kind.as_dict()
    path = list(error.instance_path)
    if error.kind.name == "additionalProperties":
        known = _find_known_keys(list(error.schema_path), schema)
        for name in details["unexpected"]:
            yield UNKNOWN_KEY, [*path, name], f"unknown key '{name}', which cloud-init would ignore{did_you_mean(name, known)}"
    elif error.kind.name in CHOICE_KEYWORDS and details.get("context"):
        yield from _describe_best_branch(details["context"], path, schema)
    else:
        yield INVALID_VALUE, path, _format_error(error.kind.name, details)


def _describe_best_branch(branches: list[Any], path: list[Any], schema: Draft4Schema) -> Iterator[tuple[Rule, list[Any], str]]:
    """What to say where no branch fits: what is wrong in the branch that was meant, else what there is to choose from."""
    meant = [errors for errors in branches if errors and not any(_is_type_mismatch(error, path) for error in errors)]
    if meant:
        deepest = max(meant, key=lambda errors: max(len(error.instance_path) for error in errors))
        for error in deepest:
            yield from _describe_error(error, schema)
        return
    wanted = list(dict.fromkeys(_find_expected(branches, path)))
    message = f"must be {' or '.join(wanted)}" if wanted else "is not what cloud-init takes here"
    yield INVALID_VALUE, path, message


def _is_type_mismatch(error: Any, path: list[Any]) -> bool:
    """Whether an error says that this branch is for something else altogether."""
    if list(error.instance_path) != path:
        return False
    if error.kind.name in CHOICE_KEYWORDS:
        context = error.kind.as_dict().get("context") or []
        return all(any(_is_type_mismatch(each, path) for each in errors) for errors in context)
    return error.kind.name in ("type", "enum")


def _find_expected(branches: list[Any], path: list[Any]) -> Iterator[str]:
    for error in (error for errors in branches for error in errors if list(error.instance_path) == path):
        details = error.kind.as_dict()
        if error.kind.name == "type":
            yield from (_TYPE_NAMES.get(name, name) for name in sorted(details["types"]))
        elif error.kind.name == "enum":
            yield from (_format_option(option) for option in details["options"])
        elif error.kind.name in CHOICE_KEYWORDS:
            yield from _find_expected(details.get("context") or [], path)


def _format_error(kind: str, details: Mapping[str, Any]) -> str:
    if kind == "type":
        return f"must be {' or '.join(_TYPE_NAMES.get(name, name) for name in sorted(details['types']))}"
    if kind == "enum":
        return f"must be one of {', '.join(map(_format_option, details['options']))}"
    if kind == "required":
        return f"the key '{details['property']}' is missing"
    if kind == "pattern":
        return f"must be of the form {details['pattern']}"
    if kind in ("minItems", "minLength", "minProperties"):
        return "has too few entries" if details["limit"] > 1 else "must not be empty"
    if kind in ("maxItems", "additionalItems"):
        return "has more items than cloud-init takes"
    return "has an item twice" if kind == "uniqueItems" else "is not what cloud-init takes here"


def _format_option(option: Any) -> str:
    return json.dumps(option) if not isinstance(option, str) else option or '""'


def _find_known_keys(steps: list[str | int], schema: Draft4Schema) -> list[str]:
    """The keys that the schema has where an unknown one was found."""
    node: Any = schema.document
    for step in steps[:-1]:
        node = node[step] if isinstance(step, int) else dereference(node, schema.document)[step]
    return list(dereference(node, schema.document).get("properties", ()))
