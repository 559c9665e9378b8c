"""`vmgen explain` on the command line: what it shows, what it hides, what it suggests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from vmgen.report import explanation
from vmgen.report.terminal import no_link, no_paint

PRODUCTION = """\
namespace: tenant-acme
labels: {team: shop}
defaults: {storageClass: replicated, running: true}
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2404
    running: false
    disks: {data: 50Gi}
    cloudInit:
      packages: [nginx]
    instances:
      2: {instanceType: u1.xlarge}
  twin: {instanceType: u1.large, instanceProfile: ubuntu, url: "https://example.com/a.img", storage: 30Gi}
disks:
  twin: {storage: 5Gi}
"""


@pytest.fixture
def explain(repository: Callable[..., Any]) -> Callable[..., Any]:
    """Runs `vmgen explain production …` over one environment."""
    made = repository(PRODUCTION)
    return lambda *arguments: made.run("explain", "production", *arguments)


def fields(done: Any) -> dict[str, Any]:
    """The fields of a JSON answer, by name."""
    assert done.code == 0, done.messages
    return {each["field"]: each for each in json.loads(done.stdout)["fields"]}


def test_every_line_has_its_origin_beside_it(explain: Callable[..., Any]):
    """The whole manifest is there, each value with the place that it came from."""
    done = explain("web-2")
    assert done.code == 0, done.messages
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "environments/production.yaml:14:25" in lines["instanceType:"]
    assert "templates/hikube/vm-instance.yaml.j2:2 (template)" in lines["kind:"]
    assert "environments/production.yaml:1:12 namespace" in lines["namespace:"]
    assert "counted by environments/production.yaml:6:12 vms.web.count 2" in done.stdout


def test_it_fits_a_hundred_columns(explain: Callable[..., Any]):
    """No line is longer than 100 characters where its words are not."""
    for name in ("web-1", "web-1-data", "vm/twin", "disk/twin"):
        assert max(map(len, explain(name).stdout.splitlines())) <= 100


def test_an_override_names_the_layers_below_it(explain: Callable[..., Any]):
    """Each value that was replaced is listed with its place, the nearest first."""
    found = fields(explain("web-1", "running", "-o", "json"))["spec.running"]
    (origin,) = found["origins"]
    assert (origin["key"], origin["layer"], origin["value"]) == ("vms.web.running", "group", False)
    below = [(lower["key"], lower["layer"], lower["value"]) for lower in origin["overrides"]]
    assert below == [("defaults.running", "defaults", True), ("fields.running.default", "platform", True)]


def test_an_inferred_value_names_its_rule_and_what_it_took(explain: Callable[..., Any]):
    """A profile that nobody wrote comes from the image, and from the catalog's entry of it."""
    found = fields(explain("web-1", "instanceProfile", "-o", "json"))["spec.instanceProfile"]
    assert [origin["key"] for origin in found["origins"]] == ["vms.web.image", "images.ubuntu-2404.profile"]
    assert {origin["rule"] for origin in found["origins"]} == {"profile of the image"}
    assert [entry["key"] for entry in found["catalog"]] == ["profiles.ubuntu"]


def test_a_text_of_the_template_names_its_line_and_condition(repository: Callable[..., Any]):
    """What a template writes by itself is from the template, because of the values that it asked about."""
    made = repository("platform: cozystack\n" + PRODUCTION.partition("    disks:")[0])
    found = fields(made.run("explain", "production", "web-1", "spec.runStrategy", "-o", "json"))["spec.runStrategy"]
    assert found["value"] == "Halted"
    assert [origin["layer"] for origin in found["origins"]] == ["template"]
    assert [origin["key"] for origin in found["because"]] == ["fields.runStrategy.default", "vms.web.running"]


