"""The lines that vmgen prints to paste, pasted: the next run has no error."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.edit.test_commands import commit, production

FLEET = """\
namespace: tenant-acme
platformVersion: "1"
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2204
    disks:
      data: 50Gi
disks:
  iso: {storage: 1Gi}
"""
STONE = 'retire:\n    - {disk: none, reason: "old"}\n'


def merge(below: Any, above: Any) -> Any:
    """What a person makes of a file and of lines: keys go below theirs, and items after those that are there."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merge(below.get(key), value) for key, value in above.items()}}
    return [*below, *above] if isinstance(below, list) and isinstance(above, list) else above


def lines_to_paste(messages: str) -> str:
    """The lines below the first error that are neither a problem nor a difference."""
    rows = iter(messages.splitlines())
    for row in rows:
        if (": error: " in row and row.endswith("[destroys-data]")) or (
            ": error: " in row and row.endswith("[rejected-change]")
        ):
            break
    pasted = []
    for row in rows:
        if ": error: " in row or ": warning: " in row or row.startswith("Nothing"):
            break
        pasted.append(row)
    return "\n".join(pasted) + "\n"


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (FLEET, FLEET.replace("count: 2", "count: 1"), "destroys-data"),
        (FLEET, FLEET.replace("disks:\n  iso: {storage: 1Gi}\n", ""), "destroys-data"),
        (FLEET, FLEET.replace("    disks:\n      data: 50Gi\n", ""), "destroys-data"),
        (FLEET + STONE, FLEET.replace("count: 2", "count: 1") + STONE, "destroys-data"),
        (FLEET, FLEET.replace("ubuntu-2204", "ubuntu-2404"), "rejected-change"),
        (FLEET, FLEET.replace("image: ubuntu-2204", "image: ubuntu-2404\n    storage: 30Gi"), "rejected-change"),
        (FLEET, FLEET.replace("data: 50Gi", "data: {storage: 50Gi, storageClass: local}"), "rejected-change"),
        (FLEET, FLEET.replace("count: 2", "count: 2\n    instances: {2: {image: debian-12}}"), "rejected-change"),
    ],
)
def test_pasted_lines_lead_on(repository: Callable[..., Any], before: str, after: str, rule: str) -> None:
    """The lines of the gate, merged into the file that it names, are all that a render asks for."""
    made = repository(before)
    made.uncommitted()
    assert made.run("render").code == 0
    commit(made)
    made.write({"environments/production.yaml": after})
    refused = made.run("render")
    assert refused.code == 1
    assert f"[{rule}]" in refused.messages
    lines = lines_to_paste(refused.messages)
    addition = yaml.safe_load(textwrap.dedent(lines))
    if lines.startswith("    - "):
        addition = {"retire": addition}
    elif lines.startswith("    "):  # at the indentation of the group's own keys
        addition = {"vms": {"web": addition}}
    pasted = merge(yaml.safe_load(after), addition)
    made.write({"environments/production.yaml": yaml.safe_dump(pasted, sort_keys=False)})
    done = made.run("render")
    assert done.code == 0, f"{lines}\n{done.messages}"


@pytest.mark.parametrize("group", ["web"])
def test_lines_of_a_refused_scale_lead_on(repository: Callable[..., Any], group: str) -> None:
    """What `vmgen scale` prints instead of writing leads to the same state."""
    made = repository(FLEET)
    made.uncommitted()
    assert made.run("render").code == 0
    commit(made)
    refused = made.run("scale", "production", group, "1")
    pasted = merge(yaml.safe_load(production(made)), yaml.safe_load(lines_to_paste(refused.messages)))
    made.write({"environments/production.yaml": yaml.safe_dump(pasted, sort_keys=False)})
    assert made.run("render").code == 0
