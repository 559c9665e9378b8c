"""`vmgen function`: a ResourceList in, a ResourceList out; and within a real kustomize build, where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmgen.function import parse_resource_list, render_items, run_function
from vmgen.problems import VmgenError

SPEC = """
namespace: tenant-acme
platformVersion: "1"
defaults: {sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgc5ANkNrxhLa5aPn0uh0b8C1dTDSSE0Gm0HgJ1rQp4 ops]}
vms:
  web: {count: 2, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}
"""
# Scalars that tools resolve in their own ways, and styles: what is passed through must come back as it was.
PASSED = """\
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: settings
  data: {quoted: "yes", date: 2026-01-01, octal: 014, no: no, big: 12345678901234567890}
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: text
  data:
    script: |
      echo "$HOME"
"""


def _list(spec: str = SPEC, items: str = "[]\n", **config: Any) -> bytes:
    environment = {
        "apiVersion": "vmgen.dev/v1",
        "kind": "Environment",
        "metadata": {"name": "production", "annotations": {"config.kubernetes.io/path": "overlay/environment.yaml"}},
        **config,
    }
    head = (
        f"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:{' ' if items == '[]' + chr(10) else chr(10)}{items}"
    )
    shown = yaml.safe_dump({"functionConfig": environment}, sort_keys=False)
    return (head + shown + "  spec:" + spec.replace("\n", "\n    ") + "\n").encode()


def _made(text: bytes, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(run_function(text, folder).text)
    return found


def _kustomize() -> str:
    found = os.environ.get("VMGEN_KUSTOMIZE") or shutil.which("kustomize")
    if not found:
        pytest.skip("no kustomize (kubectl's engine cannot run functions); name one with VMGEN_KUSTOMIZE")
    return found


def test_objects_are_those_of_a_render(repository: Callable[..., Any], tmp_path: Path) -> None:
    """The items are the objects that `render` writes for the same environment, and there are no results."""
    made = repository(SPEC)
    made.run("render")
    rendered = [
        yaml.safe_load(text)
        for name, text in made.files().items()
        if not name.endswith("kustomization.yaml") and name.count("/") > 1
    ]
    found = _made(_list(), tmp_path)
    assert sorted(map(str, found["items"])) == sorted(map(str, rendered))
    assert len(found["items"]) == 6
    assert "results" not in found


def test_passed_through_as_it_was(tmp_path: Path) -> None:
    """Items that are not the environment's keep the text and the style of every scalar."""
    text = run_function(_list(items=PASSED), tmp_path).text
    head = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n"
    assert text.startswith(head + PASSED)


def test_item_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    """A second run over its own answer changes nothing: an object that is there already is replaced, not doubled."""
    first = _made(_list(), tmp_path)
    items = yaml.safe_dump(first["items"], sort_keys=False).replace("running: true", "running: false")
    second = _made(_list(items=items), tmp_path)
    assert second == first


def test_results(tmp_path: Path) -> None:
    """A mistake is a result with its severity, its field, the file and the resource; no object is added."""
    found = _made(_list(SPEC.replace("count", "cuont"), items=PASSED), tmp_path)
    assert [item["metadata"]["name"] for item in found["items"]] == ["settings", "text"]
    assert found["results"] == [
        {
            "message": "unknown key 'cuont'; did you mean 'count'? [unknown-key]",
            "severity": "error",
            "resourceRef": {"apiVersion": "vmgen.dev/v1", "kind": "Environment", "name": "production"},
            "field": {"path": "spec.vms.web.cuont"},
            "file": {"path": "overlay/environment.yaml"},
        }
    ]


def test_warnings_do_not_stop_it(tmp_path: Path) -> None:
    """A warning is a result beside the objects."""
    found = _made(_list(SPEC + "policy: {single-disk-vm: warning}\n"), tmp_path)
    warned = _made(_list(SPEC.replace(", disks: {data: 50Gi}", "") + "policy: {single-disk-vm: warning}\n"), tmp_path)
    assert "results" not in found
    assert {result["severity"] for result in warned["results"]} == {"warning"}
    assert len(warned["items"]) == 4


def test_scalars_of_the_spec_stay_strict(tmp_path: Path) -> None:
    """What is ambiguous in an environment's file is so in a functionConfig: nothing is resolved on the way."""
    found = _made(_list(SPEC.replace("u1.large", "014")), tmp_path)
    assert [result["field"] for result in found["results"]] == [{"path": "spec.vms.web.instanceType"}]
    assert "is ambiguous in YAML" in found["results"][0]["message"]


