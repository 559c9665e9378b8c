"""Rules keep quiet about what the reader refused, and end without an accident whatever passed it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from vmgen.check.rule import run_rules
from vmgen.check.rules import RULES

# Everything that may be written, once.
FULL: dict[str, Any] = {
    "platform": "cozystack",
    "namespace": "tenant-acme",
    "labels": {"team": "shop"},
    "annotations": {"example.com/owner": "shop"},
    "defaults": {"storageClass": "replicated", "sshKeys": ["ssh-ed25519 AAAA"], "instanceType": "u1.large"},
    "vms": {
        "web": {
            "count": 3,
            "skip": [2],
            "image": "ubuntu-24.04",
            "storage": "30Gi",
            "disks": {"data": "50Gi", "cd": {"url": "https://example.com/a.iso", "optical": True, "storage": "1Gi"}},
            "attach": ["shared", {"name": "kept", "bus": "sata"}],
            "externalPorts": [80, 443],
            "externalMethod": "PortList",
            "external": True,
            "labels": {"tier": "front"},
            "annotations": {"argocd.argoproj.io/sync-options": "Prune=false"},
            "protect": True,
            "gpus": ["nvidia.com/H100_94GB"],
            "resources": {"cpu": "2"},
            "instances": {"1": {"instanceType": "u1.xlarge"}, "web-3": {"clone": "kept", "instanceProfile": "linux"}},
        },
        "db": {"names": ["alpha", "beta"], "instanceProfile": "linux", "upload": True, "running": False},
    },
    "disks": {"shared": {"url": "https://example.com/b.iso", "optical": True, "storage": "2Gi"}, "kept": "9Gi"},
}
STRANGE: tuple[Any, ...] = (None, True, False, 0, -3, 10**9, 1.5, "", "x", "web-1", "1Gi", "ü", "a" * 300, [], {}, [[]])
MORE_STRANGE: tuple[Any, ...] = ([None], [1, 1], ["shared", "shared"], {"a": None}, {"x": {"y": []}}, {"storage": "1Gi"})

Read = Callable[..., Any]


@pytest.mark.parametrize("seed", range(8))
def test_no_accident(seed: int, read: Read) -> None:
    """Whatever stands in place of any value, the rules end, and each finding has a place in a file."""
    chance = random.Random(seed)
    for _ in range(40):
        data = deepcopy(FULL)
        for _ in range(chance.randint(1, 4)):
            _spoil(data, chance)
        merged, _ = read(json.dumps(data))
        for problem in run_rules(RULES, merged):
            assert problem.place.file
            assert problem.message


def _spoil(data: Any, chance: random.Random) -> None:
    """Put something strange at a random place, or take something away."""
    while True:
        keys = list(data) if isinstance(data, dict) else list(range(len(data)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(data[key], dict | list) and data[key] and chance.random() < 0.8:
            data = data[key]
        elif chance.random() < 0.2:
            del data[key]
            return
        else:
            data[key] = deepcopy(chance.choice(STRANGE + MORE_STRANGE))
            return


@pytest.mark.parametrize(
    "group",
    [
        "{instanceType: 5, image: ubuntu-2404}",
        "{instanceType: u1.large, image: 5}",
        "{instanceType: u1.large, image: ubuntu-2404, instanceProfile: 5}",
        "{instanceType: u1.large, image: ubuntu-2404, storage: 5}",
        "{instanceType: u1.large, image: ubuntu-2404, disks: {data: {storage: 5}}}",
        "{instanceType: u1.large, image: ubuntu-2404, disks: {cd: {optical: 'yes', storage: 1Gi}}}",
        "{instanceType: u1.large, instanceProfile: linux, disks: {data: 5}}",
        "{instanceType: u1.large, instanceProfile: linux, attach: [5]}",
        "{instanceType: u1.large, image: ubuntu-2404, external: true, externalPorts: [99999]}",
        "{instanceType: u1.large, image: ubuntu-2404, external: true, externalPorts: [443], externalMethod: All}",
        "{instanceType: u1.large, image: ubuntu-2404, count: three, instances: {2: {running: false}}}",
        "{instanceType: u1.large, image: ubuntu-2404, count: 2, skip: [two], instances: {2: {running: false}}}",
        "{instanceType: u1.large, image: ubuntu-2404, labels: {team: 5}, sshKeys: [5], annotations: 5}",
        "{instanceType: u1.large, image: ubuntu-2404, previous: {web: {image: ubuntu-2204, of: [1]}}}",
        "{instanceType: u1.large, image: ubuntu-2404, previous: {'0': {image: ubuntu-2204, of: [1]}}}",
        "{instanceType: u1.large, image: ubuntu-2404, previous: {12345: {image: ubuntu-2204, of: [1]}}}",
        "{instanceType: u1.large, image: ubuntu-2404, disks: {data: {storage: 5Gi, previous: {x: {storage: 5Gi, of: [1]}}}}}",
        "5",
    ],
)
def test_refused_values(group: str, read: Read) -> None:
    """What the schema refused trips no rule as well."""
    merged, problems = read(f"""platformVersion: "1"\nnamespace: tenant-acme\nvms:\n  web: {group}\n""")
    assert problems
    assert run_rules(RULES, merged) == []
