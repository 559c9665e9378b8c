"""Every mistake of a file is in the first run, whatever else is wrong beside it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmgen.read.repository import open_project
from vmgen.renderer import Renderer

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops@shop"
GROUPS = ("web", "db", "cache", "queue", "batch")
GROUP = {
    "count": 2,
    "instanceType": "u1.large",
    "image": "ubuntu-2404",
    "externalPorts": [80, 443, 8080],
    "disks": {"data": "50Gi", "logs": {"storage": "10Gi"}},
    "sshKeys": [KEY],
    "labels": {"team": "shop"},
    "running": True,
    "cloudInit": {"packages": ["nginx"]},
}
ROOT = {"namespace": "tenant-acme", "vms": dict.fromkeys(GROUPS, GROUP), "retire": [], "disks": {"tools": {"storage": "5Gi"}}}
MIME = 'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n--x\n\n#cloud-config\npakages: [x]\n--x--\n'


def put(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """A fault: another value of a key."""
    return lambda group: group.__setitem__(key, copy.deepcopy(value))


def append(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """A fault: one more item of a list."""
    return lambda group: group[key].append(value)


# What a fault is about (two about one thing are not planted together), the fault, its rule, and the key below the group.
IN_GROUPS: tuple[tuple[str, Callable[[dict[str, Any]], None], str, str], ...] = (
    ("image", put("image", "ubunto-2404"), "unknown-image", "image"),
    ("image", put("storage", "1Gi"), "storage-below-minimum", "storage"),
    ("type", put("instanceType", "u1.larg"), "unknown-instance-type", "instanceType"),
    ("type", put("instanceType", 5), "wrong-type", "instanceType"),
    ("range", append("externalPorts", 70000), "invalid-value", "externalPorts[3]"),
    ("range", append("externalPorts", "8211/udp"), "wrong-type", "externalPorts[3]"),
    ("twice", lambda group: group["externalPorts"].insert(1, 80), "duplicate-port", "externalPorts[1]"),
    ("data", lambda group: group["disks"].__setitem__("data", "50G"), "size-notation", "disks.data.storage"),
    ("logs", lambda group: group["disks"]["logs"].__setitem__("siz", 1), "unknown-key", "disks.logs.siz"),
    ("more", lambda group: group["disks"].__setitem__("Lo_gs", {"storage": "5Gi"}), "invalid-name", "disks.Lo_gs"),
    ("cores", put("cores", 4), "unknown-key", "cores"),
    ("banana", put("banana", 4), "unknown-key", "banana"),
    ("running", put("running", "started"), "wrong-type", "running"),
    ("key", append("sshKeys", "ssh-rsa AAAA..."), "placeholder-ssh-key", "sshKeys[1]"),
    ("key", append("sshKeys", f"no-prt {KEY}"), "malformed-ssh-key", "sshKeys[1]"),
    ("key", append("sshKeys", 5), "wrong-type", "sshKeys[1]"),
    ("user data", put("cloudInit", {"pakages": ["x"]}), "unknown-cloud-config-key", "cloudInit.pakages"),
    ("user data", put("cloudInit", MIME), "unknown-cloud-config-key", "cloudInit.pakages"),
    ("user data", put("cloudInit", "packages: [x]"), "cloud-init-header", "cloudInit"),
    ("user data", put("cloudInit", {"merge": ["nope.yaml"]}), "missing-cloud-init-file", "cloudInit.merge[0]"),
    ("class", put("storageClass", "nope"), "unknown-storage-class", "storageClass"),
    ("label", lambda group: group["labels"].__setitem__("b d", "x"), "invalid-label-key", "labels.b d"),
    ("attach", put("attach", ["nope"]), "unknown-disk", "attach[0]"),
    ("count", put("count", -1), "invalid-value", "count"),
    ("skip", put("skip", [2, 0]), "invalid-value", "skip[1]"),
    ("profile", put("instanceProfile", "ubunt"), "unknown-instance-profile", "instanceProfile"),
)
AT_THE_TOP: tuple[tuple[str, Callable[[dict[str, Any]], None], str, str], ...] = (
    ("namespace", put("namespace", "acme"), "invalid-value", "namespace"),
    ("budget", put("budget", {"vms": "x"}), "wrong-type", "budget.vms"),
    ("tags", put("tags", ["x"]), "unknown-key", "tags"),
    ("retire", append("retire", {"disk": "a-system"}), "missing-key", "retire[0]"),
    ("disk", lambda root: root["disks"]["tools"].__setitem__("storag", "5Gi"), "unknown-key", "disks.tools.storag"),
    ("policy", put("policy", {"nope": "error"}), "unknown-policy", "policy.nope"),
)


def mutate(seed: int) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """A valid environment with two to six faults, and the rule and key of each."""
    choice = random.Random(seed)
    root = copy.deepcopy({**ROOT, "vms": {name: copy.deepcopy(GROUP) for name in GROUPS}})
    planted: set[tuple[str, str]] = set()
    taken: set[tuple[str, str]] = set()
    number = choice.randint(2, 6)
    names = {name: name for name in GROUPS}
    if choice.random() < 0.3:
        name = choice.choice(GROUPS)
        names[name] = f"{name.title()}_1"
        planted.add(("invalid-name", f"vms.{names[name]}"))
    while len(planted) < number:
        group = choice.choice((*GROUPS, ""))
        topic, fault, rule, key = choice.choice(IN_GROUPS if group else AT_THE_TOP)
        if (group, topic) in taken or {(group, "twice"), (group, "range")} <= {*taken, (group, topic)}:
            continue
        taken.add((group, topic))
        fault(root["vms"][group] if group else root)
        planted.add((rule, f"vms.{names[group]}.{key}" if group else key))
    root["vms"] = {names[name]: value for name, value in root["vms"].items()}
    return root, planted


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_every_planted_fault_is_in_the_first_run(tmp_path: Path, first: int) -> None:
    """Of 200 environments with two to six faults each, every fault is reported at once, at its key."""
    (tmp_path / "environments").mkdir()
    missed = []
    for seed in range(first, first + 50):
        root, planted = mutate(seed)
        (tmp_path / "environments" / "production.yaml").write_text(yaml.safe_dump(root, sort_keys=False))
        result = Renderer(open_project(tmp_path)).render("production")
        reported = {(problem.rule, problem.subject) for problem in result.problems}
        missed += [(seed, *fault) for fault in sorted(planted - reported)]
    assert missed == []


def test_the_environment_without_faults_is_valid(tmp_path: Path) -> None:
    """What the faults are planted in has no problem itself."""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "production.yaml").write_text(yaml.safe_dump(copy.deepcopy(ROOT), sort_keys=False))
    problems = Renderer(open_project(tmp_path)).render("production").problems
    assert [problem for problem in problems if problem.severity == "error"] == []
