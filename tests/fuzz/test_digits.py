"""Numbers of thousands of digits: Python refuses to convert them, and a repository may have them anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from vmgen.quantities import parse_number

LONG = "9" * 5000
VM = "namespace: tenant-a\nplatformVersion: '1'\nvms: {web: {image: ubuntu-2404, instanceType: u1.large, count: 2%s}}\n"
OBJECT = "apiVersion: apps.cozystack.io/v1alpha1\nkind: %s\nmetadata: {name: %s, namespace: tenant-a}\nspec: {}\n"
STORAGE_CLASS = (
    "apiVersion: v1\nkind: List\nitems: [{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast}, "
    "provisioner: linstor.csi.linbit.com, parameters: {linstor.csi.linbit.com/autoPlace: '%s'}}]\n"
)
IMAGE = "images: {own: {minStorage: 1Gi, profile: ubuntu, %s}}\n"
OPERATIONS = '#cloud-config-jsonp\n[{"op": "add", "path": "/runcmd/N", "value": N}]'
# Each has the other files, the environment and the words of the command. `N` is the number.
CASES: dict[str, tuple[dict[str, str], str, str]] = {
    "a size": ({}, VM % ", disks: {data: N}", "check"),
    "a size of gigabytes": ({}, VM % ", disks: {data: NGB}", "plan"),
    "a quoted count": ({}, VM.replace("count: 2", "count: 'N'") % "", "check"),
    "a count": ({}, VM.replace("count: 2", "count: N") % "", "list"),
    "a name": ({}, VM.replace("count: 2", "names: [web-N, web-1]") % "", "plan"),
    "an override": ({}, VM % ", instances: {'N': {instanceType: u1.medium}}", "check"),
    "a generation": ({}, VM % ", system: 2, previous: {'N': {image: debian-12}}", "rebuild web --image debian-13"),
    "a port": ({}, VM % ", externalPorts: [N]", "check"),
    "a version": ({}, VM.replace("'1'", "'N'") % "", "check"),
    "a version of an entry": ({"environments/_catalog.yaml": IMAGE % "since: 'N'"}, VM % "", "catalog"),
    "a version of a change": ({"environments/_catalog.yaml": IMAGE % "changes: {'N': {minStorage: 2Gi}}"}, VM % "", "check"),
    "a size of the catalog": ({"environments/_catalog.yaml": IMAGE.replace("1Gi", "NGi") % ""}, VM % "", "catalog"),
    "a required version": ({"vmgen.toml": "required-version = '>=N'\n"}, VM % "", "check"),
    "a number of the configuration": ({"vmgen.toml": "color = N\n"}, VM % "", "list -o json"),
    "a budget": ({}, "budget: {cpu: 'N', memory: NGi, vms: N}\n" + VM % "", "check"),
    "a reference of a policy": (
        {"policies/a.yaml": "id: own\nkind: VMDisk\nmessage: no\nseverity: warning\nschema: {allOf: [{$ref: '#/allOf/N'}]}\n"},
        VM % "", "check",
    ),
    "a schema": ({"templates/hikube/vm-disk.schema.json": '{"a": N}'}, VM % "", "render"),
    "a line": ({}, VM % "", "impact environments/production.yaml:N"),
    "a column": ({}, VM % "", "impact environments/production.yaml:1:N"),
    "copies of a storage class": ({"in.yaml": STORAGE_CLASS}, VM % "", "catalog import in.yaml --dry-run"),
    "a live VM": ({"in.yaml": OBJECT % ("VMInstance", "web-N")}, VM % "", "import --dry-run in.yaml"),
    "a committed disk": ({"manifests/production/disks/web/a.yaml": OBJECT % ("VMDisk", "web-N")}, VM % "", "plan"),
    "a number of a template": (
        {"templates/cloud-init/x.j2": "#cloud-config\n# {{ 'N' | int }} {{ N }}\n"}, VM % ", cloudInit: {template: x.j2}",
        "check",
    ),
    "an operation on user data": (
        {}, VM % f", cloudInit: {json.dumps(OPERATIONS)}", "check",
    ),
    "a delay of user data": ({}, VM % ", cloudInit: %s" % json.dumps("#cloud-config\npower_state: {delay: N}\n"), "check"),
}  # fmt: skip


@pytest.mark.parametrize(("files", "environment", "command"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("number", [LONG, "٣" * 5000], ids=["ASCII", "Arabic"])
def test_number_of_thousands_of_digits(
    number: str, files: dict[str, str], environment: str, command: str, repository: Callable
) -> None:
    """A number that no machine word holds, in digits of any script, is a problem or a text, and never a crash."""
    texts = {name: text.replace("N", number) for name, text in files.items()}
    result = repository(environment.replace("N", number), texts).run(*command.replace("N", number).split())
    assert result.code in (0, 1, 2), result.messages[-500:]


@pytest.mark.parametrize("variable", ["VTE_VERSION", "GIT_CONFIG_COUNT", "COLUMNS"])
def test_number_in_the_environment(variable: str, repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the shell with such a number is ignored."""
    monkeypatch.setenv(variable, LONG)
    result = repository(VM % "").run("plan", "--color", "always")
    assert result.code in (0, 1, 2), result.messages[-500:]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1), *((text, None) for text in ("9" * 19, "", "-1", "1_0", "٣", "²"))],
)
def test_parse_number(text: str, number: int | None) -> None:
    """A number has 1 to 18 ASCII digits."""
    assert parse_number(text) == number
