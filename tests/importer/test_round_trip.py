"""The law of import: what it makes of rendered objects renders the same objects, and is not much longer than the source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vmgen.importer.text import render_lines

MOST_LONGER = 1.3


def in_normal_form(environment: dict[str, Any]) -> str:
    """An environment as import writes one."""
    return "".join(f"{line.text}\n" for line in render_lines(environment, {}))


IMAGES = {
    "hikube": ["ubuntu-2404", "debian-12", "oracle-9"],
    "cozystack": ["ubuntu-24.04", "opensuse-leap-15.6", "alpine-3.21"],
}
KEYS = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@shop"]
CLOUD_INITS = ["#cloud-config\npackages: [nginx]\n", "#cloud-config\nruncmd:\n  - echo 1\n  - echo 2\n\n", "#!/bin/sh\ntrue"]
SIZES = ["20Gi", "40Gi", "1Ti", "50000Mi"]


def _optional(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


def own_disks(platform: str) -> st.SearchStrategy[dict[str, Any]]:
    """Disks of a VM, short and long."""
    blank = st.sampled_from(SIZES).map(lambda size: {"storage": size})
    local = st.sampled_from(SIZES).map(lambda size: {"storage": size, "storageClass": "local"})
    labelled = st.just({"storage": "50Gi", "labels": {"tier": "data"}, "protect": False})
    iso = st.just({"url": "https://example.com/tools.iso", "optical": True, "storage": "2Gi"})
    copy = st.sampled_from(IMAGES[platform]).map(lambda name: {"image": name})
    kinds = [blank, local, labelled, iso, copy]
    if platform == "cozystack":
        kinds.append(st.just({"storage": "30Gi", "bus": "sata"}))
    return st.dictionaries(st.sampled_from(["data", "logs", "1st", "a-b"]), st.one_of(kinds), max_size=3)


def systems(platform: str) -> st.SearchStrategy[dict[str, Any]]:
    """What a VM boots from."""
    image = st.sampled_from(IMAGES[platform]).map(lambda name: {"image": name})
    other = st.sampled_from([{"url": "https://example.com/a.img"}, {"upload": True}]).map(
        lambda source: {**source, "instanceProfile": "debian"}
    )
    sized = st.sampled_from(IMAGES[platform]).map(lambda name: {"image": name, "storage": "60Gi"})
    return st.one_of(image, image, sized, other)


def exposures() -> st.SearchStrategy[dict[str, Any]]:
    """How a VM is reached."""
    return st.sampled_from(
        [
            {},
            {},
            {"externalPorts": [22]},
            {"externalPorts": [80, 443]},
            {"externalMethod": "WholeIP"},
            {"externalPorts": [22], "external": False},
        ]
    )


def extras(platform: str) -> st.SearchStrategy[dict[str, Any]]:
    """Everything else that a VM may have, and does not need."""
    values: dict[str, st.SearchStrategy[Any]] = {
        "storageClass": st.just("local"),
        "running": st.just(False),
        "sshKeys": st.just(KEYS),
        "cloudInit": st.sampled_from(CLOUD_INITS),
        "cloudInitSeed": st.sampled_from(["one", "2"]),
        "labels": st.sampled_from([{"app": "web"}, {"app": "db", "tier": "1"}]),
        "annotations": st.just({"example.com/owner": "shop: a, b"}),
        "protect": st.just(False),
    }
    if platform == "cozystack":
        values |= {
            "externalAllowICMP": st.just(False),
            "runStrategy": st.sampled_from(["Manual", "Once"]),
            "networks": st.just(["backend"]),
            "cpuModel": st.just("host-model"),
            "gpus": st.just(["nvidia.com/AD102GL_L40S"]),
        }
    some = st.sets(st.sampled_from(sorted(values)), max_size=4)
    return some.flatmap(lambda names: st.fixed_dictionaries({name: values[name] for name in sorted(names)}))


def specs(platform: str) -> st.SearchStrategy[dict[str, Any]]:
    """What the VMs of a group are."""

    def put_together(parts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
        found = {key: value for part in parts for key, value in part.items()}
        return {key: value for key, value in found.items() if value != {}}

    types = [st.sampled_from(["u1.large", "u1.xlarge", "m1.large"]).map(lambda name: {"instanceType": name})] * 2
    if platform == "cozystack":
        sized = {"instanceType": "", "resources": {"cpu": "4", "sockets": "1", "memory": "8Gi"}}
        types.append(st.just(sized))
    disks = own_disks(platform).map(lambda found: {"disks": found})
    return st.tuples(st.one_of(types), systems(platform), disks, exposures(), extras(platform)).map(put_together)


def structures(key: str) -> st.SearchStrategy[dict[str, Any]]:
    """Which VMs a group has."""
    counted = st.integers(2, 5).flatmap(
        lambda count: st.sampled_from([{"count": count}, {"count": count, "skip": [1]}, {"count": count, "skip": [2]}])
    )
    names = st.sampled_from(
        [
            {"names": [f"{key}-alpha", f"{key}-beta"]},
            {"names": [f"{key}-blue", f"{key}-01", f"{key}x"]},
            {"names": [f"a{key}", f"b{key}", f"c{key}-1"]},
            {"count": 2, "name": f"{key}-old"},
        ]
    )
    return st.one_of(st.just({}), counted, counted, names)


def overrides(structure: dict[str, Any], spec: dict[str, Any], key: str) -> st.SearchStrategy[dict[str, Any]]:
    """What single VMs of a group have otherwise."""
    labels = [name for name in structure.get("names", []) if name.startswith(f"{key}-")]
    if "count" in structure:
        skipped = structure.get("skip", [])
        labels = [str(number) for number in range(1, structure["count"] + len(skipped) + 1) if number not in skipped]
    if not labels:
        return st.just({})
    changes = st.sampled_from(
        [
            {"instanceType": "u1.2xlarge"} if "resources" not in spec else {"running": False},
            {"disks": {"extra": "30Gi"}},
            {"cloudInitSeed": "again"},
            {"running": False},
            {"externalPorts": [8080]},
            {"labels": {"canary": "yes"}},
        ]
    )
    return st.dictionaries(st.sampled_from(labels), changes, max_size=2)


@st.composite
def environments(draw: st.DrawFn, platform: str) -> dict[str, Any]:
    """An environment in normal form: nothing in it that need not be written."""
    found: dict[str, Any] = {} if platform == "hikube" else {"platform": platform}
    found["namespace"] = "tenant-shop"
    found |= draw(_optional({"labels": st.just({"team": "shop"})}))
    keys = draw(st.lists(st.sampled_from(["web", "db", "cache", "node-a", "x1"]), min_size=1, max_size=4, unique=True))
    below = draw(st.one_of(st.just({}), _optional({"sshKeys": st.just(KEYS), "storageClass": st.just("local")})))
    if below and len(keys) > 1:
        found["defaults"] = below
    found["vms"] = {}
    for key in keys:
        structure = draw(structures(key))
        spec = {name: value for name, value in draw(specs(platform)).items() if found.get("defaults", {}).get(name) != value}
        group = {**structure, **spec}
        instances = draw(overrides(structure, spec, key))
        if instances:
            group["instances"] = instances
        found["vms"][key] = group
    if draw(st.booleans()):
        found["disks"] = {"shared-iso": {"url": "https://example.com/a.iso", "optical": True, "storage": "2Gi"}, "kept": "10Gi"}
        for group in found["vms"].values():
            with_bus = {"name": "shared-iso", "bus": "sata"} if platform == "cozystack" else "shared-iso"
            group |= draw(_optional({"attach": st.sampled_from([["shared-iso"], [with_bus]])}))
    return found


@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
def test_import_of_what_was_rendered_is_the_same_and_short(
    platform: str, data: st.DataObject, new_repository: Callable, render_text: Callable, import_text: Callable
) -> None:
    """import(render(environment)) renders the same objects, byte for byte, and is at most 1.3 times as long."""
    project = new_repository().project
    source = in_normal_form(data.draw(environments(platform)))
    expected = render_text(project, source)
    result = import_text(project, "---\n".join(expected.values()), platform=platform)
    (environment,) = result.environments
    assert result.is_verified, [str(problem) for problem in environment.problems]
    assert environment.round_trip.equal == len(expected)
    assert render_text(project, environment.content.text, "again") == expected
    assert len(environment.content.lines) <= MOST_LONGER * len(source.splitlines()), f"{source}\n{environment.content.text}"
