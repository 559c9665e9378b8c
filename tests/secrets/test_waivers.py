"""Waivers: what they let pass and until when, and what they never touch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from vmgen.problems import Problem
from vmgen.renderer import Renderer

ENVIRONMENT = """platformVersion: "1"
policy: {no-ssh-key: off, single-disk-vm: off}
namespace: tenant-acme
defaults: {instanceType: u1.medium, image: ubuntu-2404}
vms:
  web:
    count: 2
    cloudInit:
      users: [{name: ops, passwd: "%s"}]
waivers:
  - {rule: %s, subject: "%s", reason: moves to the vault, until: 2026-12-31}
"""
HASH = "$6$" + "saltsalt$" + "abcDEF123" * 5
RULE = "password-hash-in-cloud-init"

Look = Callable[..., tuple[Problem, ...]]


@pytest.fixture(name="look")
def _look(repository: Callable[..., Any]) -> Look:
    """Render an environment on a day; the problems."""

    def look(text: str, today: date = date(2026, 11, 23), files: dict[str, str] | None = None) -> tuple[Problem, ...]:
        return Renderer(repository(text, files).project, today=today).render("production").problems

    return look


def waived(subject: str = "vms.web.cloudInit", rule: str = RULE) -> str:
    """The environment with a waiver for a rule at a subject."""
    return ENVIRONMENT % (HASH, rule, subject)


@pytest.mark.parametrize("subject", ["vms.web.cloudInit.users[0].passwd", "vms.web.cloudInit", "vms.web", "web"])
def test_lets_pass(look: Look, subject: str) -> None:
    """What the subject names, and what lies below it, becomes a warning that gives the day and the reason."""
    (problem,) = look(waived(subject))
    assert (problem.rule, problem.severity) == (RULE, "warning")
    assert problem.message.endswith("(waived until 2026-12-31: moves to the vault)")
    assert HASH not in problem.message


@pytest.mark.parametrize(
    ("today", "severities"), [(date(2026, 12, 31), ["warning"]), (date(2027, 1, 1), ["error"])], ids=["last day", "day after"]
)
def test_ends(look: Look, today: date, severities: list[str]) -> None:
    """The last day counts; after it the error is back, and says that a waiver ended."""
    problems = look(waived(), today)
    assert [problem.severity for problem in problems] == severities
    assert ("ended on 2026-12-31" in problems[0].message) == (severities == ["error"])


@pytest.mark.parametrize("subject", ["vms.we", "vms.db", "web-1", "cloudInit"])
def test_stale(look: Look, subject: str) -> None:
    """A waiver that names something else lets nothing pass."""
    problems = look(waived(subject))
    assert [problem.severity for problem in problems] == ["error"]


def test_stale_is_said(look: Look) -> None:
    """Once nothing else is wrong, a waiver of the environment's own file that is not needed is a warning at its line."""
    (problem,) = look(waived().replace(HASH, "!"))
    assert (problem.rule, problem.severity, problem.place.line) == ("stale-waiver", "warning", 11)


def test_stale_in_a_layer(look: Look) -> None:
    """In a shared layer it may be needed by another environment."""
    text, _, waivers = waived().replace(HASH, "!").partition("waivers:")
    assert look(text, files={"environments/_defaults.yaml": f"waivers:{waivers}"}) == ()


def test_a_waived_warning_is_not_said(look: Look) -> None:
    """A warning can only be quietened."""
    text = waived(rule="deprecated-cloud-config").replace("passwd:", "lock-passwd:").replace(f'"{HASH}"', "true")
    assert look(text) == ()


def test_only_what_rules_find(look: Look) -> None:
    """A file that cannot be understood stays an error."""
    text = waived("vms.web", rule="unknown-key").replace("count: 2", "cont: 2")
    assert ("unknown-key", "error") in [(problem.rule, problem.severity) for problem in look(text)]


def test_no_such_day(look: Look) -> None:
    """The day has to be one of the calendar."""
    problems = look(waived().replace("2026-12-31", "2026-02-30"))
    assert ("waiver-day", "waivers[0].until") in [(problem.rule, problem.subject) for problem in problems]


@pytest.mark.parametrize("key", ["rule", "subject", "reason", "until"])
def test_all_keys_are_needed(look: Look, key: str) -> None:
    """Nobody waives anything without saying what, where, why and for how long."""
    written = {"rule": RULE, "subject": '"vms.web.cloudInit"', "reason": "moves to the vault", "until": "2026-12-31"}
    problems = look(waived().replace(f"{key}: {written[key]}", "").replace("{, ", "{").replace(", }", "}").replace(", ,", ","))
    assert any(problem.rule == "missing-key" and f"'{key}'" in problem.message for problem in problems)


def test_the_day_changes_no_byte(repository: Callable[..., Any]) -> None:
    """What is rendered does not depend on today."""
    project = repository(waived()).project
    first, second = (Renderer(project, today=day).render("production").files for day in (date(2020, 1, 1), date(2026, 12, 31)))
    assert first == second
    assert first
