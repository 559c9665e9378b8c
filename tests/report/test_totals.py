"""Totals against a recount: the rendered manifests, read with PyYAML, and the catalog's file, read with PyYAML."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
UNITS = {"Mi": 1, "Gi": 1024, "Ti": 1024**2}
Make = Callable[..., Any]


def mebibytes(text: str) -> int:
    """A size in MiB, worked out apart from the program."""
    number, unit = re.fullmatch(r"(\d+)([MGT]i)", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[unit]


def catalog(platform: str) -> dict[str, dict[str, Any]]:
    """The instance types of a platform, from its file and those that it extends."""
    types: dict[str, dict[str, Any]] = {}
    content = yaml.safe_load((ROOT / "templates" / platform / "catalog.yaml").read_text(encoding="utf-8"))
    for base in content.get("extends", []):
        types |= yaml.safe_load((ROOT / "templates" / base).read_text(encoding="utf-8")).get("instanceTypes", {})
    return types | content.get("instanceTypes", {})


def recount(files: Mapping[str, bytes], types: Mapping[str, Any]) -> dict[str, Any]:
    """The totals of manifests, added up anew."""
    found: Counter[str] = Counter()
    storage: Counter[str] = Counter()
    gpus: Counter[str] = Counter()
    for path, content in files.items():
        document = yaml.safe_load(content)
        if path.endswith("kustomization.yaml") or not isinstance(document, dict):
            continue
        spec = document.get("spec", {})
        if document.get("kind") == "VMInstance":
            found["vms"] += 1
            found["externalVMs"] += spec["external"]
            gpus.update(gpu["name"] for gpu in spec.get("gpus", []))
            if spec["instanceType"]:
                found["cpu"] += types[spec["instanceType"]]["cpu"]
                found["memoryMiB"] += mebibytes(types[spec["instanceType"]]["memory"])
            else:
                found["cpu"] += int(spec["resources"]["cpu"]) * int(spec["resources"]["sockets"])
                found["memoryMiB"] += mebibytes(spec["resources"]["memory"])
        elif document.get("kind") == "VMDisk":
            found["disks"] += 1
            storage[spec["storageClass"]] += mebibytes(spec["storage"])
    keys = ("vms", "cpu", "memoryMiB", "disks", "externalVMs")
    return {**{key: found[key] for key in keys}, "storageMiB": dict(storage), "gpus": dict(gpus)}


def page_data(text: str) -> Any:
    """What a page carries."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_examples(vmgen: Callable[..., Any]) -> None:
    """The totals of this repository's own environments, in `list` and in the page, are those of its committed manifests."""
    listed = json.loads(vmgen("-C", str(ROOT), "list", "-o", "json").output)
    page = page_data(vmgen("-C", str(ROOT), "report", "-o", "-").stdout)
    assert listed["environments"]
    for each, shown in zip(listed["environments"], page["environments"]):
        folder = ROOT / "manifests" / each["environment"]
        files = {path.as_posix(): path.read_bytes() for path in folder.rglob("*.yaml")}
        wanted = recount(files, catalog("hikube"))
        assert wanted["vms"]
        assert each["totals"] == wanted
        assert shown["totals"] == wanted


TYPES = {
    "hikube": ("u1.medium", "u1.large", "s1.small", "m1.xlarge"),
    "cozystack": ("u1.medium", "u1.large", "cx1.medium", ""),
}
SIZES = st.one_of(st.integers(1, 3000).map("{}Mi".format), st.integers(1, 900).map("{}Gi".format), st.just("1Ti"))
CLASSES = st.sampled_from(["replicated", "local"])
DISK = st.fixed_dictionaries({"storage": SIZES, "storageClass": CLASSES})
FIELDS = st.fixed_dictionaries(
    {"count": st.integers(0, 4), "image": st.just("ubuntu-2404"), "storageClass": CLASSES},
    optional={"externalPorts": st.just([80, 443]), "disks": st.dictionaries(st.sampled_from("abc"), DISK, max_size=3)},
)


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    """Small environments of both platforms, with everything that counts in them."""
    platform = draw(st.sampled_from(sorted(TYPES)))
    groups = {}
    for name in draw(st.lists(st.sampled_from(["web", "db", "cache"]), min_size=1, unique=True)):
        group = draw(FIELDS)
        group["instanceType"] = draw(st.sampled_from(TYPES[platform]))
        if not group["instanceType"]:
            group["resources"] = {"cpu": "2", "sockets": str(draw(st.integers(1, 3))), "memory": "4Gi"}
        if platform == "cozystack" and draw(st.booleans()):
            group["gpus"] = ["nvidia.com/AD102GL_L40S"] * draw(st.integers(1, 2))
        if draw(st.booleans()):
            group["instances"] = {"1": {"external": False, "storage": "30Gi"}} if group["count"] else None
        groups[name] = group
    standalone = draw(st.dictionaries(st.sampled_from(["keep", "old"]), DISK, max_size=2))
    return {"platform": platform, "namespace": "tenant-acme", "vms": groups, "disks": standalone}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(environment=environments())
