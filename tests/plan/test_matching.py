"""What a plan makes of objects that changed their name, their file or their environment, and how manifests are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmgen.plan.desired import Identity
from vmgen.plan.matching import ExistingObject, ManifestParser, find_old_base_name, find_rename_candidates
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.yaml_text import quote, to_block

Repositories = Callable[..., Any]
WEB = """\
namespace: tenant-acme
vms:
  web: {count: 2, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}
"""


def disk(name: str, environment: str = "production", kind: str = "VMDisk", **spec: Any) -> ExistingObject:
    """A disk of a name."""
    return ExistingObject(Identity(kind, "tenant-acme", name), environment, "", {"spec": {"storage": "5Gi", **spec}})


def joined(old: list[ExistingObject], new: list[ExistingObject]) -> dict[str, str]:
    """The names that are joined, old to new."""
    candidates = find_rename_candidates(old, new)
    return {each.identity.name: candidates[each.identity].name for each in old if each.identity in candidates}


def plan(repository: Any) -> list[dict[str, Any]]:
    """The objects of a plan."""
    done = repository.run("plan", "-o", "json")
    assert done.code < 2, done.messages
    return [change for each in json.loads(done.stdout)["environments"] for change in each["objects"]]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            ["web-1-data", "web-2-data"],
            ["shop-2-data", "shop-1-data"],
            {"web-1-data": "shop-1-data", "web-2-data": "shop-2-data"},
        ),
        (["web-3-data"], ["shop-1-data", "shop-3-data"], {"web-3-data": "shop-3-data"}),
        (["db"], ["database"], {"db": "database"}),
        (["web-1", "web-2"], ["a-web-1"], {"web-1": "a-web-1"}),
        (["web-1"], [], {}),
    ],
)
def test_names_that_end_alike_are_joined(old: list[str], new: list[str], expected: dict[str, str]) -> None:
    """Of several that look the same, those with the longest common ending belong together."""
    assert joined([disk(name) for name in old], [disk(name) for name in new]) == expected


def test_what_differs_is_no_rename() -> None:
    """Another size, kind or environment makes another object, not another name."""
    assert not find_rename_candidates([disk("a")], [disk("b", storage="6Gi")])
    assert not find_rename_candidates([disk("a")], [disk("b", "staging")])
    assert not find_rename_candidates([disk("a")], [disk("b", kind="VMInstance")])


def test_own_name_within_an_object_makes_no_difference() -> None:
    """The disks of a VM are called after it, so a VM that is renamed with its disks is the same VM."""
    assert joined([disk("web-1", disks=["web-1-data", "iso"])], [disk("shop-1", disks=["shop-1-data", "iso"])])
    assert not joined([disk("web-1", disks=["web-1-data", "iso"])], [disk("shop-1", disks=["shop-1-data", "other"])])


name_lists = st.lists(st.from_regex(r"[ab](-[ab12]){0,3}", fullmatch=True), unique=True, max_size=12)


@given(name_lists, name_lists)
def test_twins_are_pairs(old: list[str], new: list[str]) -> None:
    """Each object has at most one twin, whose twin it is, and nobody is left alone on both sides."""
    first, second = [disk(f"o{name}") for name in old], [disk(f"n{name}") for name in new]
    candidates = find_rename_candidates(first, second)
    assert all(candidates[candidates[identity]] == identity for identity in candidates)
    assert len(candidates) == 2 * min(len(old), len(new))


@pytest.mark.parametrize(
    ("old", "new", "root"),
    [("web-1-data", "shop-1-data", "web"), ("web", "web-1", "web"), ("a-b-1", "c-b-1", "a"), ("x", "x", "x")],
)
def test_root_is_what_the_names_do_not_share(old: str, new: str, root: str) -> None:
    """The remedy names the part in front of the common ending."""
    assert find_old_base_name(old, new) == root


def test_new_key_of_a_group_is_a_rename_with_its_cost(repository: Repositories) -> None:
    """The plan joins each old object to its new one, and says what is lost and what keeps the names."""
    rendered = repository(WEB)
    rendered.run("render")
    rendered.write({"environments/production.yaml": WEB.replace("  web:", "  shop:")})
    objects = {each["name"]: each for each in plan(rendered)}
    gone = objects["web-2-data"]
    assert gone["verdict"] == "DESTROYS DATA"
    assert gone["renamedTo"]["name"] == "shop-2-data"
    assert gone["remedy"] == "write `name: web`, or `names:`, in its group to keep the old names"
    assert "cannot rename" in gone["says"]
    assert objects["shop-2-data"]["renamedFrom"]["name"] == "web-2-data"
    assert objects["web-1"]["renamedTo"]["name"] == "shop-1"


def test_disk_of_a_vm_that_is_gone_for_good_is_no_rename(repository: Repositories) -> None:
    """System disks look alike, so a new group beside one VM less is a new group and not a rename."""
    rendered = repository(WEB)
    rendered.run("render")
    db = "  db: {instanceType: m1.large, image: ubuntu-2404}\n"
    rendered.write({"environments/production.yaml": WEB.replace("count: 2", "count: 1") + db})
    assert not [each for each in plan(rendered) if "renamedTo" in each or "renamedFrom" in each]


def test_new_key_of_a_disk_is_a_rename(repository: Repositories) -> None:
    """A standalone disk is kept by its old key."""
    text = "namespace: tenant-acme\ndisks:\n  iso: {url: 'https://example.com/a.iso', storage: 2Gi}\n"
    rendered = repository(text)
    rendered.run("render")
    rendered.write({"environments/production.yaml": text.replace("iso:", "image:")})
    (gone,) = [each for each in plan(rendered) if each["action"] == "delete"]
    assert gone["remedy"] == "write the key `iso` back to keep it"


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
    parser = ManifestParser()
    for name in called:
        for _, value in kinds:
            path, content = f"production/vms/{name}.yaml", manifest(name, value)
            assert parser.parse(path, content) == parse_objects(content)
            assert parser.build_spec_getter(path, content)("disks") == [f"{name}-data", "iso"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("x1: 0x1f", "y1: 0y1f"), ("on: [true]", "no: [true]"), ("a: 1.a", "b: 1.b"), ("\ue000: a", "b: \ue000")],
)
def test_name_inside_of_a_word_is_read_with_its_word(first: str, second: str) -> None:
    """What a word means to YAML may depend on the name in it, so nothing is taken over from another manifest."""
    parser = ManifestParser()
    for text in (first, second):
        path = f"{text.partition(':')[0]}.yaml"
        assert parser.parse(path, text.encode()) == parse_objects(text)


def test_what_is_not_yaml_is_refused_each_time() -> None:
    """A text that cannot be read is never known."""
    parser = ManifestParser()
    for name in ("one", "two"):
        with pytest.raises(InvalidYamlError):
            parser.parse(f"{name}.yaml", f"{name}: [".encode())
