"""Each file that a command opens, as a link or a pipe: nothing is written through it, nothing behind it is printed.

The files are not listed here: each command runs once on a repository with a file of every kind, and what it opens is recorded.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Repository
from vmgen.cli.app import COMMANDS

CANARY = "CANARYVALUE42"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFx1OkJQBOYZIWpSFXcUDjuQbIbYYU5xJnQcTLHk4Tqz ops"
FILES = {
    "environments/production.yaml": """\
extends: [layers/base.yaml]
namespace: tenant-a
retire: [{disk: gone-system, reason: moved, until: 2020-01-01}]
delivery:
  argocd: {repoURL: https://example.com/r.git, destination: {name: hikube}}
  flux: {sourceRef: {kind: GitRepository, name: fleet}}
vms:
  web:
    count: 2
    image: ubuntu-2404
    sshKeys: [{file: keys/ops.pub}]
    cloudInit: {merge: [parts/own.yaml, shared.yaml]}
  db: {image: ubuntu-2404, cloudInit: {template: db.j2}}
""",
    "environments/_defaults.yaml": 'platformVersion: "1"\n',
    "environments/_catalog.yaml": "images: {}\n",
    "environments/layers/base.yaml": "defaults: {instanceType: u1.large}\n",
    "environments/keys/ops.pub": f"{KEY}\n",
    "environments/parts/own.yaml": "packages: [a]\n",
    "templates/cloud-init/shared.yaml": "packages: [b]\n",
    "templates/cloud-init/db.j2": "#cloud-config\nhostname: {{ vm.name }}\n",
    "policies/team.yaml": "id: team\nkind: VMInstance\nmessage: wrong\nschema: {type: object}\n",
    "vmgen.toml": 'color = "never"\n',
    ".gitignore": ".vmgen/\n",
    "README.md": "x\n",
}
# A command with what it needs; `{outside}` is a folder outside of the repository.
RUNS: tuple[tuple[str, ...], ...] = (
    ("init", ".", "--namespace", "tenant-a"),
    ("init", ".", "--update"),
    ("render",),
    ("render", "--diff"),
    ("plan",),
    ("plan", "--live", "{outside}/web.yaml"),
    ("check", "--kustomize", "off", "-o", "github"),
    ("check", "--kustomize", "off", "--affected-since", "HEAD"),
    ("check", "--kustomize", "off", "--fix"),
    ("status", "{outside}/web.yaml"),
    ("list",),
    ("import", "{outside}/old.yaml", "--env", "old"),
    ("new", "staging", "--namespace", "tenant-b"),
    ("scale", "production", "web", "3"),
    ("rebuild", "production", "db", "--image", "debian-12"),
    ("retire", "production", "db-system", "--reason", "moved"),
    ("explain", "production", "db"),
    ("impact", "environments/layers/base.yaml"),
    ("report",),
    ("report", "--live", "{outside}/web.yaml"),
    ("catalog",),
    ("catalog", "import", "{outside}/catalog.yaml"),
    ("platform", "compare", "1", "2", "--platform", "hikube"),
    ("schema",),
    ("schema", "--values"),
    ("function",),
    ("template", "hikube/platform.yaml"),
    ("rule", "no-ssh-key"),
    ("help", "render"),
    ("completion", "bash"),
)
RESOURCES = """\
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig: {apiVersion: vmgen/v1, kind: Environment, metadata: {name: production}, spec: {namespace: tenant-a}}
"""
TARGETS = ("secret", "process", "pipe", "folder", "loop", "nothing", "zeros")
CATALOG = """\
apiVersion: instancetype.kubevirt.io/v1beta1
kind: VirtualMachineClusterInstancetype
metadata: {name: x1.small}
spec: {cpu: {guest: 1}, memory: {guest: 1Gi}}
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rendered and committed repository, and what lies outside of it."""
    top = tmp_path_factory.mktemp("links")
    made, outside = Repository(top / "repository"), top / "outside"
    outside.mkdir()
    made.root.mkdir()
    made.write({**FILES, "templates/hikube/catalog.yaml": made.run("template", "hikube/catalog.yaml").output})
    subprocess.run(["git", "init", "--quiet", "--template="], cwd=made.root, check=True)
    assert made.run("init", ".", "--namespace", "tenant-a").code == 0
    done = made.run("render")
    assert done.code == 0, done.messages
    (made.root / "schema/environment.values.schema.json").write_bytes(made.run("schema", "--values").output)
    assert made.run("report").code == 0
    for command in (("add", "--all"), ("-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x")):
        subprocess.run(["git", *command], cwd=made.root, check=True)
    web = made.text("production/vms/web/web-1.yaml")
    for name, text in {"web.yaml": web, "old.yaml": web.replace("web-1", "old"), "catalog.yaml": CATALOG}.items():
        (outside / name).write_text(text)
    (outside / "secret").write_text(f"{CANARY}: {CANARY}\n")
    (outside / "folder").mkdir()
    # A change, so that the commands have something to write.
    made.write({"environments/layers/base.yaml": "defaults: {instanceType: u1.xlarge}\n"})
    return top


@pytest.fixture(scope="module")
def attacks() -> Counter[str]:
    """How often each file was replaced."""
    return Counter()


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Callable[[], Path]:
    """Copies the repository."""
    numbers = iter(range(10_000))

    def copied() -> Path:
        top = tmp_path / str(next(numbers))
        shutil.copytree(original, top, symlinks=True)
        return top

    return copied


def _run(top: Path, run: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command, which has half a minute."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RESOURCES.encode()), encoding="utf-8"))
    signal.signal(signal.SIGALRM, _fail)
    signal.alarm(60)
    try:
        return Repository(top / "repository").run(*(word.format(outside=top / "outside") for word in run))
    finally:
        signal.alarm(0)


def _fail(*_: object) -> None:
    raise TimeoutError("it waits for a file")


def _record(top: Path, run: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the paths below the repository that a command opens, or makes, and the folders above them."""
    opened, root = set(), top / "repository"
    with monkeypatch.context() as patch:

        def watch(name: str) -> None:
            real: Any = getattr(os, name)

            def call(*arguments: Any, **options: Any) -> Any:
                handles = [options.get("src_dir_fd", options.get("dir_fd")), options.get("dst_dir_fd")]
                for path, handle in zip(arguments, handles, strict=False):
                    if isinstance(path, str | os.PathLike):
                        opened.add(os.path.join(os.readlink(f"/proc/self/fd/{handle}") if handle else Path.cwd(), path))
                return real(*arguments, **options)

            patch.setattr(os, name, call)

        for name in ("open", "mkdir", "scandir", "replace", "rename", "unlink"):
            watch(name)
        done = _run(top, run, monkeypatch)
        assert done.code in (0, 1), done.messages
        assert "Usage: " not in done.messages
    paths = {Path(os.path.normpath(path)) for path in opened}
    names = {path.relative_to(root).as_posix() for path in paths if path.is_relative_to(root)}
    names |= {parent.as_posix() for name in names for parent in Path(name).parents}
    yield from sorted(name for name in names if name != "." and not name.startswith(".git/"))


def _replace(path: Path, target: str, outside: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if target == "pipe":
        os.mkfifo(path)
    else:
        leads_to = {"process": "/proc/self/environ", "zeros": "/dev/zero", "loop": path.name}
        path.symlink_to(leads_to.get(target, outside / target))


def test_every_command_is_here() -> None:
    """A command that is added needs its arguments here."""
    assert {run[0] for run in RUNS} == set(COMMANDS)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("run", RUNS, ids=" ".join)
def test_command(
    run: tuple[str, ...], copy: Callable[[], Path], attacks: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing outside changes, nothing outside is printed, and nothing is waited for."""
    monkeypatch.setenv("CANARY", CANARY)
    for name in _record(copy(), run, monkeypatch):
        # What many commands read, such as vmgen.toml, is each of the targets once, by turns.
        if attacks[name] >= len(TARGETS):
            continue
        target = TARGETS[attacks[name]]
        attacks[name] += 1
        top = copy()
        outside = top / "outside"
        _replace(top / "repository" / name, target, outside)
        before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
        done = _run(top, run, monkeypatch)
        assert done.code in (0, 1, 2), (name, target, done.messages)
        assert CANARY not in done.messages + done.stdout, (name, target)
        assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before, (name, target)
        assert not (outside / "nothing").exists(), (name, target)
        shutil.rmtree(top)
