"""Manifests that differ in their names only are parsed once, and come out as if each had been."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmgen.plan.matching import ManifestParser
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.yaml_text import quote, to_block

names = st.from_regex(r"[a-z]([-a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
values = st.recursive(
    st.text(alphabet="abn-1: \n\"'#", max_size=8) | st.booleans() | st.integers() | st.none(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(alphabet="abn-1", max_size=3), below, max_size=3),
    max_leaves=6,
)


def manifest(name: str, value: object) -> bytes:
    """A manifest of an object that is called after its name in several places."""
    spec = {"disks": [f"{name}-data", "iso"], "text": f"echo {name}\nhost: {name}\n", name: "key", "value": value}
    return f"# Generated.\nmetadata:\n  name: {quote(name)}\nspec:{to_block(spec, 2)}\n".encode()


@settings(max_examples=40)
@given(st.lists(st.tuples(names, values), min_size=1, max_size=4), st.lists(names, min_size=1, max_size=6))
def test_each_manifest_is_read_as_if_alone(kinds: list[tuple[str, object]], called: list[str]) -> None:
    """Whatever was read before, a manifest gives the objects that the parser finds in it."""
    reader = ManifestParser()
    for name in called:
        for _, value in kinds:
            content = manifest(name, value)
            assert reader.parse(f"production/vms/{name}.yaml", content) == parse_objects(content)


def test_what_is_not_yaml_is_refused_each_time() -> None:
    """A text that cannot be read is never known."""
    reader = ManifestParser()
    for name in ("one", "two"):
        with pytest.raises(InvalidYamlError):
            reader.parse(f"{name}.yaml", f"{name}: [".encode())
