"""Check a cloud-config against the JSON Schema that cloud-init publishes (schema/cloud-init), in messages without values.

The schema's `deprecated` marks, which validators ignore, are found by a walk of the schema beside the value.
See docs/decisions.md#cloud-inits-published-schema-is-included-unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cache
from typing import Any, NamedTuple

from vmgen.cloud_init.advice import FOREIGN_KEYS, OLD_KEYS
from vmgen.cloud_init.rules import DEPRECATED, INVALID_VALUE, UNKNOWN_KEY
from vmgen.problems import did_you_mean
from vmgen.read.located import KeyPath
from vmgen.read.repository import read_schema_text
from vmgen.read.schema import TYPE_NAMES, Draft4Schema
from vmgen.read.yaml_reader import MAX_PROBLEMS, TOO_MANY_PROBLEMS
from vmgen.rules import Rule

_SchemaNode = dict[str, Any]
_MAX_ZEROS = 20  # before a number that is a key
_BRANCH_KEYWORDS = ("oneOf", "anyOf")
_TYPE_NAMES = {**TYPE_NAMES, "null": "empty"}
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
# A module with these keywords alone says nothing about other properties.
_KEYWORDS_OF_PROPERTIES = {"type", "properties", "title", "description"}
_NO_ADVICE = "is not valid for cloud-init"


class Violation(NamedTuple):
    """A breach of a rule at a path. `expected` are the types and words that are valid there, where that is what is wrong."""

    rule: Rule
    path: KeyPath
    message: str
    expected: tuple[str, ...] = ()


def find_schema_violations(config: Any) -> Iterator[Violation]:
    """Yield what the schema refuses in a cloud-config (plain values), then what it calls deprecated; at most 1,000."""
    for number, violation in enumerate(_find_all_violations(config)):
        if number == MAX_PROBLEMS:
            yield Violation(INVALID_VALUE, (), TOO_MANY_PROBLEMS)
            return
        yield violation


def _find_all_violations(config: Any) -> Iterator[Violation]:
    data = _to_json(config)
    if not isinstance(data, dict):
        yield Violation(INVALID_VALUE, (), "must be a mapping of cloud-config keys")
        return
    schema = _load_schema(data.keys())
    for error in schema.find_errors(data):
        for violation in _describe_error(error, schema.document):
            yield violation._replace(path=_restore_keys(violation.path, data))
    for name, value in data.items():
        for path, message in _find_deprecations(name, value, schema.document):
            yield Violation(DEPRECATED, path, message)


@cache
def _read_document() -> _SchemaNode:
    document: _SchemaNode = json.loads(read_schema_text("cloud-init/cloud-config"))
    return document


def _load_schema(keys: Set[str]) -> Draft4Schema:
    """Return the schema with those of its modules that can say something about a cloud-config with these keys."""
    document = _read_document()
    modules = (_dereference(module, document) for module in document["allOf"])
    return _compile_modules(tuple(number for number, module in enumerate(modules) if _concerns(module, keys)))


def _concerns(module: _SchemaNode, keys: Set[str]) -> bool:
    return not keys.isdisjoint(module.get("properties", ())) or not module.keys() <= _KEYWORDS_OF_PROPERTIES


@cache
def _compile_modules(numbers: tuple[int, ...]) -> Draft4Schema:
    # To compile all 57 modules takes 15 times as long as to compile the 5 of most user data.
    document = _read_document()
    modules = [document["allOf"][number] for number in numbers] or document["allOf"][:1]
    part = {**document, "allOf": modules, "$defs": {}}
    definitions: dict[str, Any] = {}
    _add_definitions(part, definitions, document["$defs"])
    return Draft4Schema({**part, "$defs": definitions})


def _add_definitions(node: Any, definitions: dict[str, Any], all_definitions: Mapping[str, Any]) -> None:
    """Add the definitions that a part of the schema refers to, directly or not."""
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        name = node["$ref"].rpartition("/")[2]
        if name not in definitions:
            definitions[name] = all_definitions[name]
            _add_definitions(all_definitions[name], definitions, all_definitions)
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _add_definitions(item, definitions, all_definitions)


def _to_json(data: Any) -> Any:
    """Return a value as JSON has it: YAML also knows dates, bytes, and keys that are no text."""
    if isinstance(data, dict):
        return {str(key): _to_json(value) for key, value in data.items()}
    if isinstance(data, list | tuple | set):
        return [_to_json(item) for item in data]
    return data if isinstance(data, str | bool | int | float | None) else str(data)


def _restore_keys(path: KeyPath, data: Any) -> KeyPath:
    """Return the validator's path with its keys as text: the validator turns a key such as `01` into a number."""
    keys: list[str | int] = []
    for step in path:
        if isinstance(data, dict):
            name = str(step)
            step = next((key for zeros in range(_MAX_ZEROS) if (key := "0" * zeros + name) in data), name)
            data = data.get(step)
        elif isinstance(data, list):
            data = data[int(step)]
        keys.append(step)
    return tuple(keys)


