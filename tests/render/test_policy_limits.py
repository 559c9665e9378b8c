"""A policy's schema takes a bounded time, whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vmgen.render.policies import MAX_SCHEMAS, find_schema_fault


def nest(depth: int, width: int) -> dict[str, Any]:
    """Alternatives of alternatives."""
    return {"anyOf": [nest(depth - 1, width) for _ in range(width)]} if depth else {"type": "string"}


DOUBLING = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
REFUSED = {
    "nested alternatives": nest(6, 4),
    "alternatives by reference": {"$defs": {**DOUBLING, "d40": {}}, "$ref": "#/$defs/d0"},
    "a circle": {"$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"},
    "itself": {"properties": {"a": {"$ref": "#"}}},
    "dynamic": {"$dynamicRef": "#a"},
    "many": {"allOf": [{}] * MAX_SCHEMAS},
}
TAKEN = (
    nest(3, 4),
    {"$defs": {"a": {"type": "string"}}, "allOf": [{"$ref": "#/$defs/a"}] * 3},
    {"allOf": [{}] * (MAX_SCHEMAS - 2)},
)


@pytest.mark.parametrize("schema", REFUSED.values(), ids=REFUSED)
def test_refused(schema: dict[str, Any]) -> None:
    """What unfolds to too much is refused."""
    assert find_schema_fault(schema)


@pytest.mark.parametrize("schema", TAKEN)
def test_taken(schema: dict[str, Any]) -> None:
    """What does not is taken."""
    assert find_schema_fault(schema) == ""


def test_problem(repository: Callable) -> None:
    """The problem is at the schema of the policy."""
    policy = "id: a\nkind: VMDisk\nmessage: refused\nschema:\n  $ref: '#'\n"
    result = repository(
        "namespace: tenant-a\nvms: {web: {image: ubuntu-2404, instanceType: u1.large}}\n", {"policies/a.yaml": policy}
    ).run("render")
    assert (result.code, "refers to itself" in result.messages) == (1, True), result.messages
