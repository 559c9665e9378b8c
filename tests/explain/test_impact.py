"""`vmgen impact` on the command line: every kind of file, and every kind of line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDl7rH4kqzJc1fXPZ0nq3s2yQmS7o9gTzJ6r5vYkUe1e ops@three\n"
FILES = {
    "environments/_defaults.yaml": "labels:\n  team: shop\ndefaults:\n  sshKeys:\n    - file: keys/ops.pub\n",
    "environments/keys/ops.pub": f"# ours\n{KEY}",
    "environments/base/more.yaml": "labels:\n  more: label\n",
    "environments/base/all.yaml": "extends: [more.yaml]\nlabels:\n  all: label\n",
    "environments/staging.yaml": "platform: cozystack\nnamespace: tenant-two\n"
    "vms: {app: {instanceType: u1.large, image: ubuntu-2404}}\n",
    "templates/cloud-init/web.yaml.j2": "#cloud-config\npackages: [curl]\n",
    "environments/_catalog.yaml": "instanceTypes:\n  x1.tiny:\n    cpu: 1\n    memory: 2Gi\n    series: ours\n",
}
PRODUCTION = """\
extends:
  - base/all.yaml
namespace: tenant-one

# the shop
vms:
  web:
    count: 2
    instanceType: x1.tiny
    image: ubuntu-2404
    running: true
    cloudInit:
      template: web.yaml.j2
  db:
    instanceType: u1.large
    instanceProfile: ubuntu
    storage: 30Gi
    url: https://example.com/a.img
    cloudInit: |
      #cloud-config
      # a comment of cloud-init's
      packages: [postgresql]