def test_any_fleet(new_repository: Make, environment: dict[str, Any]) -> None:
    """Whatever is written: `list`, its groups, the page and a budget of just this size agree with the manifests."""
    made = new_repository({"environments/production.yaml": json.dumps(environment)})
    assert made.run("render", "--allow-empty").code == 0
    wanted = recount(made.files(), catalog(environment["platform"]))
    listed = json.loads(made.run("list", "-o", "json").output)
    assert listed["totals"] == wanted
    groups = listed["environments"][0]["groups"]
    for key in ("vms", "cpu", "memoryMiB", "disks", "externalVMs"):
        assert sum(group[key] for group in groups) == wanted[key]
    assert page_data(made.run("report", "-o", "-").stdout)["totals"] == wanted
    storage = sum(wanted["storageMiB"].values())
    exact = {"vms": wanted["vms"], "cpu": wanted["cpu"], "externalVMs": wanted["externalVMs"]}
    exact |= {key: f"{size}Mi" for key, size in (("memory", wanted["memoryMiB"]), ("storage", storage)) if size}
    made.write({"environments/production.yaml": json.dumps({**environment, "budget": exact})})
    assert made.run("render", "--check", "--allow-empty").code == 0
    for key, limit in exact.items():
        less = limit - 1 if isinstance(limit, int) else f"{mebibytes(limit) - 1}Mi"
        if less not in (-1, "0Mi"):
            made.write({"environments/production.yaml": json.dumps({**environment, "budget": {**exact, key: less}})})
            result = made.run("render", "--check", "--allow-empty")
            errors = [line.rsplit(" ", 1)[1] for line in result.problems if ": error: " in line]
            assert (result.code, errors) == (1, ["[over-budget]"]), result.messages


def test_plan_carries_the_delta(repository: Make) -> None:
    """The delta of a plan is the difference of two recounts, and is said in words."""
    before = {"vms": {"web": {"count": 2, "instanceType": "u1.large", "image": "ubuntu-2404", "disks": {"data": "50Gi"}}}}
    after = {"vms": {"web": {**before["vms"]["web"], "count": 4, "externalPorts": [443], "disks": {"data": "60Gi"}}}}
    made = repository(json.dumps({"namespace": "tenant-acme", **before}))
    assert made.run("render").code == 0
    one = recount(made.files(), catalog("hikube"))
    made.write({"environments/production.yaml": json.dumps({"namespace": "tenant-acme", **after})})
    document = json.loads(made.run("plan", "-o", "json").output)
    text = made.run("plan").stdout
    assert made.run("render").code == 0
    other = recount(made.files(), catalog("hikube"))
    wanted = {key: other[key] - one[key] for key in ("vms", "cpu", "memoryMiB", "disks", "externalVMs")}
    storage = {name: size - one["storageMiB"].get(name, 0) for name, size in other["storageMiB"].items()}
    expected = {**wanted, "storageMiB": storage, "gpus": {}, "cost": None}
    assert document["totals"] == expected
    assert document["environments"][0]["totals"] == expected
    assert "Totals: +2 VMs, +4 vCPU, +16 GiB, +180 GiB replicated, +4 public.\n" in text


@pytest.mark.parametrize("kind", ["halted", "shared"])
def test_what_counts_once(repository: Make, kind: str) -> None:
    """A halted VM counts in full; a disk that a VM attaches counts once, as the standalone disk that it is."""
    text = {
        "halted": "  web: {instanceType: u1.large, image: ubuntu-2404, running: false, externalPorts: [443]}\n",
        "shared": "  web: {instanceType: u1.large, image: ubuntu-2404, attach: [tools]}\ndisks:\n  tools: 5Gi\n",
    }[kind]
    text = f"namespace: tenant-acme\nvms:\n{text}"
    totals = json.loads(repository(text).run("list", "-o", "json").output)["totals"]
    wanted = {"halted": (1, 2, 1, 20), "shared": (1, 2, 0, 25)}[kind]
    assert (totals["vms"], totals["cpu"], totals["externalVMs"], totals["storageMiB"]["replicated"] // 1024) == wanted
