"""The schema of cloud-init, of which a text is checked against the modules that know its keys."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from vmgen.cloud_init import upstream_schema
from vmgen.cloud_init.rules import INVALID_VALUE
from vmgen.cloud_init.upstream_schema import find_schema_violations
from vmgen.read.repository import read_schema_text
from vmgen.read.schema import Draft4Schema
from vmgen.read.yaml_reader import MAX_PROBLEMS, TOO_MANY_PROBLEMS

DOCUMENT = json.loads(read_schema_text("cloud-init/cloud-config"))
KEYS = sorted(DOCUMENT["properties"])
VALUES: list[Any] = [None, True, 3, "x", "", [], ["x"], [[]], {}, {"x": 1}, [{"name": 1}], {"sources": [], "mode": "x"}]


@pytest.fixture
def whole_schema(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that checks a cloud-config against the schema as it is published."""
    schema = Draft4Schema(DOCUMENT)

    def find(config: Any) -> list[Any]:
        with monkeypatch.context() as patch:
            patch.setattr(upstream_schema, "_load_schema", lambda keys: schema)
            return list(find_schema_violations(config))

    return find


def test_a_part_of_the_schema_finds_what_the_whole_finds(whole_schema: Any) -> None:
    """Each key with values that it takes and does not take, beside another key, has the violations of the whole schema."""
    found = 0
    for number, value in enumerate(VALUES):
        for key, other in pairwise([*KEYS, "no-key"]):
            config = {key: value, other: VALUES[number - 1]}
            violations = list(find_schema_violations(config))
            assert violations == whole_schema(config), config
            found += len(violations)
    assert found > 1000


def test_keys_that_no_module_knows_are_unknown() -> None:
    """A cloud-config of unknown keys alone is checked too."""
    assert [path for _, path, *_ in find_schema_violations({"no-key": 1})] == [("no-key",)]


@pytest.mark.parametrize("key", ["7", "07", "0007", "x7"])
def test_place_of_a_key_that_looks_like_a_number(key: str) -> None:
    """The validator gives it as a number, and the path has it as it is written."""
    paths = [path for _, path, *_ in find_schema_violations({"ca_certs": {key: 1}, "apt": {"sources": {key: {"source": []}}}})]
    assert ("apt", "sources", key, "source") in paths


def test_number_of_violations_is_limited() -> None:
    """Each takes a millisecond or more, so that a file of a hundred thousand would take minutes."""
    violations = list(find_schema_violations({f"key{number}": 1 for number in range(3000)}))
    assert len(violations) == MAX_PROBLEMS + 1
    assert violations[-1][:3] == (INVALID_VALUE, (), TOO_MANY_PROBLEMS)
    assert len(list(find_schema_violations({f"key{number}": 1 for number in range(MAX_PROBLEMS)}))) == MAX_PROBLEMS
