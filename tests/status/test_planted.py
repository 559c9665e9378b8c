"""Each state is named right, one at a time, and all at once in a fleet of 200 VMs on each version of the platforms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.status.cluster import Cluster, make_cluster
from tests.status.planted import PLANTED, Plant
from vmgen.merge.platform import PlatformLoader
from vmgen.read.repository import Project

# What the API server fills in where an object leaves a field out, by the version that has it first: values.schema.json of
# packages/apps/vm-instance and vm-disk (v0.41.11 to v1.6.2), read by pkg/registry/apps/application/rest_defaulting.go.
DEFAULTS = yaml.safe_load((Path(__file__).parent / "api_defaults.yaml").read_text(encoding="utf-8"))
VERSIONS = [(platform, version) for platform, versions in DEFAULTS["versions"].items() for version in versions]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ops@shop"


@pytest.mark.parametrize("plant", PLANTED, ids=[plant.name for plant in PLANTED])
def test_planted_state_is_named(cluster: Cluster, plant: Plant) -> None:
    """One thing that is not in step is named with its state and its details, and nothing else is."""
    plant.change(cluster, "web-1")
    assert cluster.states() == {plant.subject.format(vm="web-1"): plant.state}
    result = cluster.run()
    assert result.code == 1
    assert plant.words.format(vm="web-1") in result.stdout


def test_enough_is_planted() -> None:
    """Forty states and more, and each of those that an object can have."""
    assert len(PLANTED) >= 40
    assert {plant.state for plant in PLANTED} == {"drift", "missing", "failed", "pending", "orphan"}


# Groups that together use every key; those whose keys a version lacks are left out there. `web` is what PLANTED changes.
WEB = {
    "count": 60, "instanceType": "u1.large", "image": "ubuntu-2404", "externalPorts": [80, 443], "disks": {"data": "50Gi"},
    "labels": {"team": "shop"}, "cloudInit": "#cloud-config\npackages: [nginx]\n",
}  # fmt: skip
SMALL = {"instanceType": "u1.large", "image": "debian-12"}
GROUPS: Mapping[str, dict[str, Any]] = {
    "named": {**SMALL, "names": ["alpha", "beta"], "annotations": {"example.com/owner": 'ops: the "night" shift'}},
    "skipping": {**SMALL, "count": 4, "skip": [2], "name": "skip"},
    "fetched": {
        "instanceType": "u1.large",
        "instanceProfile": "ubuntu",
        "url": "https://example.com/a.img?v=1",
        "storage": "30Gi",
    },
    "copied": {"instanceType": "u1.large", "instanceProfile": "ubuntu", "clone": "golden", "storage": "20Gi"},
    "uploaded": {"instanceType": "u1.large", "instanceProfile": "ubuntu", "upload": True, "storage": "20Gi"},
    "stopped": {**SMALL, "running": False},
    "manual": {**SMALL, "runStrategy": "Manual"},
    "whole": {**SMALL, "external": True, "externalMethod": "WholeIP"},
    "silent": {**SMALL, "externalPorts": [22], "externalAllowICMP": False},
    "plugged": {**SMALL, "networks": ["private"]},
    "meshed": {**SMALL, "subnets": ["private"]},
    "modelled": {**SMALL, "cpuModel": "host-model"},
    "sized": {"instanceType": "", "image": "debian-12", "resources": {"cpu": "2", "sockets": "2", "memory": "4Gi"}},
    "graphics": {**SMALL, "gpus": ["nvidia.com/AD102GL_L40S"]},
    "seeded": {**SMALL, "cloudInitSeed": "2", "cloudInit": {"write_files": [{"path": "/etc/motd", "content": "a\n\u00e9\n"}]}},
    "written": {**SMALL, "cloudInit": {"text": "#cloud-config\nhostname: {{ vm.name }}\n"}, "vars": {"a": 1}},
    "iso": {**SMALL, "disks": {"iso": {"url": "https://example.com/a.iso", "optical": True, "storage": "1Gi"}}},
    "local": {
        **SMALL,
        "storageClass": "local",
        "protect": False,
        "disks": {"data": {"storage": "1Gi", "storageClass": "replicated"}},
    },
    "rebuilt": {**SMALL, "system": 2, "previous": {1: {"image": "ubuntu-2204", "of": ["rebuilt"]}}},
    "sharing": {**SMALL, "attach": ["archive"]},
    "mixed": {**SMALL, "count": 2, "instances": {2: {"instanceType": "u1.xlarge", "labels": {"canary": "yes"}}}},
}


def build_fleet(platform: str, version: str, keys: frozenset[str]) -> dict[str, Any]:
    """An environment of 200 VMs with every key that a version has."""
    groups = {name: group for name, group in GROUPS.items() if not (ALL_FIELDS & group.keys()) - keys}
    rest = 200 - sum(_count(group) for group in (WEB, *groups.values()))
    return {
        "platform": platform,
        "platformVersion": version,
        "namespace": "tenant-acme",
        "labels": {"stage": "live"},
        "prices": {"currency": "CHF", "cpu": 10, "memory": 1, "storage": {"replicated": 0.1, "local": 0.05}},
        "defaults": {"sshKeys": [KEY]},
        "vms": {"web": WEB, "workers": {**SMALL, "count": rest}, **groups},
        "disks": {
            "golden": {"image": "ubuntu-2404", "storage": "20Gi"},
            "archive": "100Gi",
            "spare": {"storage": "1Gi", "storageClass": "local"},
        },
    }


def _count(group: Mapping[str, Any]) -> int:
    return len(group.get("names", ())) or group.get("count", 1)


ALL_FIELDS = {"running", "runStrategy", "externalAllowICMP", "networks", "subnets", "cpuModel", "resources", "gpus", "clone"}


@pytest.fixture(name="fleet", params=VERSIONS, ids=["-".join(each) for each in VERSIONS])
def _fleet(request: pytest.FixtureRequest, new_repository: Callable[..., Any]) -> Cluster:
    """The fleet on a version, committed, and a cluster of that version in which all of it runs."""
    platform, version = request.param
    made = new_repository()
    loaded = PlatformLoader(Project(made.root)).load(platform, version)
    made.write(
        {"environments/production.yaml": yaml.safe_dump(build_fleet(platform, version, loaded.fields | loaded.disk_fields))}
    )
    cluster = make_cluster(made)
    for (kind, _), document in list(cluster.objects.items()):
        document["spec"] = {**fill_in(kind, platform, version), **document["spec"]}
        add_workload(cluster, document)
    return cluster


def fill_in(kind: str, platform: str, version: str) -> dict[str, Any]:
    """The defaults of a kind's fields in a version."""
    order = DEFAULTS["versions"][platform]
    filled = {}
    for name, row in DEFAULTS[platform][kind].items():
        since, until = row.get("since", order[0]), row.get("until", order[-1])
        if order.index(since) <= order.index(version) <= order.index(until):
            filled[name] = row["value"]
    return filled


