"""`vmgen list` reads, merges, checks and expands environments, and renders nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import vmgen
from vmgen.render import manifests

FLEET = """\
namespace: tenant-a
policy: {no-ssh-key: "off"}
vms:
  web: {count: 3, instanceType: u1.large, image: debian-12, disks: {data: 50Gi}, cloudInit: "packages: ["}
  db: {instanceType: u1.xlarge, image: debian-12, cloudInit: {template: missing.yaml.j2}}
"""


def test_user_data_and_templates_do_not_matter(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet whose user data is broken or missing is listed; `check` reports it."""
    monkeypatch.setattr(manifests, "render_tree", None)
    made = repository(FLEET)
    listed = made.run("list", "-o", "json")
    assert listed.code == 0, listed.messages
    document = json.loads(listed.stdout)
    assert [(row["vm"], row["vcpu"]) for row in document["vms"]] == [("web-1", 2), ("web-2", 2), ("web-3", 2), ("db", 4)]
    assert made.run("check").code == 1


def test_an_error_of_a_rule_is_one_of_the_list(repository: Callable) -> None:
    """An environment that a rule refuses is not listed, and the list fails."""
    made = repository(FLEET.replace("debian-12, disks", "debian-99, disks"))
    listed = made.run("list")
    assert listed.code == 1
    assert "debian-99" in listed.messages
    assert "web-1" not in listed.stdout


@pytest.mark.parametrize(("option", "first"), [((), "web-1"), (("--disks",), "web-1-system"), (("--totals",), "web")])
def test_each_table_has_its_rows(repository: Callable, option: tuple[str, ...], first: str) -> None:
    """VMs, disks or groups: the table has the rows of what was asked for."""
    rows = repository(FLEET).run("list", *option).stdout.splitlines()
    assert rows[1].split()[1] == first


def test_a_list_imports_nothing_that_renders(repository: Callable) -> None:
    """A list imports neither Jinja2 nor what renders manifests, reads the baseline or compares with it."""
    root = repository(FLEET).root
    code = (
        "import sys; from vmgen.cli.app import run; code = run(['list'])\n"
        "modules = {'jinja2', 'vmgen.render.manifests', 'vmgen.plan.baseline', 'vmgen.plan.diff', 'vmgen.plan.git'}\n"
        "print(code, *modules & sys.modules.keys())\n"
    )
    paths = {**os.environ, "PYTHONPATH": str(Path(vmgen.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=paths, capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[-1] == "0"
