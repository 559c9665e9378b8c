"""Bound the schemas of a repository's policies: a validator tries each alternative, and those of alternatives multiply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# The most schemas that a validator may have to try for one object, with each `$ref` written out.
MAX_SCHEMAS = 2_000


def find_schema_fault(document: Mapping[str, Any]) -> str:
    """Return why a schema takes too long to apply: it refers to itself, or unfolds to too many; empty if it does not."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(document, ())]
    count = 0
    while waiting:
        node, references = waiting.pop()
        count += 1
        if count > MAX_SCHEMAS:
            return f"unfolds to more than {MAX_SCHEMAS} schemas, with each `$ref` written out; write fewer alternatives"
        for child in _list_children(node):
            waiting.append((child, references))
        if isinstance(node, dict) and any(f"${kind}Ref" in node for kind in ("dynamic", "recursive")):
            return "uses `$dynamicRef` or `$recursiveRef`; write `$ref` to a schema under `$defs`"
        reference = node.get("$ref") if isinstance(node, dict) else None
        if isinstance(reference, str):
            if reference in references:
                return f"'{reference}' refers to itself; write out the levels that are meant"
            waiting.append((_resolve(document, reference), (*references, reference)))
    return ""


def _list_children(node: Any) -> Iterator[Any]:
    """Iterate over the mappings and lists in a node; `$defs` count where they are referred to."""
    if isinstance(node, dict):
        yield from (
            value for key, value in node.items() if isinstance(value, dict | list) and key not in ("$defs", "definitions")
        )
    elif isinstance(node, list):
        yield from (value for value in node if isinstance(value, dict | list))


def _resolve(document: Any, reference: str) -> Any:
    """Return what a pointer into the document (`#/$defs/a`) leads to; an empty schema if to nothing, which is another fault."""
    node = document
    for step in reference.removeprefix("#").strip("/").split("/") if reference.strip("#/") else ():
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            node = node.get(step, {}) if isinstance(node, dict) else {}
    return node
