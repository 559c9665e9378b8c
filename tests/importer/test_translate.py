"""Whatever is in a manifest, import does not crash on it, and says of each field what became of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vmgen.importer.report import format_json, format_text

API = "apps.cozystack.io/v1alpha1"
IMAGES = {"hikube": "ubuntu-2404", "cozystack": "ubuntu-24.04"}
ODD = [
    None,
    "",
    0,
    -1,
    3.5,
    True,
    "no",
    "x" * 300,
    "a b",
    [],
    {},
    [None],
    [{}],
    {"a": 1},
    [{"name": "x"}],
    "20G",
    "$name",
    "../x",
    {"image": {"name": "nope"}},
    {"upload": {}},
    {"http": {"url": "ftp://x"}},
    {"disk": {"name": "web-1-system"}},
    [22, 22],
    ["22"],
    "kustomization",
    "a\nb",
    "\u0085",
    "{{ x }}",
    {"template": "x"},
    [{"file": "x"}],
    "auto",
]
FIELDS = ["size", "runStrategy", "subnets", "systemDisk", "bogus", "cpuModel", "gpus", "resources", "networks"]


def objects(platform: str) -> list[dict[str, Any]]:
    """Two numbered VMs and another, with their disks, of which nothing is wrong."""
    found = []
    disks = (lambda name: name) if platform == "hikube" else (lambda name: {"name": name})
    for name in ("web-1", "web-2", "db"):
        metadata = {"namespace": "tenant-a", "labels": {"a": "b"}, "annotations": {"c": "d"}}
        spec = {
            "external": True,
            "externalMethod": "PortList",
            "externalPorts": [22],
            "instanceType": "u1.large",
            "instanceProfile": "ubuntu",
            "disks": [disks(f"{name}-system"), disks(f"{name}-data")],
            "sshKeys": [],
            "cloudInit": "",
            "cloudInitSeed": "",
        }
        found.append({"apiVersion": API, "kind": "VMInstance", "metadata": {"name": name, **metadata}, "spec": spec})
        for suffix, source in (("system", {"image": {"name": IMAGES[platform]}}), ("data", {})):
            disk = {"source": source, "optical": False, "storage": "20Gi", "storageClass": "replicated"}
            meta = {"name": f"{name}-{suffix}", **copy.deepcopy(metadata)}
            found.append({"apiVersion": API, "kind": "VMDisk", "metadata": meta, "spec": disk})
    return found


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a value."""
    if path:
        yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from paths(value[key], (*path, key))


def changed(found: list[Any], path: tuple[Any, ...], value: Any) -> None:
    """Put a value at a path; `...` takes away what is there."""
    inner: Any = found
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value


@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
def test_odd_manifests_are_imported_or_refused_and_no_field_vanishes(
    platform: str, data: st.DataObject, new_repository: Callable, import_text: Callable, render_text: Callable
) -> None:
    """Each spec field of an import that holds is rendered as it was, or has a note; all others end in problems."""
    found = objects(platform)
    for _ in range(data.draw(st.integers(1, 2))):
        place, value = data.draw(st.sampled_from(list(paths(found)))), data.draw(st.sampled_from([*ODD, ...]))
        changed(found, place, copy.deepcopy(value))
    extra = data.draw(st.sampled_from(FIELDS))
    if data.draw(st.booleans()) and found and isinstance(found[0], dict) and isinstance(found[0].get("spec"), dict):
        found[0]["spec"].setdefault(extra, copy.deepcopy(data.draw(st.sampled_from(ODD))))
    project = new_repository().project
    result = import_text(project, "".join(f"---\n{json.dumps(each)}\n" for each in found), platform=platform)
    assert format_text(result).count("\n") < 1000
    assert json.loads(format_json(result))["holds"] is result.is_verified
    if not result.is_verified:
        assert result.problems or not result.environments or any(each.problems for each in result.environments)
        return
    noted = {(note.object, note.field) for each in result.environments for note in each.notes}
    rendered = [text for each in result.environments for text in render_text(project, each.content.text, each.name).values()]
    skipped = {note.object for note in result.skipped_notes}
    for each in found:
        label = f"{each['kind']} {each['metadata']['name']}" if is_ours(each) else ""
        for name, value in (each["spec"] or {}).items() if label and label not in skipped else ():
            kept = any(f"  {name}:" in text for text in rendered)
            assert kept or (label, f"spec.{name}") in noted, f"{label}: {name}: {json.dumps(value)}"


def is_ours(found: Any) -> bool:
    """Whether it is an object that import takes: of the API's kinds and version, with a name and fields."""
    kinds = isinstance(found, dict) and found.get("kind") in ("VMInstance", "VMDisk") and found.get("apiVersion") == API
    return kinds and isinstance(found.get("metadata"), dict) and "name" in found["metadata"] and "spec" in found


def test_the_manifests_that_the_odd_ones_are_made_from_are_imported(new_repository: Callable, import_text: Callable) -> None:
    """Otherwise the law above would say nothing."""
    for platform in IMAGES:
        text = "".join(f"---\n{json.dumps(each)}\n" for each in objects(platform))
        assert import_text(new_repository().project, text, platform=platform).is_verified


def test_secrets_are_not_repeated(new_repository: Callable, import_text: Callable) -> None:
    """Neither notes nor problems hold what stands in a cloud-init or in a field that nobody knows."""
    found = objects("hikube")
    found[0]["spec"] |= {"cloudInit": {"password": "hunter2"}, "userPassword": "hunter2", "networks": ["hunter2"]}
    result = import_text(new_repository().project, "".join(f"---\n{json.dumps(each)}\n" for each in found))
    (environment,) = result.environments
    said = format_text(result) + "".join(str(problem) for problem in environment.problems)
    assert not result.is_verified
    assert "hunter2" not in said