def test_a_mapping_of_fields_is_shown_whole(explain: Callable[..., Any]):
    """A path that leads to a list or a mapping gives all fields below it."""
    assert list(fields(explain("web-1", "spec.disks", "-o", "json"))) == ["spec.disks[0]", "spec.disks[1]"]
    assert list(fields(explain("web-1", "metadata.labels.team", "-o", "json"))) == ["metadata.labels.team"]
    assert list(fields(explain("web-1-data", "name", "-o", "json"))) == ["metadata.name"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("web-9",), "no object 'web-9' in production; did you mean 'web-"),
        (("vm/web-1-data",), "no VMInstance 'web-1-data' in production"),
        (("pod/web-1",), "no kind 'pod'"),
        (("twin",), "'twin' is a VM and a disk in production; write vm/twin or disk/twin"),
        (("web-1", "instancetype"), "no field 'instancetype' in VMInstance web-1; did you mean 'instanceType'?"),
        (("vm/web-1", "spec.diks"), "did you mean 'spec.disks'?"),
        (("web-1", "diskNames"), "no field 'diskNames' in VMInstance web-1"),
    ],
)
def test_a_wrong_name_gets_a_suggestion(explain: Callable[..., Any], arguments: tuple[str, ...], message: str):
    """An unknown object, kind or field is exit code 2 with the name that was meant."""
    done = explain(*arguments)
    assert done.code == 2
    assert message in done.messages


def test_an_environment_with_mistakes_is_not_explained(repository: Callable[..., Any]):
    """What cannot be made cannot be explained: the problems are shown, exit code 1."""
    done = repository(PRODUCTION.replace("u1.large", "u1.larg")).run("explain", "production", "web-1")
    assert done.code == 1
    assert "unknown-instance-type" in done.messages
    assert done.stdout == ""


def test_no_secret_is_shown(lab: Callable[..., Any]):
    """Neither the manifest's lines, nor origins, nor the values below them show what a key calls a secret."""
    text = """\
namespace: tenant-acme
defaults: {annotations: {example.com/api-token: hunter1}, cloudInit: "#cloud-config\\npassword: hunter3\\n"}
vms:
  web:
    instanceType: u1.large
    image: ubuntu-2404
    annotations: {example.com/api-token: hunter2}
    cloudInit: |
      #cloud-config
      password: hunter4
      write_files:
        - content: |
            -----BEGIN OPENSSH PRIVATE KEY-----
            hunter5
"""
    _, machine = lab({"environments/top.yaml": text}).explanations("top")
    shown = (
        explanation.format_text(machine, machine.fields, no_paint, no_link),
        explanation.format_text(machine, machine.fields[-3:], no_paint, no_link),
        explanation.format_json(machine, machine.fields),
    )
    assert machine.text.count("hunter") == 3
    for output in shown:
        assert "cloudInit" in output
        assert "hunter" not in output


NULLS = """\
platformVersion: "2"
namespace: tenant-one
defaults:
  storageClass: replicated-async
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2404
    externalPorts: [80]
    cloudInitSeed: one
    instances:
      2:
        externalPorts: null
        cloudInitSeed:
        storageClass: ~
"""


@pytest.mark.parametrize(
    ("field", "line", "objects"),
    [
        ("spec.externalPorts", 14, {"web-2"}),
        ("spec.cloudInitSeed", 15, {"web-2"}),
        ("spec.storageClass", 16, {"web-2-system"}),
    ],
)
def test_a_default_that_null_restores_is_at_the_null(repository: Callable[..., Any], field: str, line: int, objects: set[str]):
    """Another value there replaces the default, so explain names the line, and impact finds the object from it."""
    made = repository(NULLS)
    (name,) = objects
    found = fields(made.run("explain", "production", name, field, "-o", "json"))[field]
    null, default = found["origins"]
    assert (null["file"], null["line"]) == ("environments/production.yaml", line)
    assert null["rule"] == "default that null restores"
    assert default["file"].startswith("templates/")
    impact = json.loads(made.run("impact", f"environments/production.yaml:{line}", "-o", "json").stdout)
    assert {item["name"]: item["fields"] for item in impact["objects"]} == {name: [field]}
