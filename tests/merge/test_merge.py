"""One mapping over another: the laws of the one merge."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.merge.layers import merge
from vmgen.problems import Place
from vmgen.read.located import Located, to_plain, walk
from vmgen.read.yaml_reader import read_yaml

KEYS = st.sampled_from("abcd")
VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, max_size=4)


def located(value: Any, file: str = "f") -> Located:
    """A plain value, every part of it at a place in a file."""
    place = Place(file, 1, 1)
    if isinstance(value, dict):
        return Located({key: located(item, file) for key, item in value.items()}, place, place)
    if isinstance(value, list):
        return Located(tuple(located(item, file) for item in value), place, place)
    return Located(value, place, place)


def read(text: str, file: str = "f") -> Located:
    """A text as it is read from a file."""
    found, problems = read_yaml(text.encode(), file)
    assert found is not None
    assert not problems
    return found


def merged(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """The merge as design.md says it, on plain values: key by key, the rest replaced, `null` removes."""
    result = dict(lower)
    for key, value in upper.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


@given(MAPPINGS, MAPPINGS)
def test_merge_is_what_the_design_says(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    """Values and order alike are those of the merge that design.md describes."""
    lower = merged({}, lower)
    found = to_plain(merge(located(lower), located(upper)))
    assert found == merged(lower, upper)
    assert list(found) == list(merged(lower, upper))


@given(MAPPINGS)
def test_nothing_over_something(value: dict[str, Any]) -> None:
    """An empty layer changes nothing; over an empty one, a layer is itself without its nulls."""
    clean = merged({}, value)
    assert to_plain(merge(located(clean), located({}))) == clean
    assert to_plain(merge(located({}), located(value))) == clean


@given(MAPPINGS)
def test_a_layer_over_itself(value: dict[str, Any]) -> None:
    """A layer that stands twice is the same as once."""
    once = merge(located({}), located(value))
    assert to_plain(merge(once, located(value))) == to_plain(once)


@given(MAPPINGS, MAPPINGS)
def test_every_scalar_has_the_place_that_wrote_it(lower: dict[str, Any], upper: dict[str, Any]) -> None:
    """A scalar that the upper layer wrote has a place there; what it replaced is still under it."""
    below = located(merged({}, lower), "lower")
    found = merge(below, located(upper, "upper"))
    written = dict(walk(located(upper, "upper")))
    for path, item in walk(found):
        if not isinstance(item.data, dict) and not any(isinstance(step, int) for step in path):
            assert item.place.file == ("upper" if path in written else "lower")


def test_what_was_replaced_lies_under() -> None:
    """A value remembers the one it replaced, through several layers."""
    found = merge(merge(read("a: 1", "one"), read("a: 2", "two")), read("a: 3", "three"))
    chain = []
    value = found.data["a"]
    while value is not None and value.data is not None:
        chain.append((value.place.file, value.data))
        value = value.overrides
    assert chain == [("three", 3), ("two", 2), ("one", 1)]


CHOICES = {
    "url over image": ("group", "image: a", "url: b", {"url": "b"}),
    "clone over upload": ("disk", "upload: true", "clone: b", {"clone": "b"}),
    "names over count": ("group", "count: 3", "names: [a]", {"names": ["a"]}),
    "count over names": ("group", "names: [a]", "count: 3", {"count": 3}),
    "null leaves the rest": ("group", "image: a", "url: null", {"image": "a"}),
    "both in one layer stay": ("group", "clone: c", "{image: a, url: b}", {"image": "a", "url": "b"}),
    "elsewhere they are free": ("", "image: a", "url: b", {"image": "a", "url": "b"}),
    "of a disk of a group": ("group", "disks: {d: {image: a}}", "disks: {d: {url: b}}", {"disks": {"d": {"url": "b"}}}),
    "of a group of an environment": ("environment", "vms: {w: {image: a}}", "vms: {w: {url: b}}", {"vms": {"w": {"url": "b"}}}),
    "of a standalone disk": (
        "environment",
        "disks: {d: {image: a}}",
        "disks: {d: {upload: true}}",
        {"disks": {"d": {"upload": True}}},
    ),
    "of an instance": (
        "environment",
        "vms: {w: {instances: {1: {image: a}}}}",
        "vms: {w: {instances: {1: {url: b}}}}",
        {"vms": {"w": {"instances": {"1": {"url": "b"}}}}},
    ),
    "of the defaults": ("environment", "defaults: {image: a}", "defaults: {clone: b}", {"defaults": {"clone": "b"}}),
    "a group of the name of a key": (
        "environment",
        "vms: {image: {count: 1}}",
        "vms: {url: {}}",
        {"vms": {"image": {"count": 1}, "url": {}}},
    ),
    "cloud-init merges": ("group", "cloudInit: {a: 1}", "cloudInit: {b: 2}", {"cloudInit": {"a": 1, "b": 2}}),
    "cloud-init of another form": ("group", "cloudInit: {template: a}", "cloudInit: {b: 2}", {"cloudInit": {"b": 2}}),
    "cloud-init keeps a null": ("group", "cloudInit: {a: 1}", "cloudInit: {b: null}", {"cloudInit": {"a": 1, "b": None}}),
    "text over a mapping": ("group", "cloudInit: {a: 1}", "cloudInit: text", {"cloudInit": "text"}),
}


@pytest.mark.parametrize(("shape", "lower", "upper", "value"), CHOICES.values(), ids=CHOICES)
def test_keys_of_which_one_holds(shape: str, lower: str, upper: str, value: dict[str, Any]) -> None:
    """Where a mapping has keys of which one holds, the higher layer's takes the others away; only there."""
    assert to_plain(merge(read(lower), read(upper), shape)) == value
