"""A run without work does none, and every change of what an environment is made from, or of what was written, is work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

import vmgen
from vmgen.cli import session
from vmgen.stamps import RENDER_STAMPS, StampStore

PRODUCTION = """
namespace: tenant-acme
extends: [base/shop.yaml]
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2404
    storageClass: local
    sshKeys: [{file: keys/ops.pub}]
    cloudInit: {merge: [parts/base.yaml]}
"""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@example\n"
FILES = {
    "environments/base/shop.yaml": "labels: {team: shop}\n",
    "environments/keys/ops.pub": KEY,
    "environments/parts/base.yaml": "#cloud-config\npackages: [curl]\n",
    "environments/other.yaml": "namespace: tenant-other\ndisks: {kept: 5Gi}\n",
}


@pytest.fixture
def rendered(repository: Callable) -> object:
    """A repository of two environments that is rendered."""
    made = repository(PRODUCTION, FILES)
    made.uncommitted()
    assert made.run("render").code == 0
    return made


def fresh(repository: object, name: str = "production") -> bool:
    """Whether the stamp of an environment holds."""
    known = tuple(sorted(path.stem for path in (repository.root / "environments").glob("[!_]*.yaml")))
    return StampStore(repository.project, known, date.today()).find_fresh([name]) != {}


def test_a_second_run_imports_nothing_that_renders(rendered: object) -> None:
    """Where nothing changed, neither Jinja2 nor the YAML parser nor the pipeline is even imported."""
    code = (
        "import sys; from vmgen.__main__ import run; code = run(['render'])\n"
        "print(code, *{'click', 'jinja2', 'yaml', 'jsonschema_rs', 'vmgen.pipeline'} & sys.modules.keys())\n"
    )
    paths = {**os.environ, "PYTHONPATH": str(Path(vmgen.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], cwd=rendered.root, env=paths, capture_output=True, check=True)
    assert done.stdout.decode().split() == ["0"]
    assert "production: 10 files, nothing changed" in done.stderr.decode()


@pytest.mark.parametrize(
    "path",
    [
        "environments/production.yaml",
        "environments/base/shop.yaml",
        "environments/keys/ops.pub",
        "environments/parts/base.yaml",
        "environments/_catalog.yaml",
        "environments/_defaults.yaml",
        "environments/more.yaml",
        "templates/hikube/vm-disk.yaml.j2",
        "templates/cloud-init/any.yaml.j2",
        "policies/own.yaml",
        "manifests/production/vms/web/web-1.yaml",
        "manifests/production/strange.yaml",
        "delivery/flux/production.yaml",
    ],
)
def test_every_file_that_matters_spoils_the_stamp(rendered: object, path: str) -> None:
    """A change of an input, of a file that all environments look at, or of an output is work."""
    assert fresh(rendered)
    target = rendered.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((target.read_bytes() if target.exists() else b"") + b"# more\n")
    assert not fresh(rendered)


def test_an_edit_of_one_environment_leaves_the_others_fresh(rendered: object) -> None:
    """The cost of a run is that of the environments that changed."""
    rendered.write({"environments/production.yaml": PRODUCTION.replace("count: 2", "count: 3")})
    assert not fresh(rendered)
    assert fresh(rendered, "other")
    assert "web-3.yaml" in " ".join(_after_render(rendered))
    assert fresh(rendered)


def _after_render(repository: object) -> dict[str, bytes]:
    assert repository.run("render").code == 0
    return repository.files()


def test_a_hand_edited_manifest_is_put_right(rendered: object) -> None:
    """What was written is compared by its listing: an edit by hand is seen and undone."""
    before = rendered.files()
    path = rendered.root / "manifests/production/vms/web/web-1.yaml"
    path.write_text(path.read_text().replace("u1.large", "u1.small"))
    assert _after_render(rendered) == before


def test_a_deleted_manifest_comes_back(rendered: object) -> None:
    """So is a file that is gone."""
    before = rendered.files()
    (rendered.root / "manifests/production/vms/web/web-1.yaml").unlink()
    assert _after_render(rendered) == before


def test_warnings_are_said_again(rendered: object) -> None:
    """A warning does not fall silent because nothing changed."""
    first = rendered.run("render", "--verify").problems
    assert any("[image-storage-class]" in line for line in first)
    assert rendered.run("render").problems == first


def test_no_stamp_survives_the_day(rendered: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waivers and tombstones end by date, so a stamp is of one day."""

    class Tomorrow(date):
        @classmethod
        def today(cls) -> date:
            return date.fromordinal(date.toordinal(date(2026, 1, 1))) + timedelta(days=400)

    stamps = StampStore(rendered.project, ("other", "production"), date.today())
    assert stamps.find_fresh(["production"])
    assert (
        StampStore(rendered.project, ("other", "production"), date.today() + timedelta(days=1)).find_fresh(["production"]) == {}
    )
    monkeypatch.setattr(session, "date", Tomorrow)
    assert rendered.run("render").code == 0


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"for_all": 1}', "\x00", '{"for_all": null, "inputs": [], "outputs": ""}']
)
def test_a_spoilt_stamp_is_no_stamp(rendered: object, content: str) -> None:
    """Whatever lies in .vmgen costs at most a render."""
    (rendered.root / RENDER_STAMPS / "production.json").write_text(content)
    assert not fresh(rendered)
    assert rendered.run("render").code == 0


def test_a_stamp_is_of_one_place(rendered: object, tmp_path: Path) -> None:
    """A stamp that travels with a copy of the repository does not hold there: times and inodes are others."""
    copy = tmp_path / "copy"
    shutil.copytree(rendered.root, copy)
    assert StampStore(type(rendered)(copy).project, ("other", "production"), date.today()).find_fresh(["production"]) == {}


def test_a_failed_render_leaves_no_stamp(rendered: object) -> None:
    """Only what was written is stamped."""
    rendered.write({"environments/production.yaml": PRODUCTION.replace("u1.large", "u1.larg")})
    assert rendered.run("render").code == 1
    assert not fresh(rendered)
    assert rendered.run("render").code == 1


def test_stamps_are_ignored_by_git(rendered: object) -> None:
    """They lie under .vmgen, whose own .gitignore hides it."""
    assert json.loads((rendered.root / RENDER_STAMPS / "production.json").read_text())["files"] == 10
    assert (rendered.root / ".vmgen/.gitignore").read_text() == "*\n"


def test_check_never_trusts_a_stamp(rendered: object) -> None:
    """An output that was changed behind the stamp's back is found by `check`."""
    path = rendered.root / "manifests/production/vms/web/web-1.yaml"
    status = path.stat()
    content = path.read_bytes()
    with path.open("r+b") as stream:
        stream.write(content.replace(b"u1.large", b"u1.smoll"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fresh(rendered)
    assert rendered.run("render", "--check").code == 1
    result = rendered.run("check")
    assert result.code == 1
    assert any("web-1.yaml" in line and "[drift]" in line for line in result.problems)
