"""What a plan makes of objects that changed their name, their file or their environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.plan.desired import Identity
from vmgen.plan.matching import find_old_base_name, find_rename_candidates

Repositories = Callable[..., Any]
WEB = """\
namespace: tenant-acme
vms:
  web: {count: 2, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}
"""


class Thing(NamedTuple):
    """An object as the search for twins sees it."""

    identity: Identity
    environment: str
    document: dict[str, Any]


def disk(name: str, environment: str = "production", **spec: Any) -> Thing:
    """A disk of a name."""
    return Thing(Identity("VMDisk", "tenant-acme", name), environment, {"spec": {"storage": "5Gi", **spec}})


def joined(old: list[Thing], new: list[Thing]) -> dict[str, str]:
    """The names that are joined, old to new."""
    found = find_rename_candidates(old, new)
    return {thing.identity.name: found[thing.identity].name for thing in old if thing.identity in found}


def plan(repository: Any) -> list[dict[str, Any]]:
    """The objects of a plan."""
    done = repository.run("plan", "-o", "json")
    assert done.code == 0, done.messages
    return [found for each in json.loads(done.stdout)["environments"] for found in each["objects"]]


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
    other = disk("b")
    assert not find_rename_candidates([disk("a")], [other._replace(identity=other.identity._replace(kind="VMInstance"))])


def test_own_name_within_an_object_makes_no_difference() -> None:
    """The disks of a VM are called after it, so a VM that is renamed with its disks is the same VM."""
    assert joined([disk("web-1", disks=["web-1-data", "iso"])], [disk("shop-1", disks=["shop-1-data", "iso"])])
    assert not joined([disk("web-1", disks=["web-1-data", "iso"])], [disk("shop-1", disks=["shop-1-data", "other"])])


names = st.lists(st.from_regex(r"[ab](-[ab12]){0,3}", fullmatch=True), unique=True, max_size=12)


@given(names, names)
def test_twins_are_pairs(old: list[str], new: list[str]) -> None:
    """Each object has at most one twin, whose twin it is, and nobody is left alone on both sides."""
    first, second = [disk(f"o{name}") for name in old], [disk(f"n{name}") for name in new]
    found = find_rename_candidates(first, second)
    assert all(found[found[identity]] == identity for identity in found)
    assert len(found) == 2 * min(len(old), len(new))


@pytest.mark.parametrize(
    ("old", "new", "root"),
    [("web-1-data", "shop-1-data", "web"), ("web", "web-1", "web"), ("a-b-1", "c-b-1", "a"), ("x", "x", "x")],
)
def test_root_is_what_the_names_do_not_share(old: str, new: str, root: str) -> None:
    """The remedy names the part in front of the common ending."""
    assert find_old_base_name(old, new) == root


def test_new_key_of_a_group_is_a_rename_with_its_cost(repository: Repositories) -> None:
    """The plan joins each old object to its new one, and says what is lost and what keeps the names."""
    found = repository(WEB)
    found.run("render")
    found.write({"environments/production.yaml": WEB.replace("  web:", "  shop:")})
    objects = {each["name"]: each for each in plan(found)}
    gone = objects["web-2-data"]
    assert gone["verdict"] == "DESTROYS DATA"
    assert gone["renamedTo"]["name"] == "shop-2-data"
    assert gone["remedy"] == "write `name: web`, or `names:`, in its group to keep the old names"
    assert "cannot rename" in gone["says"]
    assert objects["shop-2-data"]["renamedFrom"]["name"] == "web-2-data"
    assert objects["web-1"]["renamedTo"]["name"] == "shop-1"


def test_disk_of_a_vm_that_is_gone_for_good_is_no_rename(repository: Repositories) -> None:
    """System disks look alike, so a new group beside one VM less is a new group and not a rename."""
    found = repository(WEB)
    found.run("render")
    db = "  db: {instanceType: m1.large, image: ubuntu-2404}\n"
    found.write({"environments/production.yaml": WEB.replace("count: 2", "count: 1") + db})
    assert not [each for each in plan(found) if "renamedTo" in each or "renamedFrom" in each]


def test_new_key_of_a_disk_is_a_rename(repository: Repositories) -> None:
    """A standalone disk is kept by its old key."""
    text = "namespace: tenant-acme\ndisks:\n  iso: {url: 'https://example.com/a.iso', storage: 2Gi}\n"
    found = repository(text)
    found.run("render")
    found.write({"environments/production.yaml": text.replace("iso:", "image:")})
    (gone,) = [each for each in plan(found) if each["action"] == "delete"]
    assert gone["remedy"] == "write the key `iso` back to keep it"


def test_pinned_name_moves_files_and_changes_nothing(repository: Repositories) -> None:
    """Under a new key with the old `name:` the manifests lie elsewhere, and no object changes."""
    found = repository(WEB)
    found.run("render")
    found.write({"environments/production.yaml": WEB.replace("  web: {", "  shop: {name: web, ")})
    assert plan(found) == []
    done = found.run("render")
    assert (done.code, done.problems) == (0, [])
    assert "production/disks/shop/web-1-data.yaml" in found.files()


def test_object_that_moves_between_environments_is_said(repository: Repositories) -> None:
    """The same object from another environment is no loss, and the plan says where it came from."""
    found = repository(WEB, {"environments/other.yaml": "namespace: tenant-acme\n"})
    found.run("render")
    found.write({"environments/other.yaml": WEB, "environments/production.yaml": "namespace: tenant-acme\n"})
    objects = plan(found)
    assert {each["movedFrom"] for each in objects} == {"production"}
    assert {each["action"] for each in objects} == {"move"}
    assert {each["verdict"] for each in objects} == {"update in place"}
    assert found.run("render", "--allow-empty").code == 0
    assert plan(found) == []


def test_object_that_two_environments_hold_stays_where_one_lets_go(repository: Repositories) -> None:
    """While one environment still renders an object, nobody loses it."""
    found = repository(WEB, {"environments/other.yaml": WEB})
    found.run("render")
    found.write({"environments/other.yaml": "namespace: tenant-acme\n"})
    assert plan(found) == []
