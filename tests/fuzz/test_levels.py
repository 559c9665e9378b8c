"""Lists and mappings in hundreds of levels: what Python reads by recursion, and what validates, ends somewhere between."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.nesting import MAX_LEVELS, TooDeepError, check_levels, parse_json

VM = "namespace: tenant-a\nplatformVersion: '1'\nvms: {web: {image: ubuntu-2404, instanceType: u1.large, count: 2%s}}\n"
BLOCK = (
    "namespace: tenant-a\nplatformVersion: '1'\n"
    "vms:\n  web:\n    image: ubuntu-2404\n    instanceType: u1.large\n    cloudInit: |\n      %s\n"
)
NAME = '{"name": "a", "namespace": "b"}'
OBJECT = f'{{"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "VMInstance", "metadata": {NAME}, "spec": %s}}'
DELIVERY = "delivery: {argocd: {repoURL: 'https://g.example/x.git', destination: {name: a}}}\n"
POLICY = "id: own\nkind: VMDisk\nmessage: no\nseverity: warning\nschema: {properties: {spec: %s}}\n"
# Each has the other files, the environment and the words of the command. LISTS and MAPPINGS are the values.
CASES: dict[str, tuple[dict[str, str], str, str]] = {
    "the schema of a kind": ({"templates/hikube/vm-disk.schema.json": '{"properties": {"spec": MAPPINGS}}'}, VM % "", "render"),
    "the schema of a field": (
        {"templates/hikube/vm-disk.schema.json": '{"properties": {"apiVersion": {}, "spec": {"properties": {"a": MAPPINGS}}}}'},
        VM % "", "plan",
    ),
    "a schema of delivery": ({"templates/delivery/application.schema.json": "MAPPINGS"}, DELIVERY + VM % "", "check"),
    "a policy": ({"policies/own.yaml": POLICY % "MAPPINGS"}, VM % "", "check"),
    "a policy as lists": ({"policies/own.yaml": POLICY % "{enum: LISTS}"}, VM % "", "check"),
    "a list of operations": (
        {}, BLOCK % '#cloud-config-jsonp\n      [{"op": "add", "path": "/a", "value": LISTS}]', "check",
    ),
    "an operation": ({}, BLOCK % "#cloud-config-jsonp\n      MAPPINGS", "plan"),
    "a cloud-config": ({}, BLOCK % "#cloud-config\n      runcmd: LISTS", "explain production web-1"),
    "a layer": ({}, VM % ", labels: MAPPINGS", "check"),
    "a configuration": ({"vmgen.toml": "color = LISTS\n"}, VM % "", "list"),
    "a dump in JSON": ({"in": OBJECT % "MAPPINGS"}, VM % "", "status in"),
    "a dump in YAML": ({"in": f"# YAML\n{OBJECT % 'LISTS'}"}, VM % "", "status in"),
    "a list of lists": ({"in": '{"apiVersion": "v1", "kind": "List", "items": LISTS}'}, VM % "", "import --dry-run in"),
    "live objects": ({"in": OBJECT % "LISTS"}, VM % "", "import --dry-run in"),
    "a cluster": ({"in": OBJECT.replace("VMInstance", "StorageClass") % "LISTS"}, VM % "", "catalog import in --dry-run"),
    "a version": ({"in": OBJECT % "MAPPINGS"}, VM % "", "platform detect in"),
    "a manifest": ({"manifests/production/vms/web/a.yaml": OBJECT % "LISTS"}, VM % "", "check"),
    "a manifest by its plan": ({"manifests/production/vms/web/a.yaml": OBJECT % "MAPPINGS"}, VM % "", "plan"),
}  # fmt: skip


@pytest.mark.parametrize(("files", "environment", "command"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("levels", [60, 240, 256, 330, 990, 20_000])
def test_many_levels(levels: int, files: dict[str, str], environment: str, command: str, repository: Callable) -> None:
    """A value of any depth is a problem with words for its author, or works."""
    values = {"LISTS": "[" * levels + "]" * levels, "MAPPINGS": '{"a": ' * levels + "1" + "}" * levels}
    texts = {"environment": environment, **files}
    for word, value in values.items():
        texts = {name: text.replace(word, value) for name, text in texts.items()}
    result = repository(texts.pop("environment"), texts).run(*command.split())
    assert result.code in (0, 1, 2), result.messages[-500:]


@pytest.mark.parametrize("is_list", [True, False])
def test_most_levels(*, is_list: bool) -> None:
    """A value has at most 100 levels, as text or as data."""
    for levels in (MAX_LEVELS, MAX_LEVELS + 1):
        text = "[" * levels + "]" * levels if is_list else '{"a":' * levels + "1" + "}" * levels
        if levels == MAX_LEVELS:
            check_levels([parse_json(text), *parse_objects(text)])
            continue
        with pytest.raises(TooDeepError, match="more than 100 levels"):
            parse_json(text)
        with pytest.raises(InvalidYamlError, match="more than 100 levels"):
            parse_objects(text)
        with pytest.raises(TooDeepError):
            check_levels([1, json.loads(text)])


def test_levels_of_blocks() -> None:
    """Levels by indentation count as those in brackets do."""
    lines = [" " * number + "a:" for number in range(MAX_LEVELS)]
    parse_objects("\n".join(lines))
    with pytest.raises(InvalidYamlError, match="more than 100 levels"):
        parse_objects("\n".join([*lines, " " * len(lines) + "a:"]))
    with pytest.raises(InvalidYamlError, match="more than 100 levels"):
        parse_objects("- " * (MAX_LEVELS + 1) + "a")
