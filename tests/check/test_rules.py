"""Each rule trips where it should, at the place it should, and nowhere near. The cases stand in rules.yaml."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmgen.check.rule import run_rules
from vmgen.check.rules import RULES
from vmgen.check.waivers import WaiverFilter
from vmgen.merge.environment import Environment
from vmgen.problems import Problem

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "rules.yaml").read_text(encoding="utf-8"))
EACH = pytest.mark.parametrize("case", CASES, ids=[f"{case['rule']}-{number}" for number, case in enumerate(CASES)])
Find = Callable[..., tuple[Problem, ...]]
Read = Callable[..., tuple[Environment, tuple[Problem, ...]]]


@EACH
def test_trips(case: dict[str, Any], find: Find) -> None:
    """The environment trips the rule once, at its place and with its remedy, and trips no other rule."""
    problems = find(case["trips"], case.get("files"))
    assert [problem.rule for problem in problems] == [case["rule"]], problems
    assert str(problems[0].place) == f"environments/{case['place']}"
    assert case["says"] in problems[0].message


@EACH
def test_passes(case: dict[str, Any], find: Find) -> None:
    """The close sibling does not trip it."""
    problems = find(case["passes"], {**case.get("files", {}), **case.get("passesWith", {})})
    assert case["rule"] not in {problem.rule for problem in problems}


def test_every_rule_has_a_case() -> None:
    """No rule without an environment that trips it."""
    assert {case["rule"] for case in CASES} == {each.rule.id for each in RULES}


def test_rules_are_documented() -> None:
    """Ids are unique, and each rule has two paragraphs for docs/rules.md: what it refuses and why, and what to do."""
    assert len({each.rule.id for each in RULES}) == len(RULES)
    assert [each.rule.id for each in RULES if len(each.rule.text.split("\n\n")) != 2] == []


def test_said_once(find: Find) -> None:
    """A mistake in `defaults:` that every group and every override inherits is one problem."""
    problems = find("""
namespace: tenant-acme
defaults: {instanceType: u1.larg, image: ubuntu-2404, storageClass: locl}
vms:
  web: {count: 3, disks: {data: 1Gi}, instances: {2: {storage: 30Gi}}}
  db: {}
""")
    assert [(problem.rule, problem.place.line) for problem in problems] == [
        ("unknown-instance-type", 3),
        ("unknown-storage-class", 3),
    ]


def test_group_that_no_vm_is_like(find: Find) -> None:
    """A group whose VMs all say what the group leaves open lacks nothing."""
    instances = "{a: {instanceType: u1.large}, b: {instanceType: u1.xlarge}}"
    assert not find(f"""
namespace: tenant-acme
vms:
  web: {{names: [a, b], image: ubuntu-2404, instances: {instances}}}
""")


def test_override_has_its_own_path(find: Find) -> None:
    """What is wrong in an override is named by the key under which it was written."""
    problems = find("""
namespace: tenant-acme
vms:
  web: {count: 2, instanceType: u1.large, image: ubuntu-2404, instances: {web-2: {storage: 1Gi}, 1: {image: ubunt-2404}}}
""")
    assert [problem.subject for problem in problems] == ["vms.web.instances.web-2.storage", "vms.web.instances.1.image"]


# A list whose first items are invalid, and the key path of the item that a rule finds behind them.
LATER_ITEMS = {
    "ssh key": ("sshKeys: [{url: x}, ssh-rsa AAAAB3NzaC1yc2E]", "vms.web.sshKeys[1]"),
    "port": ("externalPorts: [0, 80, -1, 80]", "vms.web.externalPorts[3]"),
    "attached disk": ("attach: [[], {}, nothing]", "vms.web.attach[2]"),
    "key of an attached disk": ("attach: [7, {name: web-1-data, bus: sata}]", "vms.web.attach[1].bus"),
}


@pytest.mark.parametrize(("line", "subject"), LATER_ITEMS.values(), ids=LATER_ITEMS)
def test_items_are_counted_as_in_the_file(line: str, subject: str, read: Read) -> None:
    """The key path of an item has its index in the file, also behind an item that is invalid."""
    group = f"count: 1, instanceType: u1.large, image: ubuntu-2404, disks: {{data: 1Gi}}, {line}"
    environment, _ = read(f"namespace: tenant-acme\nplatform: hikube\nplatformVersion: '1'\nvms: {{web: {{{group}}}}}\n")
    assert subject in [problem.subject for problem in run_rules(RULES, environment)]


def test_a_waiver_behind_an_invalid_one_has_its_index(read: Read) -> None:
    """A waiver with a day that no calendar has is named by its index in the file."""
    waiver = "{rule: no-such-rule, subject: vms.web, reason: x, until: 2026-02-30}"
    environment, _ = read(f"namespace: tenant-acme\nvms: {{}}\nwaivers: [oops, {waiver}]\n")
    assert [problem.subject for problem in WaiverFilter(environment, date(2026, 1, 1)).problems] == ["waivers[1].until"]
