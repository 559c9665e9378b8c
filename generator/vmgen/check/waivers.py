"""Waivers: lines of an environment that exempt a subject from a rule, for a reason and until a date.

A waived error becomes a warning, a waived warning disappears. Problems of reading and of the gate cannot be waived. A date
that passes changes messages, and never a rendered byte.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import Located
from vmgen.rules import STALE_WAIVER, WAIVER_DAY


class Waiver(NamedTuple):
    """An exemption from a rule for some subjects and the keys below them. `until` is its last day."""

    rule: str
    subjects: tuple[str, ...]
    reason: str
    until: date
    place: Place

    def covers(self, problem: Problem) -> bool:
        """Return whether the problem is exempt."""
        return self.rule == problem.rule and any(
            problem.subject == subject or problem.subject.startswith((f"{subject}.", f"{subject}["))
            for subject in self.subjects
        )


class WaiverFilter:
    """The waivers of an environment on a given day. `problems` are the mistakes in the waivers themselves."""

    def __init__(self, environment: Environment, today: date) -> None:
        self._environment = environment
        self._today = today
        self._used_places: set[Place] = set()
        self._waivers: list[Waiver] = []
        self.problems: list[Problem] = []
        for index, item in environment.settings.enumerate_items("waivers"):
            self._add_waiver(item, f"waivers[{index}]")

    def apply(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return the problems with the waivers applied, and remember which waivers were used."""
        if not self._waivers:
            return list(problems)
        remaining: list[Problem] = []
        for problem in problems:
            open_problems, matches = waive(problem, self._waivers, self._today)
            remaining += open_problems
            self._used_places.update(waiver.place for waiver in matches)
        return remaining

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """The waivers, for problems that are found later."""
        return tuple(self._waivers)

    def find_stale(self, later_rules: Collection[str] = ()) -> Iterator[Problem]:
        """Yield the unused waivers of the environment's own file. Call it after all problems went through `apply`.

        `later_rules` are those whose problems do not go through it.
        """
        for waiver in self._waivers:
            if waiver.rule in later_rules:
                continue
            # A waiver of a layer may be for another environment.
            if waiver.place not in self._used_places and waiver.place.file == self._environment.file:
                message = (
                    f"the rule {waiver.rule} finds nothing at {waiver.subjects[0]}; remove the waiver, or correct its names"
                )
                yield STALE_WAIVER.build_problem(waiver.place, "waivers", message)

    def _add_waiver(self, item: Located, subject: str) -> None:
        date_text = item.get_plain("until", "")
        try:
            until = date.fromisoformat(date_text)
        except ValueError:
            message = f"'{date_text}' is not a date; write YYYY-MM-DD"
            # The schema knows the form of a day only, so 2026-02-30 gets this far.
            self.problems.append(WAIVER_DAY.build_problem(item.mapping["until"].place, f"{subject}.until", message))
            return
        subjects = tuple(_expand_subject(item.get_plain("subject"), self._environment))
        self._waivers.append(Waiver(item.get_plain("rule"), subjects, item.get_plain("reason"), until, item.place))


def waive(problem: Problem, waivers: Iterable[Waiver], today: date) -> tuple[list[Problem], list[Waiver]]:
    """Return the rest of a problem, and the waivers that cover it."""
    covering = [waiver for waiver in waivers if waiver.covers(problem)]
    # Several waivers may cover one problem, so that the last to end decides.
    longest = max(covering, key=lambda waiver: waiver.until, default=None)
    if longest is None:
        return [problem], []
    if longest.until < today:
        message = f"{problem.message} (the waiver at {longest.place} ended on {longest.until})"
        return [problem._replace(message=message)], covering
    if problem.severity == "error":
        message = f"{problem.message} (waived until {longest.until}: {longest.reason})"
        return [problem._replace(message=message, severity="warning")], covering
    return [], covering


def _expand_subject(subject: str, environment: Environment) -> Iterator[str]:
    """Yield the key paths that a subject may mean: the subject itself, and the group, disk or VM of that name."""
    yield subject
    yield f"vms.{subject}"
    yield f"disks.{subject}"
    for group in environment.groups:
        yield from (path for instance, path in group.iter_overrides() if instance.name == subject)
