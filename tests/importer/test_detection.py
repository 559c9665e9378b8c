"""An import believes what it sees: a live object proves the version whose form it has, and the environment carries that."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

SERVER = {"uid": "1", "resourceVersion": "2", "creationTimestamp": "2026-01-01T00:00:00Z"}
GENERATION_2 = {
    "external": False,
    "externalMethod": "PortList",
    "externalPorts": [22],
    "runStrategy": "Always",
    "instanceType": "u1.2xlarge",
    "instanceProfile": "ubuntu",
    "disks": [{"name": "render-os"}],
    "subnets": [],
    "gpus": [{"name": "nvidia.com/AD102GL_L40S"}],
    "cpuModel": "",
    "resources": {},
    "sshKeys": [],
    "cloudInit": "",
    "cloudInitSeed": "",
}
WINDOWS = GENERATION_2 | {"instanceProfile": "windows.2k22.virtio", "gpus": [], "disks": [{"name": "render-os", "bus": "sata"}]}


def build_dump(spec: dict[str, Any], disk: dict[str, Any] | None = None) -> bytes:
    source = disk or {
        "source": {"image": {"name": "ubuntu-2404"}},
        "optical": False,
        "storage": "100Gi",
        "storageClass": "replicated",
    }
    objects = [
        ("VMDisk", "render-os", source),
        ("VMInstance", "render", spec),
    ]
    items = [
        {
            "apiVersion": "apps.cozystack.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": "tenant-acme", **SERVER},
            "spec": fields,
        }
        for kind, name, fields in objects
    ]
    return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}).encode()


@pytest.mark.parametrize("spec", [GENERATION_2, WINDOWS, GENERATION_2 | {"gpus": []}], ids=["gpu", "windows", "plain"])
def test_generation_2_is_imported_as_it_is(repository: Callable, spec: dict[str, Any]) -> None:
    """On a repository whose default is generation 1, the environment says "2", and a render equals what was live."""
    made = repository(None, {"live.yaml": build_dump(spec)})
    result = made.run("import", "live.yaml", "--env", "gpu")
    assert result.code == 0, result.messages
    assert "0 normalised" in result.messages
    text = (made.root / "environments/gpu.yaml").read_text()
    assert 'platformVersion: "2"\n' in text
    assert made.run("render", "gpu").code == 0
    assert yaml.safe_load(made.text("gpu/vms/render/render.yaml"))["spec"] == spec


def test_export_with_every_default_gets_no_warning(repository: Callable) -> None:
    """The ports that the API fills into an internal VM contradict nothing."""
    made = repository(None, {"live.yaml": build_dump(GENERATION_2 | {"gpus": []})})
    assert made.run("import", "live.yaml", "--env", "gpu").problems == []
    assert made.run("render").problems == []


def test_generation_1_stays(repository: Callable) -> None:
    """Names of disks and `running` are the form of generation 1, which no version is written for."""
    spec = {"running": True, "instanceType": "u1.large", "instanceProfile": "ubuntu", "disks": ["render-os"]}
    made = repository(None, {"live.yaml": build_dump(spec)})
    assert made.run("import", "live.yaml", "--env", "old").code == 0
    assert "platformVersion" not in (made.root / "environments/old.yaml").read_text()


def test_vm_that_is_stopped_by_running_alone_is_not_started(repository: Callable) -> None:
    """A version that ignores what stops the VM is not chosen for it."""
    spec = {"running": False, "instanceType": "u1.large", "instanceProfile": "ubuntu", "disks": [{"name": "render-os"}]}
    made = repository(None, {"live.yaml": build_dump(spec)})
    assert made.run("import", "live.yaml", "--env", "old").code == 0
    assert "running: false" in (made.root / "environments/old.yaml").read_text()


def test_version_on_the_command_line_decides(repository: Callable) -> None:
    """Somebody who names a version is believed, and what it cannot carry is said."""
    made = repository(None, {"live.yaml": build_dump(GENERATION_2)})
    result = made.run("import", "live.yaml", "--env", "gpu", "--platform-version", "1", "--dry-run")
    assert result.code == 1
    assert "spec.gpus" in result.messages


def test_version_of_the_layers_that_fits_is_kept(repository: Callable) -> None:
    """Nothing is written where `_defaults.yaml` has the version already."""
    files = {"live.yaml": build_dump(GENERATION_2), "environments/_defaults.yaml": 'platformVersion: "2"\n'}
    made = repository(None, files)
    assert made.run("import", "live.yaml", "--env", "gpu").code == 0
    assert "platformVersion" not in (made.root / "environments/gpu.yaml").read_text()


def test_fields_of_a_newer_chart_on_an_old_version(repository: Callable) -> None:
    """A field that the written version lacks moves the version to the nearest one that has it."""
    spec = GENERATION_2 | {"networks": [{"name": "backend"}], "gpus": [], "instanceType": "u1.large"}
    disk = {"source": {"image": {"name": "ubuntu-24.04"}}, "storage": "100Gi", "storageClass": "replicated"}
    made = repository(
        None,
        {"live.yaml": build_dump(spec, disk), "environments/_defaults.yaml": 'platform: cozystack\nplatformVersion: "1.0"\n'},
    )
    assert made.run("import", "live.yaml", "--env", "net").code == 0
    assert 'platformVersion: "1.3"' in (made.root / "environments/net.yaml").read_text()


def test_json(repository: Callable) -> None:
    """The report of an import in JSON has the text with the version."""
    made = repository(None, {"live.json": json.dumps(yaml.safe_load(build_dump(GENERATION_2)))})
    result = made.run("import", "live.json", "--env", "gpu", "--dry-run", "-o", "json")
    assert result.code == 0
    assert "platformVersion" in result.stdout