def _describe_error(error: Any, root: _SchemaNode) -> Iterator[Violation]:
    """Yield the violations in an error of jsonschema_rs. `root` is the whole schema."""
    details = error.kind.as_dict()
    path = tuple(error.instance_path)
    if error.kind.name == "additionalProperties":
        node: Any = root
        for step in list(error.schema_path)[:-1]:
            node = node[step] if isinstance(step, int) else _dereference(node, root)[step]
        known_keys = list(_dereference(node, root).get("properties", ()))
        for name in details["unexpected"]:
            yield _describe_unknown_key(name, path, known_keys)
    elif error.kind.name in _BRANCH_KEYWORDS and details.get("context"):
        yield from _describe_best_branch(details["context"], path, root)
    elif error.kind.name == "type":
        yield _build_type_violation(path, _list_types(details))
    else:
        yield Violation(INVALID_VALUE, path, _format_error(error.kind.name, details))


def _describe_unknown_key(name: str, path: KeyPath, known_keys: list[str]) -> Violation:
    if not path and name in OLD_KEYS:
        message = f"an old key that cloud-init still reads; deprecated since cloud-init 22.1. Write `{OLD_KEYS[name]}`"
        return Violation(DEPRECATED, (name,), message)
    hint = f"; {FOREIGN_KEYS[name]}" if not path and name in FOREIGN_KEYS else did_you_mean(name, known_keys)
    return Violation(UNKNOWN_KEY, (*path, name), f"unknown key '{name}', which cloud-init would ignore{hint}")


def _build_type_violation(path: KeyPath, expected: Iterable[str]) -> Violation:
    words = tuple(dict.fromkeys(expected))
    return Violation(INVALID_VALUE, path, f"must be {' or '.join(words)}" if words else _NO_ADVICE, words)


def _describe_best_branch(branches: list[Any], path: KeyPath, root: _SchemaNode) -> Iterator[Violation]:
    """Yield the errors of the branch that the value is meant for; if there is none, the choice of types and words."""
    candidates = [errors for errors in branches if errors and not any(_is_type_mismatch(error, path) for error in errors)]
    if candidates:
        # The further down a branch first fails, the more of the value was meant for it.
        deepest = max(candidates, key=lambda errors: max(len(error.instance_path) for error in errors))
        for error in deepest:
            yield from _describe_error(error, root)
        return
    yield _build_type_violation(path, _find_expected(branches, path))


def _is_type_mismatch(error: Any, path: KeyPath) -> bool:
    """Return True if an error of a branch means that the branch is for another type or word."""
    if tuple(error.instance_path) != path:
        return False
    if error.kind.name in _BRANCH_KEYWORDS:
        branches = error.kind.as_dict().get("context") or []
        return all(any(_is_type_mismatch(inner, path) for inner in errors) for errors in branches)
    return error.kind.name in ("type", "enum")