def add_workload(cluster: Cluster, document: Mapping[str, Any]) -> None:
    """Add what the platform makes of an object: all of it in order."""
    name, spec = document["metadata"]["name"], document["spec"]
    if document["kind"] == "VMDisk":
        phase = "WaitForFirstConsumer" if name == "spare" else "Succeeded"
        cluster.add_volume(name, phase, progress="100.0%")
        return
    is_halted = spec.get("running") is False or spec.get("runStrategy") == "Halted"
    cluster.add_machine(name, "Stopped" if is_halted else "Running", RestartRequired={"status": "False"})
    if spec["external"]:
        cluster.add_service(name, [{"ip": "192.0.2.1"}])


def test_untouched_fleet_is_in_step(fleet: Cluster) -> None:
    """200 VMs that use every feature of a version: no false drift, and nothing else is said of them."""
    document = json.loads(fleet.run("-o", "json").stdout)
    assert [item for item in document["objects"] if item["state"] != "in step"] == []
    assert len([item for item in document["objects"] if item["kind"] == "VMInstance"]) == 200
    assert document["notes"] == []
    assert fleet.run().code == 0


def test_all_states_in_one_fleet(fleet: Cluster) -> None:
    """Every planted state, each on a VM of its own, is named right on each version, and no other object is."""
    expected = {}
    for number, plant in enumerate(PLANTED, 1):
        plant.change(fleet, f"web-{number}")
        expected[plant.subject.format(vm=f"web-{number}")] = plant.state
    assert fleet.states() == expected
    text = fleet.run().stdout
    assert [plant.name for number, plant in enumerate(PLANTED, 1) if plant.words.format(vm=f"web-{number}") not in text] == []
