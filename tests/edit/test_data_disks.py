"""A further disk by command: an empty disk of the next generation in the place of one that is kept, and the way back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.edit.test_commands import production
from tests.edit.test_rebuild import apply, committed, manifests

__all__ = ["committed"]
FLEET = """\
namespace: tenant-acme
prices: {currency: CHF, cpu: 0, memory: 0, storage: {replicated: 0.1, local: 0.1}}
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2204
    labels: {tier: front}
    disks:
      data: 50Gi  # shop
      logs: {storage: 5Gi, labels: {kind: logs}}
"""
KEPT = "labels: {tier: front}, of: [1, 2]"
LOCAL = ("--storage-class", "local")


@pytest.mark.parametrize("disk", ["data", "logs"])
@pytest.mark.parametrize("only", [(), ("--only", "2")])
def test_disk_of_another_class_and_back(committed: Callable[..., Any], disk: str, only: tuple[str, ...]) -> None:
    """Each VM gets one disk more, boots its system disk as before, and has its first disk again after --back, unchanged."""
    made = committed(FLEET)
    before = manifests(made)
    verdicts = apply(made, "rebuild", "production", "web", "--disk", disk, *LOCAL, *only)
    assert verdicts.pop("create") == {"VMDisk"}
    assert list(verdicts.values()) == [{"VMInstance"}]
    numbers = (2,) if only else (1, 2)
    after = manifests(made)
    assert after.keys() - before.keys() == {f"disks/web/web-{number}-{disk}-2.yaml" for number in numbers}
    assert {path for path in before if before[path] != after[path]} == {f"vms/web/web-{number}.yaml" for number in numbers}
    assert all("storageClass: local" in after[f"disks/web/web-{number}-{disk}-2.yaml"] for number in numbers)
    assert list(apply(made, "rebuild", "production", "web", "--disk", disk, "--back", *only).values()) == [{"VMInstance"}]
    back = manifests(made)
    assert back.keys() == after.keys()
    assert {path: back[path] for path in before} == before
    apply(made, "rebuild", "production", "web", "--disk", disk, "--back", *only)
    assert manifests(made) == after
    apply(made, "retire", "production", *(f"web-{number}-{disk}" for number in numbers), "--reason", "copied")
    assert manifests(made).keys() == after.keys() - {f"disks/web/web-{number}-{disk}.yaml" for number in numbers}


def test_lines_of_a_disk(committed: Callable[..., Any]) -> None:
    """A size becomes the long form in its place, and its comment stays."""
    made = committed(FLEET)
    apply(made, "rebuild", "production", "web", "--disk", "data", *LOCAL)
    entry = f"{{storage: 50Gi, storageClass: local, generation: 2, previous: {{1: {{storage: 50Gi, {KEPT}}}}}}}"
    assert production(made) == FLEET.replace("data: 50Gi  #", f"data: {entry}  #")


def test_disk_and_system_disk_together(committed: Callable[..., Any]) -> None:
    """Both kinds of generations live beside each other, also for a VM that is added later."""
    made = committed(FLEET)
    apply(made, "rebuild", "production", "web", "--disk", "data", *LOCAL)
    apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    assert f"previous: {{1: {{image: ubuntu-2204, {KEPT}}}}}" in production(made)
    apply(made, "scale", "production", "web", "3")
    third = {path for path in manifests(made) if "web-3" in path}
    assert third == {
        f"{folder}/web/web-3{suffix}.yaml"
        for folder, suffix in (("vms", ""), ("disks", "-system-2"), ("disks", "-data-2"), ("disks", "-logs"))
    }


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--disk", "date", *LOCAL), 2, "did you mean 'data'"),
        (("--disk", "system", *LOCAL), 2, "has no disk 'system' under `disks:`"),
        (("--disk", "data", "--back"), 2, "no generation to go back to"),
        (("--disk", "data"), 2, "choose the source of the new disks"),
        (("--disk", "data", "--storage-class", "nope"), 1, "nope"),
    ],
)
def test_disk_refused(committed: Callable[..., Any], arguments: tuple[str, ...], code: int, says: str) -> None:
    """What cannot be done is said, and nothing is written."""
    made = committed(FLEET)
    done = made.run("rebuild", "production", "web", *arguments)
    assert (done.code, says in done.messages) == (code, True), done.messages
    assert production(made) == FLEET


def test_canary_has_its_own_disk(committed: Callable[..., Any]) -> None:
    """The whole group is not edited over a VM that differs; the message names the option that is right."""
    made = committed(FLEET)
    apply(made, "rebuild", "production", "web", "--disk", "data", *LOCAL, "--only", "2")
    text = production(made)
    done = made.run("rebuild", "production", "web", "--disk", "data", "--storage-class", "replicated-async")
    assert (done.code, "use --only 2" in done.messages) == (1, True), done.messages
    assert production(made) == text


def test_kept_disks_are_marked(committed: Callable[..., Any]) -> None:
    """`list` and `report` name the disks that cost until they are retired, with what they cost."""
    made = committed(FLEET)
    assert "Kept" not in made.run("list").stdout
    apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    assert "\nproduction: Kept until retired: 2 disks, 40 GiB replicated, CHF 4.00 a month.\n" in made.run("list").stdout
    document = json.loads(made.run("list", "-o", "json").stdout)
    assert {row["disk"] for row in document["disks"] if row["kept"]} == {"web-1-system", "web-2-system"}
    kept = document["environments"][0]["kept"]
    assert (kept["disks"], kept["storageMiB"], kept["cost"]["amount"]) == (2, {"replicated": 40960}, 4.0)
    assert made.run("report", "--output", "page.html").code == 0
    assert "Kept until retired: 2 disks, 40 GiB replicated, CHF 4.00 a month." in (made.root / "page.html").read_text()
