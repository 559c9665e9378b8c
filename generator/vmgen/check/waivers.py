"""Waivers: lines of an environment that let a rule pass at one place, for a reason and until a day.

A waived error becomes a warning that says so; a waived warning is not said. Only what rules find can be waived, never what
could not be read, and never what the gate refuses. The day changes what is said, and no byte of what is rendered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from vmgen.check.rule import RuleDescriptor
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import Located

STALE_WAIVER = RuleDescriptor(
    "stale-waiver",
    "warning",
    """A waiver that lets nothing pass: the rule finds nothing there, or the names do not match.

Remove it, so that it does not hide the next mistake. Waivers in shared layers are not reported: another environment may
need them.""",
)
INVALID_WAIVER_DATE = RuleDescriptor(
    "waiver-day",
    "error",
    """A waiver whose `until:` is no day of the calendar.

Write the last day on which it counts, such as 2026-12-31.""",
)
RULES = (STALE_WAIVER, INVALID_WAIVER_DATE)


class Waiver(NamedTuple):
    """Leave for a rule to be broken at a subject and below it. `until` is the last day on which it counts."""

    rule: str
    subjects: tuple[str, ...]
    reason: str
    until: date
    place: Place

    def covers(self, problem: Problem) -> bool:
        """Whether a problem is one that this is about."""
        return self.rule == problem.rule and any(_is_below(problem.subject, subject) for subject in self.subjects)


class WaiverFilter:
    """The waivers of an environment on a day."""

    def __init__(self, environment: Environment, today: date) -> None:
        self._environment = environment
        self._today = today
        self._used_places: set[Place] = set()
        self._waivers: list[Waiver] = []
        self.problems: list[Problem] = []
        for index, item in enumerate(environment.settings.get_items("waivers")):
            self._add_waiver(item, f"waivers[{index}]")

    def apply(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems as they are to be said."""
        if not self._waivers:
            return list(problems)
        return [shown for problem in problems for shown in self._apply_to(problem)]

    def find_stale(self) -> Iterator[Problem]:
        """The waivers of this environment's own file that let nothing pass, once everything has been looked at."""
        for waiver in self._waivers:
            if waiver.place not in self._used_places and waiver.place.file == self._environment.file:
                message = (
                    f"the rule {waiver.rule} finds nothing at {waiver.subjects[0]}; remove the waiver, or correct its names"
                )
                yield STALE_WAIVER.build_problem(waiver.place, "waivers", message)

    def _add_waiver(self, item: Located, subject: str) -> None:
        written = item.get_plain("until", "")
        try:
            until = date.fromisoformat(written)
        except ValueError:
            place = item.data["until"].place
            self.problems.append(
                INVALID_WAIVER_DATE.build_problem(place, f"{subject}.until", f"there is no day {written}; write a real one")
            )
            return
        subjects = tuple(_expand_subject(item.get_plain("subject"), self._environment))
        self._waivers.append(Waiver(item.get_plain("rule"), subjects, item.get_plain("reason"), until, item.place))

    def _apply_to(self, problem: Problem) -> Iterator[Problem]:
        found = [waiver for waiver in self._waivers if waiver.covers(problem)]
        self._used_places.update(waiver.place for waiver in found)
        last = max(found, key=lambda waiver: waiver.until, default=None)
        if last is None:
            yield problem
        elif last.until < self._today:
            yield problem._replace(message=f"{problem.message} (the waiver at {last.place} ended on {last.until})")
        elif problem.severity == "error":
            message = f"{problem.message} (waived until {last.until}: {last.reason})"
            yield problem._replace(message=message, severity="warning")


def _expand_subject(written: str, environment: Environment) -> Iterator[str]:
    """The paths that a subject stands for: itself, or the group, the VM or the disk of that name."""
    yield written
    yield f"vms.{written}"
    yield f"disks.{written}"
    for group in environment.groups:
        for instance, path in group.iter_overrides():
            if instance.name == written:
                yield path


def _is_below(path: str, subject: str) -> bool:
    return path == subject or path.startswith((f"{subject}.", f"{subject}["))
