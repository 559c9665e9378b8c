"""Nothing is read through a link that leads out of the work tree; what is no regular file is neither waited for nor quoted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WEB = """\
namespace: tenant-a
vms:
  web:
    instanceType: u1.large
    image: ubuntu-2404
    sshKeys: [{file: keys/ops.pub}]
    cloudInit: {merge: [parts/beside.yaml, shared.yaml]}
  db:
    instanceType: u1.large
    image: ubuntu-2404
    cloudInit: {template: db.j2}
"""
OWN_PLATFORM = "extends: [hikube/platform.yaml]\n"
CANARY = "CANARYVALUE42"
# What is read, and what has to be there so that it is.
SOURCES: dict[str, dict[str, str]] = {
    "environments/production.yaml": {},
    "environments/_defaults.yaml": {},
    "environments/_catalog.yaml": {},
    "environments/parts/base.yaml": {"environments/staging.yaml": f"extends: [parts/base.yaml]\n{WEB}"},
    "environments/keys/ops.pub": {},
    "environments/keys": {},
    "environments/parts/beside.yaml": {},
    "templates/cloud-init/shared.yaml": {},
    "templates/cloud-init/db.j2": {},
    "templates/cloud-init/included": {"templates/cloud-init/db.j2": "{% include 'cloud-init/included' %}"},
    "templates/cloud-init": {},
    "templates/hikube/platform.yaml": {},
    "templates/hikube/catalog.yaml": {},
    "templates/hikube/vm-instance.yaml.j2": {},
    "templates/hikube/vm-instance.schema.json": {},
    "templates/hikube/verdicts.yaml": {},
    "templates": {},
    "policies/team.yaml": {},
    "policies": {},
    "environments": {},
}
TARGETS = ("file", "git", "folder", "device", "zeros", "process", "pipe", "loop", "nowhere")
COMMANDS = (("render",), ("check", "--kustomize", "off", "-o", "github"), ("plan",))
AUTHOR = ("-c", "user.name=x", "-c", "user.email=x@example.com")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFx1OkJQBOYZIWpSFXcUDjuQbIbYYU5xJnQcTLHk4Tqz ops"


def _replace(path: Path, target: str, outside: Path) -> None:
    """Put a link, or what a link cannot say, in the place of a file."""
    if path.is_dir():
        subprocess.run(["rm", "-r", str(path)], check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if target == "pipe":
        os.mkfifo(path)
        return
    secret = outside / "secret"
    secret.write_text(f"{CANARY}: {CANARY}\n")
    (outside / "folder").mkdir(exist_ok=True)
    git = Path(".git/config")
    for _ in range(len(path.relative_to(outside.parent / "repository").parts) - 1):
        git = ".." / git
    leads_to = {
        "file": secret,
        "git": git,
        "folder": outside / "folder",
        "device": "/dev/tty",
        "zeros": "/dev/zero",
        "process": "/proc/self/environ",
        "loop": path.name,
        "nowhere": outside / "nothing",
    }[target]
    path.symlink_to(leads_to)


@pytest.fixture
def hostile(tmp_path: Path) -> Callable[[str, str], Any]:
    """Makes a repository in which one source is something else."""
    from tests.conftest import Repository

    def made(source: str, target: str) -> Repository:
        repository, outside = Repository(tmp_path / "repository"), tmp_path / "outside"
        outside.mkdir()
        files = {
            "environments/production.yaml": WEB,
            "environments/keys/ops.pub": f"{KEY}\n",
            "environments/parts/beside.yaml": "packages: [a]\n",
            "templates/cloud-init/shared.yaml": "packages: [b]\n",
            "templates/cloud-init/db.j2": "#cloud-config\nhostname: {{ vm.name }}\n",
        }
        repository.write(files | SOURCES[source])
        repository.uncommitted()
        if source.endswith("verdicts.yaml"):  # read where something changes only
            repository.run("render")
            subprocess.run(["git", "add", "."], cwd=repository.root, check=True)
            subprocess.run(["git", *AUTHOR, "commit", "--quiet", "-m", "all"], cwd=repository.root, check=True)
            repository.write({"environments/production.yaml": WEB.replace("u1.large", "u1.xlarge")})
        subprocess.run(["git", "config", "http.extraheader", CANARY], cwd=repository.root, check=True)
        if target:
            _replace(repository.root / source, target, outside)
        return repository

    return made


# What is written, by which command.
OUTPUTS: dict[str, tuple[str, ...]] = {
    "manifests": ("render",),
    "manifests/production": ("render",),
    "manifests/production/kustomization.yaml": ("render",),
    "manifests/production/.kustomization.yaml.vmgen-tmp": ("render",),
    "manifests/production/vms": ("render",),
    "manifests/production/vms/.web.vmgen-tmp": ("render",),
    "manifests/production/vms/db/db.yaml": ("render",),
    "manifests/.production.vmgen-tmp": ("render",),
    "delivery": ("render",),
    "delivery/argocd": ("render",),
    "delivery/argocd/production.yaml": ("render",),
    "delivery/argocd/.production.yaml.vmgen-tmp": ("render",),
    ".vmgen": ("render",),
    ".vmgen/.gitignore": ("render",),
    ".vmgen/lock": ("render",),
    ".vmgen/stamps": ("render",),
    ".vmgen/stamps/production.json": ("render",),
    ".vmgen/stamps/production.tmp": ("render",),
    ".vmgen/stamps/.production.json.vmgen-tmp": ("render",),
    "fleet.html": ("report",),
    ".fleet.html.vmgen-tmp": ("report",),
    ".gitignore": ("init", ".", "--namespace", "tenant-a"),
    "schema": ("init", ".", "--namespace", "tenant-a"),
    ".github": ("init", ".", "--namespace", "tenant-a"),
    "environments/tenant-a.yaml": ("import", "{outside}/export.yaml"),
}
DELIVERY = "delivery: {argocd: {repoURL: https://example.com/r.git, destination: {name: hikube}}}\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("target", ["file", "folder", "nowhere", "loop", "zeros", "pipe"])
@pytest.mark.parametrize("output", OUTPUTS)
def test_nothing_is_written_through_a_link(hostile: Callable, tmp_path: Path, output: str, target: str) -> None:
    """Each file and folder that is written, and each temporary name, as a link: nothing outside of the repository changes."""
    made, outside = hostile("environments", ""), tmp_path / "outside"
    assert made.run("render").code == 0
    (outside / "export.yaml").write_text(made.text("production/vms/db/db.yaml"))
    made.write({"environments/production.yaml": f"{DELIVERY}{WEB}".replace("u1.large", "u1.xlarge")})
    _replace(made.root / output, target, outside)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    done = made.run(*(argument.format(outside=outside) for argument in OUTPUTS[output]))
    assert done.code in (0, 1, 2), done.messages
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before
    assert not (outside / "nothing").exists()
    assert CANARY not in done.messages + done.stdout


@pytest.mark.parametrize("source", ["environments", "templates/cloud-init/included"])
def test_the_repository_of_these_tests_is_in_order(hostile: Callable, source: str) -> None:
    """Where nothing is replaced, all of it renders: what is refused below is refused for the link."""
    made = hostile(source, "")
    made.write({"templates/cloud-init/included": "#cloud-config\n"})
    done = made.run("render")
    assert (done.code, done.problems) == (0, [])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_what_is_no_source_is_refused(hostile: Callable, monkeypatch: pytest.MonkeyPatch, source: str, target: str) -> None:
    """Each file and folder that is read, as a link to anything else: it is refused by name, and what it is stays unread."""
    made = hostile(source, target)
    monkeypatch.setenv("CANARY", CANARY)
    for command in COMMANDS:
        done = made.run(*command)
        assert done.code in (1, 2), (command, done.messages)
        assert CANARY not in done.messages + done.stdout
        assert Path(source).name in done.messages + done.stdout or (source, target) == ("environments", "loop")
    assert not (made.root / "manifests").exists() or source.endswith("verdicts.yaml")
