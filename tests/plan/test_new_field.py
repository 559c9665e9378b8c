"""A new field of a platform is one row of data and a line of a template: nothing else has to know its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
ROWS = """\
  bootloader:
    default: ""
    unset: bios
    since: "1.4"
    spec: {enum: ["", bios, efi]}
    import: {renamed: [firmware]}
    verdicts:
      - verdict: needs restart
        says: The VM uses the other bootloader after its next restart.
        source: packages/apps/vm-instance/templates/vm.yaml
  shares:
    default: []
    spec: {type: array, items: {type: object, required: [name], properties: {name: {type: string}}}}
    verdicts:
      - verdict: needs restart
        says: The VM sees its new shares after its next restart.
        source: packages/apps/vm-instance/templates/vm.yaml
"""
DISK_ROW = """\
  cacheMode:
    default: none
    spec: {enum: [none, writeback]}
    verdicts:
      - verdict: no effect
        says: The cache mode of a disk is set when it is created.
        source: packages/apps/vm-disk/templates/dv.yaml
"""
VM_LINES = """\
{% if bootloader is defined %}
  bootloader: {{ bootloader or "bios" }}
{% endif %}
{% if shares %}
  shares:
{% for share in shares %}
    - name: {{ share }}
{% endfor %}
{% else %}
  shares: []
{% endif %}
  resources:"""
ENVIRONMENT = """\
platform: cozystack
platformVersion: "1.6"
namespace: tenant-acme
vms:
  db: {instanceType: u1.large, image: ubuntu-24.04}
  web: {instanceType: u1.large, image: ubuntu-24.04, disks: {data: {storage: 5Gi}}}
