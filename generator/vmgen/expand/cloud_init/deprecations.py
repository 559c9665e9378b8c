"""What cloud-init's published schema calls deprecated: validators ignore the mark, so the schema is walked beside the value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vmgen.expand.cloud_init.finding import KeyPath

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
