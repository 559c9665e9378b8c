"""Roles of fields: what the program decides by a field follows the row that has the role, whatever its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from vmgen.read.repository import Project

FOLDER = Project(Path("/nowhere")).template_folders[-1] / "cozystack"
# The platform of a provider whose chart has other names for four fields.
PLATFORM = """\
extends: [cozystack/platform.yaml]
title: Acme
fields:
  gpus: null
  accelerators:
    role: gpu-devices
    catalog: gpus
    default: []
    spec: {type: array, items: {type: object, required: [name], properties: {name: {type: string}}}}
    schema: {type: array, items: {type: string}}
    verdicts: [{verdict: needs restart, says: The VM sees its new devices after its next restart., source: acme chart}]
  runStrategy: null
  lifecycle:
    role: run-strategy
    strategies: {"on": Permanent, "off": Parked}
    states: {Permanent: running, Parked: parked}
    default: ""
    unset: Permanent
    spec: {enum: [Permanent, Parked]}
    schema: {enum: [Permanent, Parked]}
    verdicts: [{verdict: update in place, says: The VM is started or stopped., source: acme chart}]
  resources: null
  sizing:
    default: {}
    spec: {type: object}
    schema: {type: object}
    constraints:
      - id: size-or-type
        field: instanceType
        schema: {if: {properties: {instanceType: {const: ""}}}, then: {required: [sizing]}}
        message: write `sizing`, or an instance type
    verdicts: [{verdict: needs restart, says: Restart the VM for its new size., source: acme chart}]
sizeWithoutType: {cores: null, cpu: [sizing, vcpus], memory: [sizing, ram]}
diskFields:
  bus: null
  port: {role: disk-bus, default: "", schema: {type: string}, optical: sata}
"""
ENVIRONMENT = {
    "platform": "acme",
    "platformVersion": "1.6",
    "namespace": "tenant-acme",
    "vms": {
        "on": {"instanceType": "u1.large", "image": "ubuntu-24.04", "accelerators": ["nvidia.com/AD102GL_L40S"] * 2},
        "off": {
            "instanceType": "",
            "image": "ubuntu-24.04",
            "lifecycle": "Parked",
            "sizing": {"vcpus": 6, "ram": "24Gi"},
            "disks": {"iso": {"url": "https://example.com/a.iso", "optical": True, "storage": "2Gi"}},
        },
    },
}


def build_repository(new_repository: Callable[..., Any]) -> Any:
    template = (FOLDER / "vm-instance.yaml.j2").read_text(encoding="utf-8")
    start, end = template.index("{% if runStrategy is not defined %}"), template.index("{% endif %}", template.index("Halted"))
    power = "  lifecycle: {{ lifecycle or ('Permanent' if running else 'Parked') }}\n"
    template = template[:start] + power + template[end + len("{% endif %}\n") :]
    for old, new in (("gpus", "accelerators"), ("resources", "sizing")):
        template = template.replace(old, new)
    return new_repository(
        {
            "environments/lab.yaml": yaml.safe_dump(ENVIRONMENT, sort_keys=False),
            "templates/acme/platform.yaml": PLATFORM,
            "templates/acme/catalog.yaml": "extends: [cozystack/catalog.yaml]\n",
            "templates/acme/verdicts.yaml": "extends: [cozystack/verdicts.yaml]\n",
            "templates/acme/vm-instance.yaml.j2": template,
            "templates/acme/vm-instance.schema.json": (FOLDER / "vm-instance.schema.json").read_text(encoding="utf-8"),
            "templates/acme/vm-disk.yaml.j2": (FOLDER / "vm-disk.yaml.j2").read_text(encoding="utf-8"),
            "templates/acme/vm-disk.schema.json": (FOLDER / "vm-disk.schema.json").read_text(encoding="utf-8"),
        }
    )


def test_totals_and_states_follow_the_roles(new_repository: Callable[..., Any]) -> None:
    """A list counts vCPUs, memory and GPUs, and names the state, by fields of other names."""
    repository = build_repository(new_repository)
    result = repository.run("list", "-o", "json")
    assert result.code == 0, result.messages
    data = json.loads(result.stdout)
    groups = {row["group"]: row for row in data["environments"][0]["groups"]}
    assert groups["on"]["gpus"] == {"nvidia.com/AD102GL_L40S": 2}
    assert (groups["off"]["cpu"], groups["off"]["memoryMiB"]) == (6, 24 * 1024)
    assert {row["vm"]: row["state"] for row in data["vms"]} == {"on": "running", "off": "parked"}


def test_import_and_optical_disks_follow_the_roles(new_repository: Callable[..., Any]) -> None:
    """What is rendered with fields of other names is imported as it was, and an optical disk gets its bus."""
    repository = build_repository(new_repository)
    rendered = repository.run("render", "--stdout")
    assert rendered.code == 0, rendered.messages
    objects = [each for each in yaml.safe_load_all(rendered.stdout) if each["kind"] == "VMInstance"]
    machines = {each["metadata"]["name"]: each["spec"] for each in objects}
    assert machines["off"]["lifecycle"] == "Parked"
    assert [disk.get("bus") for disk in machines["off"]["disks"]] == [None, "sata"]
    (repository.root / "environments" / "lab.yaml").unlink()
    repository.write({"live.yaml": rendered.stdout})
    imported = repository.run("import", "live.yaml", "--env", "copy", "--platform", "acme")
    assert imported.code == 0, imported.messages
    content = yaml.safe_load((repository.root / "environments" / "copy.yaml").read_text(encoding="utf-8"))
    off = content["vms"]["off"]
    assert (off["sizing"], off.get("lifecycle"), off.get("running")) == ({"vcpus": 6, "ram": "24Gi"}, None, False)
    again = repository.run("render", "--stdout").stdout
    assert again.replace("environments/copy.yaml", "environments/lab.yaml") == rendered.stdout