budget: {vms: 9}
"""
WEB_VMS = {"web-1", "web-2"}
WEB_DISKS = {"web-1-system", "web-2-system"}
DB = {"db", "db-system"}


@pytest.fixture(scope="module")
def impact(new_repository: Callable[..., Any]) -> Callable[[str], Any]:
    """Runs `vmgen impact … -o json` over two environments of two platforms."""
    made = new_repository({**FILES, "environments/production.yaml": PRODUCTION})

    def run(where: str) -> Any:
        done = made.run("impact", where, "-o", "json")
        assert done.code == 0, done.messages
        return json.loads(done.stdout)

    run.made = made  # type: ignore[attr-defined]
    return run


def names(found: Any, environment: str = "production") -> set[str]:
    """The objects that may change."""
    return {each["name"] for each in found["objects"] if each["fields"] and each["environment"] == environment}


def fields(found: Any) -> set[str]:
    """The fields that may change, of any object."""
    return {field for each in found["objects"] for field in each["fields"]}


@pytest.mark.parametrize(
    ("where", "objects", "named"),
    [
        ("environments/production.yaml:9", WEB_VMS, {"spec.instanceType"}),
        ("environments/production.yaml:8", WEB_VMS | WEB_DISKS, {"*"}),
        ("environments/production.yaml:4", set(), set()),
        ("environments/production.yaml:5", set(), set()),
        ("environments/production.yaml:17", {"db-system"}, {"spec.storage"}),
        ("environments/production.yaml:19", {"db"}, {"spec.cloudInit"}),
        ("environments/production.yaml:21", {"db"}, {"spec.cloudInit"}),
        ("environments/production.yaml:23", set(), set()),
        ("environments/production.yaml:2", WEB_VMS | WEB_DISKS | DB, {"metadata.labels.all", "metadata.labels.more"}),
        ("environments/_defaults.yaml:2", WEB_VMS | WEB_DISKS | DB, {"metadata.labels.team"}),
        ("environments/_defaults.yaml:4", WEB_VMS | {"db"}, {"spec.sshKeys[0]"}),
        ("environments/_defaults.yaml:5", WEB_VMS | {"db"}, {"spec.sshKeys[0]"}),
        ("environments/keys/ops.pub", WEB_VMS | {"db"}, {"spec.sshKeys[0]"}),
        ("environments/keys/ops.pub:2", WEB_VMS | {"db"}, {"spec.sshKeys[0]"}),
        ("environments/keys/ops.pub:1", set(), set()),
        ("templates/cloud-init/web.yaml.j2", WEB_VMS, {"spec.cloudInit"}),
        ("templates/cloud-init/web.yaml.j2:2", WEB_VMS, {"spec.cloudInit"}),
        ("templates/hikube/vm-disk.yaml.j2:15", WEB_DISKS | {"db-system"}, {"spec.storage"}),
        ("templates/shared/gitops.yaml:16", WEB_DISKS | {"db-system"}, {"metadata.annotations.argocd.argoproj.io/sync-wave"}),
    ],
)
def test_a_line_names_its_objects_and_fields(impact: Any, where: str, objects: set[str], named: set[str]):
    """Each kind of line, in each kind of file, reaches these objects of production, and these fields."""
    found = impact(where)
    assert names(found) == objects
    if objects:
        assert fields(found) == named


def test_a_group_is_reached_by_its_key(impact: Any):
    """The key of a group is in the names of all that it holds, and its values stand below it."""
    found = impact("environments/production.yaml:7")
    assert names(found) == WEB_VMS | WEB_DISKS
    assert {"metadata.name", "spec.instanceType", "spec.disks[0]"} <= fields(found)
    assert found["counts"] == {"environments": 1, "groups": 1, "objects": 4, "fields": found["counts"]["fields"], "checked": 0}


def test_a_whole_file_reaches_all_that_came_from_it(impact: Any):
    """Without a line, a file is all its lines."""
    assert names(impact("environments/production.yaml")) == WEB_VMS | WEB_DISKS | DB
    assert names(impact("templates/hikube/vm-instance.yaml.j2")) == WEB_VMS | {"db"}
    assert names(impact("templates/hikube/platform.yaml")) == WEB_VMS | WEB_DISKS | DB
    assert names(impact("templates/cozystack/vm-instance.yaml.j2")) == set()
    assert names(impact("templates/cozystack/vm-instance.yaml.j2"), "staging") == {"app"}


def test_a_platform_is_everything(impact: Any):
    """The key that chooses the templates reaches each object whole."""
    found = impact("environments/staging.yaml:1")
    assert names(found, "staging") == {"app", "app-system"}
    assert fields(found) == {"*"}


@pytest.mark.parametrize(
    "where", ["environments/_catalog.yaml:2", "environments/_catalog.yaml:3", "environments/_catalog.yaml"]
)
def test_an_entry_of_the_catalog_is_checked_against(impact: Any, where: str):
    """The size of an instance type changes no manifest, and those that name it are told apart."""
    found = impact(where)
    assert names(found) == set()
    assert {each["name"]: each["checked"] for each in found["objects"]} == {name: ["spec.instanceType"] for name in WEB_VMS}


def test_the_text_counts_and_groups(impact: Any):
    """People read one line of totals, then the objects with the same fields together."""
    done = impact.made.run("impact", "environments/production.yaml:9")
    assert done.stdout.splitlines() == [
        "environments/production.yaml:9 (vms.web.instanceType) affects 1 environment, 1 group, 2 objects, 2 fields",
        "production",
        "  web",
        "    2 VMInstances: web-1 web-2",
        "      spec.instanceType",
    ]
    nothing = impact.made.run("impact", "environments/production.yaml:23").stdout
    assert (
        nothing == "environments/production.yaml:23 (budget, budget.vms) affects no field of any object; read by production\n"
    )


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("environments/produktion.yaml", "did you mean 'environments/production.yaml'?"),
        ("environments/production.yaml:99", "has 23 lines, and no line 99"),
        ("templates/hikube/vm-disc.yaml.j2:3", "did you mean 'templates/hikube/vm-disk.yaml.j2'?"),
    ],
)
def test_a_wrong_place_gets_a_suggestion(impact: Any, where: str, message: str):
    """A file or a line that is not there is exit code 2."""
    done = impact.made.run("impact", where)
    assert done.code == 2
    assert message in done.messages


def test_a_place_as_messages_show_it_is_taken(impact: Any):
    """The column of a place that was copied from a message is no hindrance."""
    assert names(impact("environments/production.yaml:9:19")) == WEB_VMS


NULLS = """\
namespace: tenant-one
platformVersion: "2"
labels: {team: null}
defaults:
  labels: {tier: front}
  annotations:
    example.com/note: null
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2404
    system: 2
    previous: {1: {image: ubuntu-2204, of: [1]}}
    labels:
      team: null
    disks: {data: 5Gi}
    instances:
      2:
        labels:
          tier:
        disks:
          data: null
  db: {instanceType: u1.large, image: ubuntu-2404, labels: {team: db}, annotations: {example.com/note: own}}
