"""VMs become groups as a person would make them, so a large tenant becomes a short file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

API = "apps.cozystack.io/v1alpha1"
NAMES = "web api db cache worker build proxy mail search queue edge batch".split()
TYPES = ["u1.medium", "u1.large", "u1.xlarge", "m1.large", "s1.large"]
IMAGES = ["ubuntu-2404", "debian-12", "ubuntu-2204", "debian-13"]
PROFILES = ["ubuntu", "fedora", "ubuntu", "fedora"]


def exported(vms: int) -> str:
    """What `kubectl get vminstances,vmdisks -o json` prints of twelve groups, with holes and VMs that differ."""
    items: list[dict[str, Any]] = []
    for position in range(vms):
        group, number = position % len(NAMES), position // len(NAMES) + 1
        number += number > 3 if group % 3 == 1 else 0  # these groups have no VM 4
        name = f"{NAMES[group]}-{number}"
        disks = [f"{name}-system"] + [f"{name}-data"] * (group % 3 == 0)
        for disk in disks:
            source = {"image": {"name": IMAGES[group % 4]}} if disk.endswith("system") else {}
            spec: dict[str, Any] = {"source": source, "optical": False, "storage": "30Gi", "storageClass": "replicated"}
            items.append({"kind": "VMDisk", "metadata": {"name": disk}, "spec": spec})
        spec = {
            "external": group % 4 == 1,
            "externalMethod": "PortList",
            "externalPorts": [80, 443] if group % 4 == 1 else [],
            "runStrategy": "Halted" if number == 7 else "Always",
            "instanceType": "u1.2xlarge" if number == 5 else TYPES[group % 5],
            "instanceProfile": PROFILES[group % 4],
            "disks": [{"name": disk} for disk in disks],
            "gpus": [],
            "resources": {},
            "sshKeys": [],
            "cloudInit": "#cloud-config\npackages:\n  - nginx\n" if group < 4 else "",
            "cloudInitSeed": "",
        }
        items.append({"kind": "VMInstance", "metadata": {"name": name}, "spec": spec})
    for item in items:
        item["apiVersion"] = API
        item["metadata"] |= {"namespace": "tenant-big", "uid": "u", "resourceVersion": "1", "generation": 1}
        item["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)


@pytest.mark.parametrize("vms", [240, pytest.param(1000, marks=pytest.mark.slow)])
def test_an_export_of_twelve_groups_is_a_file_under_200_lines(
    vms: int, new_repository: Callable, import_text: Callable
) -> None:
    """One group each, whatever their size, with holes in `skip` and what differs in `instances`."""
    result = import_text(new_repository().project, exported(vms))
    (environment,) = result.environments
    assert result.is_verified, [str(problem) for problem in environment.problems]
    assert list(environment.content.data["vms"]) == NAMES
    assert len(environment.content.lines) < 200


SERIES = {
    "no hole": ([1, 2, 3], {"count": 3}),
    "half as many holes as VMs": ([1, 2, 4, 6], {"count": 4, "skip": [3, 5]}),
    "one more": ([1, 2, 4, 7], {"names": ["web-1", "web-2", "web-4", "web-7"]}),
}


@pytest.mark.parametrize(("numbers", "structure"), SERIES.values(), ids=SERIES)
def test_holes_of_a_series(
    numbers: list[int], structure: dict[str, Any], new_repository: Callable, import_text: Callable
) -> None:
    """Numbers that are missing are skipped, and where many are missing the VMs are named."""
    items = [
        {"apiVersion": API, "kind": "VMInstance", "metadata": {"name": f"web-{n}", "namespace": "tenant-a"}} for n in numbers
    ]
    (environment,) = import_text(new_repository().project, json.dumps({"kind": "List", "items": items})).environments
    group = environment.content.data["vms"]["web"]
    assert {key: value for key, value in group.items() if key in ("count", "skip", "names")} == structure