def _find_expected(branches: list[Any], path: KeyPath) -> Iterator[str]:
    for error in (error for errors in branches for error in errors if tuple(error.instance_path) == path):
        details = error.kind.as_dict()
        if error.kind.name == "type":
            yield from _list_types(details)
        elif error.kind.name == "enum":
            yield from map(_format_option, details["options"])
        elif error.kind.name in _BRANCH_KEYWORDS:
            yield from _find_expected(details.get("context") or [], path)


def _format_error(keyword: str, details: Mapping[str, Any]) -> str:
    if keyword == "enum":
        return f"must be one of {', '.join(map(_format_option, details['options']))}"
    if keyword == "required":
        return f"the key '{details['property']}' is missing"
    if keyword == "pattern":
        return f"must be of the form {details['pattern']}"
    if keyword in ("minItems", "minLength", "minProperties"):
        return "has too few entries" if details["limit"] > 1 else "must not be empty"
    if keyword in ("maxItems", "additionalItems"):
        return "has more items than cloud-init accepts"
    return "has a duplicate item" if keyword == "uniqueItems" else _NO_ADVICE


def _list_types(details: Mapping[str, Any]) -> list[str]:
    return [_TYPE_NAMES.get(name, name) for name in sorted(details["types"])]


def _format_option(option: Any) -> str:
    return json.dumps(option) if not isinstance(option, str) else option or '""'


def _dereference(node: _SchemaNode, root: _SchemaNode) -> _SchemaNode:
    """Return a node with the node that its `$ref` names merged in; its own keywords win."""
    while "$ref" in node:
        target = root["$defs"][node["$ref"].rsplit("/", 1)[1]]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _find_deprecations(name: str, value: Any, root: _SchemaNode) -> Iterator[tuple[KeyPath, str]]:
    """Yield the deprecated paths in the value of a top-level key, each with the schema's own advice."""
    # The schema of cloud-init has one definition for each of its modules, and `allOf` puts them together.
    for module in root["allOf"]:
        properties = _dereference(module, root).get("properties", {})
        if name in properties:
            yield from _walk_schema(properties[name], value, (name,), root)


def _walk_schema(node: _SchemaNode, value: Any, path: KeyPath, root: _SchemaNode) -> Iterator[tuple[KeyPath, str]]:
    node = _dereference(node, root)
    if node.get("deprecated") is True:
        # The schema writes its advice in reStructuredText.
        advice = str(node.get("deprecated_description", "")).replace("**", "`").replace("``", "`")
        yield path, f"deprecated since cloud-init {node.get('deprecated_version')}. {advice}".rstrip()
    branches = [branch for keyword in _BRANCH_KEYWORDS for branch in node.get(keyword, ())]
    branches = [branch for branch in branches if _can_match(_dereference(branch, root), value)]
    for branch in (*node.get("allOf", ()), *branches):
        yield from _walk_schema(branch, value, path, root)
    if isinstance(value, dict):
        for name, item in value.items():
            for subschema in _find_subschemas(node, name):
                yield from _walk_schema(subschema, item, (*path, name), root)
    elif isinstance(value, list) and isinstance(node.get("items"), dict):
        for index, item in enumerate(value):
            yield from _walk_schema(node["items"], item, (*path, index), root)


def _find_subschemas(node: _SchemaNode, name: str) -> Iterator[_SchemaNode]:
    if name in node.get("properties", {}):
        yield node["properties"][name]
    for pattern, subschema in node.get("patternProperties", {}).items():
        if re.search(pattern, name):
            yield subschema


def _can_match(node: _SchemaNode, value: Any) -> bool:
    """Return True if a value has a type, and a word, that a branch of the schema takes."""
    if "enum" in node and value not in node["enum"]:
        return False
    types = node.get("type", ())
    return not types or _JSON_TYPES.get(type(value), "null") in ([types] if isinstance(types, str) else types)
