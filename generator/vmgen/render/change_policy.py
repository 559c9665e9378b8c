"""A policy on changes, as a file below `policies/` describes it: the verdicts that it counts, and how many may come when."""

from collections.abc import Iterator
from datetime import date
from typing import Literal, NamedTuple

from vmgen.check.rule import PolicySeverity
from vmgen.problems import Place, Problem
from vmgen.read.located import Located
from vmgen.rules import INVALID_POLICY

Per = Literal["group", "environment", "run"]


class ChangePolicy(NamedTuple):
    """At most `most` objects with one of the verdicts, counted `per` group, environment or run.

    No `environments` means all of them. `start` and `end` are the first and the last day on which it counts, None for no end.
    """

    id: str
    severity: PolicySeverity
    message: str
    place: Place
    verdicts: frozenset[str]
    environments: frozenset[str]
    per: Per
    most: int
    start: date | None
    end: date | None

    def counts_on(self, day: date) -> bool:
        """Return true on each day of the period, the first and the last included."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    def describe_period(self) -> str:
        """Return the period for a message, with a blank before it; empty if it has none."""
        days = ((" from", self.start), (" until", self.end))
        return "".join(f"{word} {day}" for word, day in days if day)


def parse_change_policy(content: Located) -> ChangePolicy | list[Problem]:
    """Return the policy of a file with the right shape, or the problems of its days."""
    during = content.get("during")
    problems = list(_find_wrong_days(during)) if during else []
    if problems:
        return problems
    change = content.mapping["change"]
    return ChangePolicy(
        content.get_plain("id"),
        content.get_plain("severity", "error"),
        content.get_plain("message"),
        content.mapping["id"].place,
        frozenset(change.get_plain("verdicts")),
        frozenset(change.get_plain("environments", [])),
        change.get_plain("per", "environment"),
        content.get_plain("most", 0),
        _parse_day(during, "from"),
        _parse_day(during, "until"),
    )


def _find_wrong_days(during: Located) -> Iterator[Problem]:
    for key, value in during.mapping.items():
        if _parse_day(during, key) is None:
            message = f"'{value.data}' is not a date; write YYYY-MM-DD, for example 2026-12-31"
            yield INVALID_POLICY.build_problem(value.place, f"during.{key}", message)
    start, end = _parse_day(during, "from"), _parse_day(during, "until")
    if start and end and start > end:
        message = f"ends on {end}, before it begins on {start}; it would count on no day"
        yield INVALID_POLICY.build_problem(during.mapping["until"].place, "during", message)


def _parse_day(during: Located | None, key: str) -> date | None:
    try:
        return date.fromisoformat(during.get_plain(key, "") if during else "")
    # The schema has checked the form, so this is a day such as 2026-02-30, which `_find_wrong_days` reports.
    except ValueError:
        return None
