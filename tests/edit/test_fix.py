"""`vmgen check --fix`: what has one possible fix is fixed at its place, and all else stays a problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.edit.test_commands import commit, git, production
from vmgen.edit import fix
from vmgen.plan.committed import load_committed_project

HEAD = """\
# a shop
namespace: tenant-acme
vms:
  web: {instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}
"""


def fixed(made: Any, *arguments: str) -> str:
    """The environment file after `check --fix`."""
    done = made.run("check", "--kustomize", "off", "--fix", *arguments)
    assert done.code in (0, 1), done.messages
    return production(made)


@pytest.mark.parametrize(
    ("written", "fixed_line"),
    [
        ("labels: {release: 24.10}  # LTS", 'labels: {release: "24.10"}  # LTS'),
        ("labels:\n  release:   014", 'labels:\n  release:   "014"'),
        ("labels: {build: 7}", 'labels: {build: "7"}'),
        ("labels: {at: 22:22}", 'labels: {at: "22:22"}'),
        ("annotations: {rate: 1e3, mask: 0x1F}", 'annotations: {rate: "1e3", mask: "0x1F"}'),
        ("labels: {debug: yes}", "labels: {debug: yes}"),
        ("labels: {debug: true}", "labels: {debug: true}"),
        ("labels: {a: [1]}", "labels: {a: [1]}"),
        ("labels: {a: &n 7, b: *n}", "labels: {a: &n 7, b: *n}"),
        ("budget: {vms: 1, storage: 7}", "budget: {vms: 1, storage: 7}"),
        ("waivers:\n  - {rule: unknown-image, subject: vms.web, reason: x, until: '2099-01-01'} # old", ""),
        ("retire:\n- {disk: gone, reason: x}", ""),
        ("retire:\n- disk: gone\n  reason: x\n# keep\n- {vm: none, reason: x}", "# keep"),
    ],
)
def test_closed_list(repository: Callable[..., Any], written: str, fixed_line: str) -> None:
    """Numbers that have to be text get quotes, entries of no use go; words, lists, anchors and sizes are not guessed."""
    made = repository(f"{HEAD}{written}\n")
    made.uncommitted()
    expected = f"{HEAD}{fixed_line}\n" if fixed_line else HEAD
    assert fixed(made, "--dry-run") == f"{HEAD}{written}\n"
    assert fixed(made) == expected
    assert fixed(made) == expected


def test_renamed_keys_of_cloud_init(repository: Callable[..., Any]) -> None:
    """A key that cloud-init renamed gets its new name, unless that is there already."""
    keys = "    cloudInit:\n      users: [{name: ops, lock-passwd: true}, {name: dev, lock-passwd: true, lock_passwd: true}]\n"
    made = repository(
        HEAD.replace("{instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}", "")
        + "    instanceType: u1.large\n    image: ubuntu-2404\n"
        + keys
    )
    assert "[{name: ops, lock_passwd: true}, {name: dev, lock-passwd: true, lock_passwd: true}]\n" in fixed(made)


def test_tombstone_of_an_unmerged_removal_stays(repository: Callable[..., Any]) -> None:
    """On a branch whose removal is not merged yet, the tombstone is still needed where it goes; once merged it leaves."""
    made = repository(HEAD + "disks:\n  iso: {storage: 1Gi}\n")
    made.uncommitted()
    git(made.root, "checkout", "-qb", "main")
    assert made.run("render").code == 0
    commit(made)
    git(made.root, "checkout", "-qb", "topic")
    assert made.run("retire", "production", "iso", "--reason", "old").code == 0
    assert made.run("render").code == 0
    commit(made)
    text = production(made)
    assert fixed(made) == text
    git(made.root, "branch", "-f", "main", "topic")
    assert fixed(made) == HEAD


def test_list_of_a_lower_layer_does_not_come_back(repository: Callable[..., Any]) -> None:
    """An entry stays where its removal would let the list of a layer below count."""
    text = HEAD + "retire:\n- {disk: gone, reason: x}\n"
    made = repository(text, {"environments/_defaults.yaml": "retire:\n- {disk: web-data, reason: all}\n"})
    made.uncommitted()
    assert fixed(made) == text


def test_shared_tombstone_needs_all_environments(repository: Callable[..., Any]) -> None:
    """A tombstone in a shared layer goes in a run of all environments alone."""
    layer = "retire:\n- {disk: gone, reason: x}\n"
    made = repository(HEAD, {"environments/_defaults.yaml": f"# all\nlabels: {{a: b}}\n{layer}"})
    made.uncommitted()
    fixed(made, "production")
    assert made.files("environments")["_defaults.yaml"].decode().endswith(layer)
    fixed(made)
    assert made.files("environments")["_defaults.yaml"] == b"# all\nlabels: {a: b}\n"


def test_fix_is_said(repository: Callable[..., Any]) -> None:
    """The file that was fixed is named, and --dry-run needs --fix."""
    made = repository(f"{HEAD}labels: {{a: 1}}\n")
    done = made.run("check", "--fix", "--kustomize", "off")
    assert "fixed environments/production.yaml\nNext: vmgen plan\n" in done.messages
    assert made.run("check", "--dry-run").code == 2


def test_what_cannot_be_edited_stays_alone(repository: Callable[..., Any]) -> None:
    """Of many numbers in one file all get quotes but the one that an alias refers to, wherever it is."""
    groups = [
        f"  vm{number}: {{instanceType: u1.large, image: ubuntu-2404, labels: {{b: {number}}}}}\n" for number in range(40)
    ]
    shared = "  one: {instanceType: u1.large, image: ubuntu-2404, labels: {a: &n 7, b: *n}}\n"
    made = repository(HEAD + "".join((*groups[:30], shared, *groups[30:])))
    made.uncommitted()
    quoted = [group.replace(f"b: {number}", f'b: "{number}"') for number, group in enumerate(groups)]
    assert fixed(made) == HEAD + "".join((*quoted[:30], shared, *quoted[30:]))


@pytest.mark.parametrize("count", [1, 40])
def test_fix_reads_the_commit_once(repository: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """However many tombstones are of no use, their disks are looked up in one reading of the branch."""
    made = repository(HEAD + "retire:\n" + "".join(f"- {{disk: gone-{number}, reason: x}}\n" for number in range(count)))
    made.uncommitted()
    git(made.root, "checkout", "-qb", "main")
    commit(made)
    readings = []
    monkeypatch.setattr(fix, "load_committed_project", lambda *given: readings.append(given) or load_committed_project(*given))
    assert fixed(made) == HEAD
    assert len(readings) == 1