disks: {spare: 5Gi}
"""
WEB = {"web-1", "web-1-system-2", "web-1-data", "web-2", "web-2-system-2"}


@pytest.mark.parametrize(
    ("line", "objects"),
    [
        pytest.param(7, WEB, id="an annotation in defaults, which db has from its group"),
        pytest.param(16, WEB, id="a label of the group"),
        pytest.param(3, {*WEB, "web-1-system", "spare"}, id="a label of all, which db has from its group"),
        pytest.param(21, {"web-2", "web-2-system-2"}, id="a label of a VM"),
        pytest.param(23, {"web-2"}, id="a disk of a VM"),
    ],
)
def test_a_null_reaches_what_it_removes_something_from(new_repository: Callable[..., Any], line: int, objects: set[str]):
    """It leaves no value in the objects, and another value there changes each of them."""
    made = new_repository({"environments/production.yaml": NULLS})
    done = made.run("impact", f"environments/production.yaml:{line}", "-o", "json")
    assert done.code == 0, done.messages
    assert {item["name"]: item["fields"] for item in json.loads(done.stdout)["objects"]} == {name: ["*"] for name in objects}


INFERRED = """\
namespace: tenant-one
platformVersion: "2"
defaults:
  instanceProfile: null
  url: null
  externalMethod: null
vms:
  web:
    count: 2
    skip:
    instanceType: u1.large
    image: ubuntu-2404
    storage: null
    external: null
    externalPorts: [80]
    attach:
    disks:
      data:
        storage: 5Gi
        storageClass: null
    instances:
      2:
        url: null
        instanceProfile: null
        system: null
        disks:
  db: {instanceType: u1.large, image: ubuntu-2404, instanceProfile: ubuntu, storage: 30Gi, external: true, externalPorts: [22]}
disks:
  spare:
    storage: 5Gi
    storageClass: null
"""
SYSTEM_DISKS = {"web-1-system", "web-2-system"}


def whole(*names: str) -> dict[str, list[str]]:
    """Objects of which an edit may change more than a field."""
    return {name: ["*"] for name in names}


@pytest.mark.parametrize(
    ("line", "objects"),
    [
        pytest.param(4, {"web-1": ["spec.instanceProfile"]}, id="a profile in defaults, which web-2 and db write themselves"),
        pytest.param(5, {}, id="a source in defaults, which the image of each group excludes"),
        pytest.param(10, whole("web-1", "web-2", "web-1-data", *SYSTEM_DISKS), id="numbers to skip"),
        pytest.param(13, {name: ["spec.storage"] for name in SYSTEM_DISKS}, id="a size that the image implies"),
        pytest.param(14, {name: ["spec.external"] for name in WEB_VMS}, id="a flag that ports imply"),
        pytest.param(16, whole(*WEB_VMS), id="attached disks"),
        pytest.param(20, {"web-1-data": ["spec.storageClass"]}, id="a class that a disk inherits"),
        pytest.param(23, {"web-2-system": ["spec.source.image.name"]}, id="a source of a VM, which replaces the image"),
        pytest.param(24, {"web-2": ["spec.instanceProfile"]}, id="a profile of a VM"),
        pytest.param(25, {"web-2": ["*"], "web-2-system": ["*"]}, id="a generation of a VM"),
        pytest.param(26, {"web-2": ["*"]}, id="the disks of a VM"),
        pytest.param(31, {"spare": ["spec.storageClass"]}, id="a class of a standalone disk"),
    ],
)
def test_a_null_reaches_what_a_rule_fills_in(new_repository: Callable[..., Any], line: int, objects: dict[str, Any]):
    """Another value there takes the place of what a rule worked out, and nothing else names the line."""
    made = new_repository({"environments/production.yaml": INFERRED})
    done = made.run("impact", f"environments/production.yaml:{line}", "-o", "json")
    assert done.code == 0, done.messages
    assert {item["name"]: item["fields"] for item in json.loads(done.stdout)["objects"]} == objects


REMOVED = {
    "environments/_defaults.yaml": "vms:\n  old: {instanceType: u1.large, image: ubuntu-2404}\ndisks:\n  spare: 5Gi\n",
    "environments/production.yaml": "namespace: tenant-one\nvms:\n  old: null\ndisks:\n  spare: null\n  more: null\n",
}


@pytest.mark.parametrize(
    ("line", "key", "removal"),
    [
        (3, "vms.old", "removes vms.old of environments/_defaults.yaml:2"),
        (5, "disks.spare", "removes disks.spare of environments/_defaults.yaml:4"),
        (6, "disks.more", "removes nothing, as no lower layer has it"),
    ],
)
def test_a_null_names_what_it_removes(new_repository: Callable[..., Any], line: int, key: str, removal: str):
    """A group or a disk of a lower layer that is null leaves no object to list."""
    made = new_repository(REMOVED)
    where = f"environments/production.yaml:{line}"
    done = made.run("impact", where)
    assert done.code == 0, done.messages
    assert done.stdout == f"{where} ({key}) affects no field of any object; {removal}; read by production\n"
    removed = json.loads(made.run("impact", where, "-o", "json").stdout)["removes"]
    assert [f"removes {item['key']} of {item['file']}:{item['line']}" for item in removed] == [removal] * (line < 6)
