"""`vmgen plan --live`: what a dump adds to a plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.status.cluster import RESTART, Cluster, foreign
from vmgen.read.schema import Schema

LIVE_HEAD = "Live, from the dump"


def plan_live(cluster: Cluster, edit: Callable[[str], str], *arguments: str) -> Any:
    """Edit the environment and plan with the dump."""
    cluster.run()
    path = cluster.repository.root / "environments/production.yaml"
    path.write_text(edit(path.read_text()))
    return cluster.repository.run("plan", "--live", "dump.json", *arguments)


def test_plan_says_what_is_so_already(cluster: Cluster) -> None:
    """A size that was changed by hand, and a change that joins a restart that waits."""
    cluster.find("VMDisk", "web-1-data")["spec"]["storage"] = "70Gi"
    cluster.add_machine("web-1", RestartRequired=RESTART)
    text = plan_live(cluster, lambda text: text.replace("50Gi", "70Gi").replace("u1.large", "u1.xlarge")).stdout
    assert "production: VMDisk web-1-data spec.storage is already so" in text
    assert "VMDisk web-2-data" not in text.partition(LIVE_HEAD)[2]
    assert "production: VMInstance web-1 waits for a restart already" in text


def test_plan_says_what_is_gone_or_there_already(cluster: Cluster) -> None:
    """A disk that somebody deleted, and one that exists under the name of a new one."""
    cluster.objects.pop(("VMDisk", "spare"))
    cluster.objects["VMDisk", "extra"] = foreign("VMDisk", "extra", {"storage": "1Gi"})
    edit = "disks:\n  extra: {storage: 1Gi}\nretire:\n  - {disk: spare, reason: gone}\n"
    text = plan_live(cluster, lambda text: text.partition("disks:\n  spare")[0] + edit).stdout
    assert "VMDisk spare is gone already" in text
    assert "VMDisk extra exists already, and is taken over" in text


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        pytest.param("50Gi", "60Gi", ["web-1-data"], id="a disk that grows less"),
        pytest.param("50Gi", "40Gi", ["web-1-data", "web-2-data", "web-3-data"], id="disks that are to be smaller"),
        pytest.param("50Gi", "50Gi", ["web-1-data"], id="a disk that does not change"),
        pytest.param("50Gi", "70Gi", [], id="a disk that gets the size that it has"),
        pytest.param("count: 3", "count: 4", ["web-1-data", "web-4-data"], id="a new disk that exists already"),
    ],
)
def test_plan_names_a_live_disk_that_is_larger(cluster: Cluster, before: str, after: str, names: list[str]) -> None:
    """A disk never shrinks, so the size in the file is ignored, and the remedy is the size that the disk has."""
    cluster.find("VMDisk", "web-1-data")["spec"]["storage"] = "71680Mi"
    cluster.objects["VMDisk", "web-4-data"] = foreign("VMDisk", "web-4-data", {"storage": "1Ti"})
    result = plan_live(cluster, lambda text: text.replace(before, after), "-o", "json")
    texts = {note["name"]: note["text"] for note in json.loads(result.stdout)["live"] if "never shrinks" in note["text"]}
    assert list(texts) == names
    planned = after if after.endswith("Gi") else "50Gi"
    if names:
        remedy = "write `storage: 70Gi`"
        assert texts["web-1-data"] == f"has 70Gi, and a disk never shrinks: the platform ignores {planned}; {remedy}"


@pytest.mark.parametrize(("storage", "fits"), [("1140Gi", True), ("1139Gi", False)])
def test_plan_names_the_first_object_that_a_quota_refuses(cluster: Cluster, storage: str, fits: bool) -> None:
    """Two VMs more are four disks of 140Gi in all: the quota has room for them, or not for the last."""
    status = {
        "hard": {"requests.storage": storage, "limits.cpu": "100"},
        "used": {"requests.storage": "1000Gi", "limits.cpu": "1"},
    }
    quota = cluster.add("ResourceQuota", "tenant-quota", "", status=status)
    quota["apiVersion"] = "v1"
    document = json.loads(plan_live(cluster, lambda text: text.replace("count: 3", "count: 5"), "-o", "json").stdout)
    schema = Schema(json.loads((Path(__file__).resolve().parents[2] / "schema/plan.schema.json").read_text()))
    assert list(schema.find_errors(document)) == []
    expected = [] if fits else ["does not fit: the quota tenant-quota has 19Gi of requests.storage left for it"]
    assert [note["text"] for note in document["live"]] == expected or (
        not fits and "does not fit" in document["live"][0]["text"]
    )


@pytest.mark.parametrize(("storage", "fits"), [("1030Gi", True), ("1029Gi", False)])
def test_plan_holds_what_grows_against_a_quota(cluster: Cluster, storage: str, fits: bool) -> None:
    """Three disks that grow by 10Gi each take 30Gi of a quota."""
    status = {"hard": {"requests.storage": storage}, "used": {"requests.storage": "1000Gi"}}
    cluster.add("ResourceQuota", "tenant-quota", "", status=status)["apiVersion"] = "v1"
    document = json.loads(plan_live(cluster, lambda text: text.replace("50Gi", "60Gi"), "-o", "json").stdout)
    names = [note["name"] for note in document["live"] if "does not fit" in note["text"]]
    assert names == ([] if fits else ["web-3-data"])


def test_plan_in_markdown_has_the_facts(cluster: Cluster) -> None:
    """The comment on a pull request says what is live too."""
    cluster.find("VMDisk", "web-1-data")["spec"]["storage"] = "70Gi"
    text = plan_live(cluster, lambda text: text.replace("50Gi", "70Gi"), "-o", "markdown").stdout
    assert LIVE_HEAD in text
    assert "VMDisk web-1-data spec.storage is already so" in text


def test_plan_with_a_file_that_is_no_dump(cluster: Cluster) -> None:
    """Exit code 2, as for status."""
    cluster.run(content="<html>")
    assert cluster.repository.run("plan", "--live", "dump.json").code == 2
