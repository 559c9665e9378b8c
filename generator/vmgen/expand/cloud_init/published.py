"""A cloud-config against the schema that cloud-init publishes (schema/cloud-init), in words that repeat no value.

The schema is loaded for the first cloud-config of a run: reading and compiling it takes about 10 ms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from vmgen.check.rule import RuleDescriptor
from vmgen.expand.cloud_init.deprecations import CHOICE_KEYWORDS, dereference, find_deprecations
from vmgen.expand.cloud_init.finding import KeyPath
from vmgen.expand.cloud_init.rules import DEPRECATED, INVALID_VALUE, UNKNOWN_KEY
from vmgen.read.project import read_schema_text
from vmgen.read.schema import TYPE_NAMES, Draft4Schema
from vmgen.suggestions import did_you_mean

Violation = tuple[RuleDescriptor, KeyPath, str]

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


def _describe_error(error: Any, schema: Draft4Schema) -> Iterator[tuple[RuleDescriptor, list[Any], str]]:
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


def _describe_best_branch(
    branches: list[Any], path: list[Any], schema: Draft4Schema
) -> Iterator[tuple[RuleDescriptor, list[Any], str]]:
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
