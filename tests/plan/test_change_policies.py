"""Policies on changes: how many changes of some verdicts may come at once, and on which days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from vmgen.cli import session

Committed = Callable[..., Any]
WEB = "namespace: tenant-acme\nvms:\n  web: {{count: {web}, instanceType: {type}, image: ubuntu-2404}}\n"
DB = "  db: {{count: {db}, instanceType: {type}, image: ubuntu-2404}}\n"
POLICY = "id: freeze\nchange: {{verdicts: {verdicts}, per: {per}}}\nmost: {most}\nmessage: ask ops\n"


def environment(type: str = "u1.large", namespace: str = "tenant-acme", more: str = "") -> str:
    """Two groups of two VMs."""
    return (WEB + DB).format(web=2, db=2, type=type).replace("tenant-acme", namespace) + more


def policy(most: int = 0, per: str = "environment", verdicts: str = "[needs restart]", more: str = "") -> dict[str, str]:
    """The file of a policy."""
    return {"policies/freeze.yaml": POLICY.format(most=most, per=per, verdicts=verdicts) + more}


def breaches(history: Any) -> list[str]:
    """The problems of the policy that a check finds, which render and plan find as well."""
    found = {}
    for command in (("plan",), ("render", "--check"), ("check", "--kustomize", "off")):
        done = history.vmgen(*command)
        found[command] = sorted(line for line in done.problems if line.endswith("[freeze]"))
    assert found[("plan",)] == found[("render", "--check")]
    assert found[("check", "--kustomize", "off")] == found[("plan",)]
    return found[("plan",)]


@pytest.fixture(name="changed")
def _changed(committed: Committed) -> Callable[..., Any]:
    """Two environments whose eight VMs all need a restart, under a policy."""

    def made(files: dict[str, str], more: str = "") -> Any:
        staging = environment(namespace="tenant-test")
        history = committed(environment(), environments={"staging": staging})
        history.repository.write(files)
        history.write(production=environment("u1.xlarge", more=more), staging=staging.replace("u1.large", "u1.xlarge"))
        return history

    return made


@pytest.mark.parametrize(
    ("per", "most", "count"),
    [
        ("group", 1, 4),
        ("group", 2, 0),
        ("environment", 3, 2),
        ("environment", 4, 0),
        ("run", 7, 2),
        ("run", 8, 0),
        ("run", 0, 2),
    ],
)
def test_changes_are_counted_together(changed: Callable[..., Any], per: str, most: int, count: int) -> None:
    """As many as `most` pass, and one more is a breach in each environment, or group, that takes part."""
    found = breaches(changed(policy(most, per)))
    assert len(found) == count
    assert all(f"at most {most} per {per}" in line and "ask ops" in line for line in found)


def test_breach_of_a_group_stands_at_the_group(changed: Callable[..., Any]) -> None:
    """The subject is the group, and the place the line that decides its number."""
    first, *_ = breaches(changed(policy(1, "group")))
    assert first.startswith("environments/production.yaml:3:16: error: vms.web: ask ops (2 objects, at most 1 per group: ")


def test_only_named_environments_and_verdicts_count(changed: Callable[..., Any]) -> None:
    """A freeze of production leaves staging alone, and a freeze of other verdicts both."""
    named = policy()["policies/freeze.yaml"].replace("per:", "environments: [staging], per:")
    history = changed({"policies/freeze.yaml": named})
    assert [line.partition(":")[0] for line in breaches(history)] == ["environments/staging.yaml"]
    history.repository.write(policy(verdicts="[stops, DESTROYS DATA, exposure widens]"))
    assert breaches(history) == []


@pytest.mark.parametrize(
    ("verdict", "web", "count"), [("create", 3, 1), ("delete", 1, 1), ("DESTROYS DATA", 1, 1), ("no effect", 3, 0)]
)
def test_objects_that_come_and_go_count(committed: Committed, verdict: str, web: int, count: int) -> None:
    """New objects count too, although nothing that exists changes, and so do those that go."""
    history = committed(WEB.format(web=2, type="u1.large"))
    history.repository.write(policy(verdicts=f"[{verdict}]"))
    history.write(production=WEB.format(web=web, type="u1.large"))
    assert len(breaches(history)) == count


@pytest.mark.parametrize(
    ("during", "day", "count"),
    [
        ("{from: '2026-12-18', until: '2027-01-04'}", "2026-12-17", 0),
        ("{from: '2026-12-18', until: '2027-01-04'}", "2026-12-18", 2),
        ("{from: '2026-12-18', until: '2027-01-04'}", "2027-01-04", 2),
        ("{from: '2026-12-18', until: '2027-01-04'}", "2027-01-05", 0),
        ("{from: '2026-12-18'}", "2026-12-17", 0),
        ("{from: 2026-12-18}", "2099-01-01", 2),
        ("{until: 2027-01-04}", "2000-01-01", 2),
        ("{until: '2027-01-04'}", "2027-01-05", 0),
    ],
)
def test_days_are_inclusive(
    changed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, during: str, day: str, count: int
) -> None:
    """The first and the last day count; a bound that is left out is none."""

    history = changed(policy(more=f"during: {during}\n"))
    monkeypatch.setattr(session, "get_today", lambda: date.fromisoformat(day))
    assert len(breaches(history)) == count


@pytest.mark.parametrize(
    ("severity", "setting", "words"),
    [("error", "", "error"), ("warning", "", "warning"), ("off", "", ""), ("off", "error", "error"), ("error", "off", "")],
)
def test_severity_is_that_of_the_environment(changed: Callable[..., Any], severity: str, setting: str, words: str) -> None:
    """An environment overrides the severity of the file; what is off does not count, and is no breach."""
    history = changed(policy(more=f"severity: {severity}\n"), more=f"policy: {{freeze: {setting}}}\n" if setting else "")
    found = [line for line in breaches(history) if line.startswith("environments/production.yaml")]
    assert [line.split(": ")[1] for line in found] == ([words] if words else [])


@pytest.mark.parametrize(("until", "severity"), [("2999-01-01", "warning"), ("2000-01-01", "error")])
@pytest.mark.parametrize(("per", "subject"), [("environment", "production"), ("run", "production"), ("group", "web")])
def test_waiver_lets_one_environment_pass(
    changed: Callable[..., Any], until: str, severity: str, per: str, subject: str
) -> None:
    """A waiver of the environment, with a reason and a last day, makes a warning of its breach, and is not stale."""
    waiver = f"waivers:\n  - {{rule: freeze, subject: {subject}, reason: agreed, until: '{until}'}}\n"
    history = changed(policy(per=per), more=waiver)
    found = [line for line in breaches(history) if line.startswith("environments/production.yaml")]
    severities = [line.split(": ")[1] for line in found]
    assert severities == ([severity, "error"] if per == "group" and severity == "warning" else [severity] * len(found))
    assert "stale-waiver" not in history.vmgen("render", "--check").messages


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: f\nmessage: m\nchange: {verdicts: [restart]}\n", "write 'needs restart'"),
        ("id: f\nmessage: m\nchange: {verdicts: [explodes]}\n", "is not one of"),
        ("id: f\nmessage: m\nchange: {verdicts: []}\n", "verdicts"),
        ("id: f\nmessage: m\nchange: {verdicts: [stops], per: day}\n", "is not one of group, environment, run"),
        ("id: f\nmessage: m\nchange: {verdicts: [stops]}\nmost: -1\n", "most"),
        ("id: f\nmessage: m\nchange: {verdicts: [stops]}\nkind: VMDisk\n", "is not allowed here"),
        ("id: f\nmessage: m\nkind: VMDisk\nschema: {}\nmost: 1\n", "is not allowed here"),
        ("id: f\nmessage: m\n", "is missing"),
        ("id: f\nmessage: m\nchange: {verdicts: [stops]}\nduring: {until: 2026-02-30}\n", "is not a date"),
        (
            "id: f\nmessage: m\nchange: {verdicts: [stops]}\nduring: {from: 2026-12-02, until: 2026-12-01}\n",
            "before it begins on 2026-12-02",
        ),
    ],
)
def test_policy_that_means_nothing_is_refused_at_its_line(repository: Callable[..., Any], text: str, message: str) -> None:
    """A policy that cannot count is an error of its file."""
    done = repository(environment(), {"policies/f.yaml": text}).run("render")
    assert done.code == 1
    assert any(line.startswith("policies/f.yaml:") and message in line for line in done.problems), done.messages


def test_one_day_is_a_period(repository: Callable[..., Any]) -> None:
    """A policy that begins and ends on one day counts on that day."""
    text = "id: f\nmessage: m\nchange: {verdicts: [stops]}\nduring: {from: 2026-12-01, until: 2026-12-01}\n"
    assert repository(environment(), {"policies/f.yaml": text}).run("render").code == 0


def test_environment_that_nobody_has_is_a_warning(repository: Callable[..., Any]) -> None:
    """A policy of an environment that is not there counts nothing, which is said."""
    text = "id: f\nmessage: m\nchange: {verdicts: [stops], environments: [prodution]}\n"
    done = repository(environment(), {"policies/f.yaml": text}).run("render")
    assert done.code == 0
    assert (
        "policies/f.yaml:1:5: warning: change.environments: no environment 'prodution'; did you mean 'production'?"
        in done.messages
    )