def test_files_of_the_repository(repository: Callable[..., Any]) -> None:
    """Started anywhere in a repository, the spec takes its layers and defaults, with paths from environments/."""
    made = repository(None, {"environments/_defaults.yaml": "labels: {team: shop}\n", "environments/base/web.yaml": SPEC[1:]})
    (made.root / "overlays/production").mkdir(parents=True)
    found = _made(_list("\nextends: [base/web.yaml]\n"), made.root / "overlays/production")
    assert {item["metadata"]["labels"]["team"] for item in found["items"]} == {"shop"}


def test_problem_in_another_file(repository: Callable[..., Any]) -> None:
    """A mistake in a layer names the layer's file."""
    made = repository(None, {"environments/base/web.yaml": SPEC.replace("count", "cuont")})
    found = _made(_list("\nextends: [base/web.yaml]\n"), made.root)
    assert [result["file"] for result in found["results"]] == [{"path": "environments/base/web.yaml"}]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"kind": "ConfigMap"}, "kind"),
        ({"metadata": {}}, "metadata.name"),
        *(
            ({"metadata": {"name": name}}, "metadata.name")
            for name in (1, "", "a\0b", "../production", "a/b", "/etc/x", "A", "con")
        ),
        ({"data": {"namespace": "tenant-acme"}}, "data"),
    ],
)
def test_another_function_config(config: dict[str, Any], field: str, tmp_path: Path) -> None:
    """A functionConfig that is no Environment is refused at the field that says so."""
    found = _made(_list(**config), tmp_path)
    assert [result["field"]["path"] for result in found["results"]] == [field]
    assert found["items"] == []


@pytest.mark.parametrize(
    "text", [b"", b"kind: List", b"a: [", b"- 1", b"kind: ResourceList", b"kind: ResourceList\nfunctionConfig: 1"]
)
def test_no_resource_list(text: bytes) -> None:
    """What is not a ResourceList with a functionConfig is said, in one sentence."""
    with pytest.raises(VmgenError, match=r"stdin|functionConfig"):
        parse_resource_list(text)


def test_items_that_are_no_objects() -> None:
    """Items without a name, or that are no mappings, are passed through each by itself."""
    received = parse_resource_list(b"kind: ResourceList\nitems: [1, 1, {kind: A}, {kind: A}]\nfunctionConfig: {}\n")
    assert yaml.safe_load(render_items(received, [])) == {"items": [1, 1, {"kind": "A"}, {"kind": "A"}]}


def test_as_a_process(repository: Callable[..., Any]) -> None:
    """The command reads stdin, writes the list on stdout and the problems on stderr, and exits 1 for an error."""
    made = repository("namespace: tenant-other\n")
    for text, code in ((_list(), 0), (_list(SPEC.replace("count", "cuont")), 1), (b"nothing", 2)):
        command = [sys.executable, "-m", "vmgen", "-C", str(made.root), "function"]
        done = subprocess.run(command, input=text, capture_output=True, check=False)
        assert done.returncode == code
        assert bool(done.stderr) is bool(code)
        assert (yaml.safe_load(done.stdout) or {}).get("kind") == ("ResourceList" if code < 2 else None)


def test_within_kustomize(repository: Callable[..., Any], engine: list[str]) -> None:
    """A kustomization that generates from an Environment builds what `render` writes; a mistake ends the build."""
    kustomize = _kustomize()
    made = repository(SPEC)
    made.run("render")
    function = f"exec: {{path: {sys.executable}, args: [-m, vmgen, function]}}"
    head = f"""\
apiVersion: vmgen.dev/v1
kind: Environment
metadata:
  name: production
  annotations:
    config.kubernetes.io/function: |
      {function}
spec:"""
    made.write(
        {
            "overlay/kustomization.yaml": "generators: [environment.yaml]\n",
            "overlay/environment.yaml": head + SPEC.replace("\n", "\n  "),
        }
    )
    command = [kustomize, "build", "--enable-alpha-plugins", "--enable-exec", str(made.root / "overlay")]
    built = subprocess.run(command, capture_output=True, check=False)
    assert built.returncode == 0, built.stderr
    wanted = subprocess.run([*engine, str(made.root / "manifests/production")], capture_output=True, check=True)
    objects = [sorted(map(str, yaml.safe_load_all(text))) for text in (built.stdout, wanted.stdout)]
    assert objects[0] == objects[1] != []
    made.write({"overlay/environment.yaml": head + SPEC.replace("count", "cuont").replace("\n", "\n  ")})
    failed = subprocess.run(command, capture_output=True, check=False)
    assert failed.returncode != 0
    assert b"did you mean 'count'?" in failed.stderr
