"""What once ended in a traceback: each is a problem or a message now."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
VM = "namespace: tenant-a\nvms: {web: {image: ubuntu-2404, instanceType: u1.large%s}}\n"
DELIVERY = 'delivery:\n  argocd: {repoURL: "https://g.example/x.git", destination: {name: hikube}}\n'
DISK = (TEMPLATES / "hikube/vm-disk.yaml.j2").read_text(encoding="utf-8")
VERDICTS = (TEMPLATES / "hikube/verdicts.yaml").read_text(encoding="utf-8")
CATALOG = (TEMPLATES / "hikube/catalog.yaml").read_text(encoding="utf-8")
FIELDS = (TEMPLATES / "shared/fields.yaml").read_text(encoding="utf-8")
PLATFORM = (TEMPLATES / "hikube/platform.yaml").read_text(encoding="utf-8")
DEFAULTS = (TEMPLATES / "delivery/defaults.yaml").read_text(encoding="utf-8")
MANIFEST = (
    "apiVersion: apps.cozystack.io/v1alpha1\nkind: VMInstance\nmetadata: {name: web, namespace: tenant-a}\n"
    "spec: {instanceType: u1.large, instanceProfile: ubuntu, disks: []}\n"
)
# Other files, the environment, the words of the command, and what the message says.
CASES: dict[str, tuple[dict[str, str], str, str, str]] = {
    "a number that verdicts extend": (
        {"templates/hikube/verdicts.yaml": VERDICTS.replace("extends: [shared/verdicts.yaml]", "extends: 1.5")}, VM % "",
        "plan", "extends: must be a list, not",
    ),
    "a file name that verdicts extend": (
        {"templates/hikube/verdicts.yaml": VERDICTS.replace("extends: [shared/verdicts.yaml]", "extends: x")}, VM % "",
        "plan", "extends: must be a list, not",
    ),
    "a switch that a catalog extends": (
        {"templates/hikube/catalog.yaml": CATALOG.replace("extends: [shared/profiles.yaml]", "extends: true")}, VM % "",
        "catalog", "extends: must be a list, not",
    ),
    "a number as the profile of a later version": (
        {"templates/hikube/catalog.yaml": CATALOG.replace('"2": {profile: ubuntu}', '"2": {profile: 1.5}', 1)},
        "platformVersion: '2'\n" + VM % "", "render", "images.almalinux-8.profile: must be text",
    ),
    "a list as the profile of a version": (
        {"environments/_catalog.yaml": 'images: {own: {minStorage: 1Gi, changes: {"1": {profile: [a]}}}}\n'}, VM % "", "render",
        "images.own.profile: must be text, not a list",
    ),
    "a number as the schema of the items of a field": (
        {"templates/hikube/platform.yaml": PLATFORM.replace("spec: {items: {type: string, ", "spec: {items: 1, x: {")},
        VM % "", "render", "items: must be a mapping",
    ),
    "a schema of disks without fields": (
        {"templates/hikube/vm-disk.schema.json": '{"properties": {"apiVersion": {"const": "v1"}}}'}, VM % "", "render", "spec",
    ),
    "a list as the fields of disks": (
        {"templates/hikube/vm-disk.schema.json": '{"properties": {"apiVersion": {"const": "v1"}, "spec": {"properties": []}}}'},
        VM % "", "render", "vm-disk.schema.json is not the schema of a kind; properties.spec.properties",
    ),
    "a schema that is no mapping": (
        {"templates/delivery/application.schema.json": "null"}, VM % "" + DELIVERY, "render", "it must be a mapping",
    ),
    "a list as a schema": (
        {"templates/delivery/config-map.schema.json": '["x"]'}, VM % "" + DELIVERY, "render", "it must be a mapping",
    ),
    "a schema of a constraint that is none": (
        {"templates/shared/fields.yaml": FIELDS.replace("minLength: 1", "minLength: x")}, VM % "", "platform compare 1 2",
        "is not a JSON Schema",
    ),
    "a schema of a constraint with another type": (
        {"templates/shared/fields.yaml": FIELDS.replace("required: [instanceType, resources]", "required: 1")},
        "platformVersion: '2'\n" + VM % "", "render",
        "the schema of the constraint resources-beside-instance-type in templates/ is not a JSON Schema",
    ),
    "a schema of a field that is none": (
        {"templates/shared/fields.yaml": FIELDS.replace("spec: {type: string", "spec: {type: x")}, VM % "", "render",
        "is not a JSON Schema",
    ),
    "a number as a sync option": (
        {"templates/delivery/defaults.yaml": DEFAULTS.replace("[ApplyOutOfSyncOnly=true]", "[1]")}, VM % "" + DELIVERY,
        "render", "defaults.yaml:9:17: error: argocd.syncOptions",
    ),
    "a list as a field to ignore": (
        {"templates/delivery/defaults.yaml": DEFAULTS.replace("ignoreDifferences: []", "ignoreDifferences: [[a]]")},
        VM % "" + DELIVERY, "render", "argocd.ignoreDifferences",
    ),
    "a version in the tables of import": (
        {"templates/hikube/adopt.yaml": 'kinds: {VMInstance: {since: "x.y"}}\n', "in.yaml": MANIFEST}, VM % "",
        "import --dry-run in.yaml", "adopt.yaml:1:22: error: kinds.VMInstance.since: unknown key",
    ),
    "a version of changes in the tables of import": (
        {"templates/hikube/adopt.yaml": "kinds: {VMDisk: {changes: {1.5.x: {}}}}\n", "in.yaml": MANIFEST}, VM % "",
        "import --dry-run in.yaml", "adopt.yaml:1:18: error: kinds.VMDisk.changes: unknown key",
    ),
    "a field without values in the tables of import": (
        {"templates/shared/adopt.yaml": "kinds: {VMInstance: {twins: {running: {field: 1}}}}\n", "in.yaml": MANIFEST}, VM % "",
        "import --dry-run in.yaml", "the key 'values' is missing",
    ),
    "a text as what a server writes": (
        {"templates/hikube/adopt.yaml": "server: {labels: app}\n", "in.yaml": MANIFEST}, VM % "",
        "import --dry-run in.yaml", "server.labels: must be a list, not",
    ),
    "tables of import that extend a missing file": (
        {"templates/hikube/adopt.yaml": "extends: [acme/adopt.yaml]\n", "in.yaml": MANIFEST}, VM % "",
        "import --dry-run in.yaml", "templates/acme/adopt.yaml is missing",
    ),
    "NUL in extends": ({}, 'extends: ["a\\0b"]\n' + VM % "", "render", "U+0000"),
    "NUL in a key file": ({}, VM % ', sshKeys: [{file: "a\\0b"}]', "render", "U+0000"),
    "NUL in a template's name": ({}, VM % ', cloudInit: {template: "a\\0b"}', "render", "U+0000"),
    "NUL in a fragment's name": ({}, VM % ', cloudInit: {merge: ["a\\0b"]}', "render", "U+0000"),
    "half of a character in a schema": (
        {"templates/hikube/vm-disk.schema.json": '{"title": "\\ud800", "properties": {"apiVersion": {}, "spec": {}}}'},
        VM % "", "check", "vm-disk.schema.json is not JSON: an escape writes half of a character",
    ),
    "half of a character as a key of a schema": (
        {"templates/delivery/application.schema.json": '{"\\uDFFF": 1}'}, VM % "" + DELIVERY, "render",
        "application.schema.json is not JSON: an escape writes half of a character",
    ),
    "half of a character in an operation": (
        {}, VM % ", cloudInit: '#cloud-config-jsonp\n\n    [{\"op\": \"add\", \"path\": \"/a\", \"value\": \"\\ud800\"}]'",
        "plan", "cloudInit: not JSON",
    ),
    "half of a character": ({}, VM % ', cloudInit: "\\ud800"', "render", "U+D800|escape"),
    "a date": (
        {"templates/hikube/vm-disk.yaml.j2": DISK.replace("{{ storage }}", "2026-01-01")}, VM % "", "render", "storage",
    ),
    "a set": (
        {"templates/hikube/vm-disk.yaml.j2": DISK.replace("{{ storage }}", "!!set {a}")}, VM % "", "render", "not YAML",
    ),
    "an infinite number": (
        {"templates/hikube/vm-disk.yaml.j2": DISK.replace("{{ storage }}", ".inf")}, VM % "", "render", "storage|JSON",
    ),
    "an endless list": (
        {"templates/hikube/vm-disk.yaml.j2": DISK.replace("{{ storage }}", "&a [*a]")}, VM % "", "render", "too many|not YAML",
    ),
    "a surrogate of a template": (
        {"templates/cloud-init/x.j2": "#cloud-config\n# {{ '%c'|format(55296) }}\n"}, VM % ", cloudInit: {template: x.j2}",
        "render", "x.j2:2:1: error: vms.web.cloudInit: writes half of a character",
    ),
    "a broken template, by impact": (
        {"templates/cloud-init/x.j2": "## template: jinja\n#cloud-config\nhostname: {{ ds.x }\n"},
        VM % ", cloudInit: {template: x.j2}", "impact environments/production.yaml:2", "",
    ),
    "a broken template, by explain": (
        {"templates/cloud-init/x.j2": "#cloud-config\nhostname: {{ ds.x }\n"}, VM % ", cloudInit: {template: x.j2}",
        "explain production web", "x.j2:2:1",
    ),
    "a broken template, by plan": (
        {"templates/hikube/vm-disk.yaml.j2": DISK + "a: b: c\n"}, VM % "", "plan", "not YAML",
    ),
    "no key of delivery": (
        {"templates/delivery/defaults.yaml": DEFAULTS.replace("  namespace: argocd\n", "")}, VM % "" + DELIVERY, "render",
        "defaults.yaml:2:1: error: argocd.namespace: the key 'namespace' is missing|argocd.namespace",
    ),
    "no section of delivery": (
        {"templates/delivery/defaults.yaml": "argocd: 1\n"}, VM % "" + DELIVERY, "render", "must be a mapping",
    ),
    "a template that is quoted, by explain": (
        {"templates/cloud-init/x.j2": "#cloud-config\n# {{ vm.name }} {{ vm.group }} {{ vars.a }}   \n"},
        "vars: {a: b}\n" + VM % ", cloudInit: {template: x.j2}", "explain production web", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "environment", "command", "says"), CASES.values(), ids=CASES)
def test_files(files: dict[str, str], environment: str, command: str, says: str, repository: Callable) -> None:
    """What a file holds is answered by 0, 1 or 2, with words for its author."""
    result = repository(environment, files).run(*command.split())
    assert result.code in (0, 1, 2), result.messages
    assert any(words in result.messages for words in says.split("|")), result.messages


FUNCTION = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: %s\nfunctionConfig: %s\n"


@pytest.mark.parametrize(
    ("items", "config"),
    [
        ("[]", "{kind: Environment, metadata: con, spec: {}}"),
        ("[]", "{kind: Environment, metadata: {name: con, annotations: text}, spec: {}}"),
        ("[]", "{kind: [a], metadata: [b], spec: 1}"),
        ("[{kind: [a], metadata: {name: [b]}}]", "{kind: Environment, metadata: {name: x}, spec: {namespace: tenant-a}}"),
        ("&a [*a]", "{kind: Environment, metadata: {name: x}, spec: {}}"),
        ("2026-01-01", "{kind: Environment, metadata: {name: ../x}, spec: {}}"),
    ],
)
def test_functions(items: str, config: str, repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ResourceList of odd types is answered, too."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((FUNCTION % (items, config)).encode())))
    result = repository(VM % "").run("function")
    assert result.code in (0, 1, 2), result.messages
