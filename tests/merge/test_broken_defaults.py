"""A `_defaults.yaml` with an error: each command that builds on it reports the error, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

MANIFEST = (
    "apiVersion: apps.cozystack.io/v1alpha1\nkind: VMDisk\nmetadata: {name: web-1-system, namespace: tenant-a}\n"
    "spec: {source: {image: {name: ubuntu-2404}}, optical: false, storage: 20Gi, storageClass: replicated}\n"
)
BROKEN = {
    "a number as an image": ("defaults: {image: 1.5}", "1:19: error: defaults.image:"),
    "a number as the labels": ("defaults: {labels: 1}", "1:20: error: defaults.labels:"),
    "a list as a platform": ("platform: [a]", "1:11: error: platform:"),
    "a list as a version": ("platformVersion: []", "1:18: error: platformVersion:"),
    "a number as a disk": ("defaults: {disks: {data: 1}}", "1:26: error: defaults.disks.data:"),
    "no such layer": ("extends: [nope.yaml]", "1:11: error: extends:"),
    "no YAML": ("defaults: [", "error: "),
}
COMMANDS = {
    "import": ("import", "--env", "lab", "in.yaml"),
    "import of another platform": ("import", "--platform", "cozystack", "--env", "lab", "in.yaml"),
    "new": ("new", "other", "--namespace", "tenant-b"),
    "new with a platform": ("new", "other", "--namespace", "tenant-b", "--platform", "cozystack"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", BROKEN)
def test_error_of_the_defaults_is_reported(repository: Callable, name: str, command: str) -> None:
    """The error comes with its place and exit 1, whatever the command would have used of the file."""
    text, message = BROKEN[name]
    made = repository("vms: {}\n", {"environments/_defaults.yaml": f"{text}\n", "in.yaml": MANIFEST})
    result = made.run(*COMMANDS[command])
    assert (result.code, f"environments/_defaults.yaml:{message}" in result.messages or name == "no YAML") == (1, True), result
    assert "environments/_defaults.yaml:" in result.messages
    assert sorted(path.name for path in (made.root / "environments").iterdir()) == ["_defaults.yaml", "production.yaml"]


@pytest.mark.parametrize("text", ["cluster: 1.5", "cluster: [a]", "cluster: {a: b}", "cluster: ["])
def test_status_does_not_guess_the_cluster(repository: Callable, text: str) -> None:
    """A cluster that cannot be read decides nothing: which objects of the dump belong to an environment stays unknown."""
    made = repository("namespace: tenant-a\nvms: {}\n", {"environments/_defaults.yaml": f"{text}\n", "in.yaml": MANIFEST})
    made.uncommitted()
    result = made.run("status", "in.yaml")
    assert (result.code, result.output) == (1, b"")
    assert "environments/_defaults.yaml:" in result.messages
