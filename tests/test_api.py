"""`vmgen.api`: what scripts may import, and that importing the package costs nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen import api

TEXT = """\
namespace: tenant-a
platformVersion: "1"
vms: {web: {count: 2, image: ubuntu-2404, instanceType: u1.large, disks: {data: 1Gi}}}
"""


def test_render(repository: Callable) -> None:
    """Rendering gives the fleet and the bytes that `vmgen render` writes, and writes nothing."""
    made = repository(TEXT)
    [production] = api.render(api.load(made.root))
    assert [machine.name for machine in production.fleet.machines] == ["web-1", "web-2"]
    assert not (made.root / "manifests").exists()
    made.run("render")
    assert dict(production.files) == made.files()


def test_plan(repository: Callable) -> None:
    """A plan counts what changes, and carries what the gate refuses."""
    made = repository(TEXT)
    made.run("render")
    assert api.plan(api.load(str(made.root))).summary.create == 0
    made.write({"environments/production.yaml": TEXT.replace("count: 2", "count: 1")})
    planned = api.plan(api.load(made.root), "production")
    assert planned.summary.destroy == 2
    assert "destroys-data" in [problem.rule for problem in planned.problems]


def test_what_is_wrong(repository: Callable) -> None:
    """Mistakes are problems in what render and plan return."""
    repository_ = api.load(repository(TEXT.replace("u1.large", "u1.larg")).root)
    [production] = api.render(repository_)
    assert (production.fleet, [problem.rule for problem in production.problems]) == (None, ["unknown-instance-type"])
    assert [problem.rule for problem in api.plan(repository_).problems] == ["unknown-instance-type"]


TOKEN = "ghp_" + "aB3xY7kQ9mZ2" * 3


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("u1.large", TOKEN),
        TEXT.replace("count: 2", f"count: {TOKEN}"),
        TEXT.replace("ubuntu-2404", f"ubuntu-2404, {TOKEN}: 1"),
        TEXT.replace("vms: {web:", f"vms: {{{TOKEN}:"),
    ],
)
def test_problems_hold_no_secret(repository: Callable, text: str) -> None:
    """The problems that the API returns can be printed: a token that somebody put at a wrong place is hidden in them."""
    repository_ = api.load(repository(text).root)
    [production] = api.render(repository_)
    for problems in (production.problems, api.plan(repository_).problems):
        assert problems
        assert TOKEN not in repr(problems)


def test_what_cannot_be(repository: Callable, tmp_path: Path) -> None:
    """No repository, and no environment of a name, are errors that say so."""
    with pytest.raises(api.VmgenError, match="no folder environments/"):
        api.load(tmp_path)
    with pytest.raises(api.VmgenError, match="no environment 'prod'"):
        api.render(api.load(repository(TEXT).root), "prod")


def test_everything_is_there() -> None:
    """Each name of the API exists."""
    assert [name for name in api.__all__ if not hasattr(api, name)] == []


def test_import_is_light() -> None:
    """`import vmgen` loads no module of ours but itself, and no library."""
    code = "import sys; before = set(sys.modules); import vmgen; print(*sorted(set(sys.modules) - before))"
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"vmgen", "__future__"}
