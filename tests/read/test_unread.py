"""Files that look like environments, layers or policies and are none are named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

WEB = "namespace: tenant-acme\nvms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n"
UNREAD = {
    "environments/test.YAML": WEB,
    "environments/test.yml": WEB,
    "environments/test.Yml": WEB,
    "environments/_defaults.yml": "platform: hikube\n",
    "environments/_defaults.YAML": "platform: hikube\n",
    "environments/_catalog.yml": "images: {}\n",
    "environments/eu/west.yaml": WEB,
    "environments/eu/north/east.yml": WEB.replace("vms: {web", "disks: {web"),
    "policies/freeze.yml": "id: x\n",
    "policies/FREEZE.YAML": "id: x\n",
    "policies/eu/freeze.yaml": "id: x\n",
}


@pytest.mark.parametrize("path", UNREAD)
def test_file_that_nobody_reads_is_named(repository: Callable, path: str) -> None:
    """A warning says that a file has no effect, and where it would have one."""
    done = repository(WEB, {path: UNREAD[path]}).run("check", "--kustomize", "off")
    assert f"{path}: " in done.messages
    assert "not read: " in done.messages


READ = {
    "a layer": {"environments/base/eu.yaml": WEB, "environments/production.yaml": f"extends: [base/eu.yaml]\n{WEB}"},
    "a fragment": {"environments/parts/users.yaml": "users: []\n"},
    "a hidden file": {"environments/.git/x.yaml": WEB},
    "notes": {"environments/eu/README.md": WEB, "policies/README.md": "x"},
}


@pytest.mark.parametrize("files", READ.values(), ids=READ)
def test_file_with_another_use_is_not_named(repository: Callable, files: dict[str, str]) -> None:
    """Layers, fragments and notes are no environments that somebody forgot."""
    assert "not read" not in repository(WEB, files).run("check", "--kustomize", "off").messages