"""
USED = ENVIRONMENT.replace("ubuntu-24.04, disks", "ubuntu-24.04, bootloader: efi, shares: [home], disks").replace(
    "storage: 5Gi", "storage: 5Gi, cacheMode: writeback"
)


def add_fields() -> dict[str, str]:
    """Copies of three files of the templates, with the rows and the lines of invented fields."""
    files = {}
    for name in ("cozystack/platform.yaml", "cozystack/vm-instance.yaml.j2", "cozystack/vm-disk.yaml.j2"):
        files[f"templates/{name}"] = (TEMPLATES / name).read_text(encoding="utf-8")
    rows = "templates/cozystack/platform.yaml"
    files[rows] = (
        files[rows].replace("\nfields:\n", f"\nfields:\n{ROWS}").replace("\ndiskFields:\n", f"\ndiskFields:\n{DISK_ROW}")
    )
    machine = "templates/cozystack/vm-instance.yaml.j2"
    files[machine] = files[machine].replace("  resources:", VM_LINES)
    files["templates/cozystack/vm-disk.yaml.j2"] += "  cacheMode: {{ cacheMode }}\n"
    return files


@pytest.fixture(name="extended")
def _extended(committed: Callable[..., Any]) -> Any:
    """A committed repository that adds the fields afterwards."""
    history = committed(ENVIRONMENT)
    history.repository.write(add_fields())
    return history


def read_specs(history: Any) -> dict[str, dict[str, Any]]:
    """The rendered specs by the names of their objects."""
    paths = (history.root / "manifests").rglob("*.yaml")
    manifests = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]
    return {item["metadata"]["name"]: item["spec"] for item in manifests if "spec" in item}


def test_new_fields_change_nothing_where_nobody_sets_them(extended: Any) -> None:
    """The fields are written out with what the platform took before, so that no VM seems to need a restart."""
    plan = json.loads(extended.vmgen("plan", "-o", "json").stdout)
    objects = [each for environment in plan["environments"] for each in environment["objects"]]
    changes = [field for each in objects for field in each["fields"]]
    assert {field["path"] for field in changes} >= {"spec.bootloader", "spec.shares", "spec.cacheMode"}
    assert {field["verdict"] for field in changes} == {"no effect"}


def test_new_fields_are_keys_with_verdicts(extended: Any) -> None:
    """A VM and a disk may set them; the plan has the verdict of the row, and the manifests have the values."""
    extended.write(production=USED)
    plan = extended.vmgen("plan").stdout
    assert "The VM uses the other bootloader after its next restart." in plan
    assert "The VM sees its new shares after its next restart." in plan
    assert extended.vmgen("render").code == 0
    specs = read_specs(extended)
    assert (specs["web"]["bootloader"], specs["web"]["shares"]) == ("efi", [{"name": "home"}])
    assert (specs["db"]["bootloader"], specs["db"]["shares"]) == ("bios", [])
    assert (specs["web-data"]["cacheMode"], specs["web-system"]["cacheMode"]) == ("writeback", "none")
    assert "bootloader" in extended.vmgen("explain", "production", "web").stdout


def test_new_fields_are_checked(extended: Any) -> None:
    """A wrong value, a misspelt key, a version and a platform without the field are refused, each with its place."""
    wrong = USED.replace("efi", "uefi").replace("shares: [home]", "shares: home").replace("cacheMode", "cacheMod")
    extended.write(production=wrong)
    messages = extended.vmgen("render").messages
    assert "'uefi' is not one of bios, efi" in messages.replace(" , ", " ")
    assert "vms.web.shares: must be a list" in messages
    assert "did you mean 'cacheMode'?" in messages
    extended.write(production=USED.replace('"1.6"', '"1.3"'))
    assert "it is in Cozystack 1.4 and later" in extended.vmgen("render").messages
    extended.write(production=USED.replace('cozystack\nplatformVersion: "1.6"', 'hikube\nplatformVersion: "2"'))
    messages = extended.vmgen("render").messages
    for key in ("bootloader", "shares", "cacheMode"):
        assert any(key in line and "field-not-on-platform" in line for line in messages.splitlines()), key


def test_new_fields_are_imported(extended: Any) -> None:
    """A live object has them, under its other name too, and comes back as it lives."""
    extended.write(production=USED)
    assert extended.vmgen("render").code == 0
    live = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (extended.root / "manifests").rglob("*.yaml")]
    live = [item for item in live if "spec" in item]
    for item in live:
        if "bootloader" in item["spec"]:
            item["spec"]["firmware"] = item["spec"].pop("bootloader")
    extended.repository.write({"live.yaml": yaml.safe_dump_all(live)})
    (extended.root / "environments/production.yaml").unlink()
    result = extended.vmgen("import", "live.yaml", "--env", "production", "--platform", "cozystack")
    assert (result.code, result.problems) == (0, [])
    environment = yaml.safe_load(extended.text())
    assert (environment["vms"]["web"]["bootloader"], environment["vms"]["web"]["shares"]) == ("efi", ["home"])
    assert environment["vms"]["web"]["disks"]["data"]["cacheMode"] == "writeback"


def test_new_fields_are_in_the_schema_of_editors(extended: Any) -> None:
    """An editor completes them, with their default and their values."""
    document = json.loads(extended.vmgen("schema", "--values").stdout)
    assert document["$defs"]["group"]["properties"]["bootloader"]["enum"] == ["", "bios", "efi", None]
    assert document["$defs"]["disk"]["properties"]["cacheMode"]["default"] == "none"


@pytest.mark.parametrize(
    "row",
    [
        "{spec: 5}",
        "{spec: {type: array, items: 5}, default: []}",
        "{spec: {type: nothing}}",
        "{spec: {$ref: '#/nowhere'}}",
        "{schema: [1]}",
        "{changes: 7, default: x}",
        "{changes: {'1.5': {spec: {pattern: '('}}}}",
        "7",
    ],
)
def test_broken_row_is_reported_and_no_crash(committed: Callable[..., Any], row: str) -> None:
    """A wrong row of a platform is a message with its place; an environment that does not use it needs none."""
    history = committed(ENVIRONMENT)
    rows = "templates/cozystack/platform.yaml"
    text = (TEMPLATES / "cozystack/platform.yaml").read_text(encoding="utf-8")
    history.repository.write({rows: text.replace("\nfields:\n", f"\nfields:\n  odd: {row}\n")})
    for arguments in (("render",), ("plan",), ("schema", "--values")):
        result = history.vmgen(*arguments)
        assert result.code in (0, 1, 2), (arguments, result.messages)
        assert "Traceback" not in result.messages
