"""Rules on a merged environment: a decorated function each, and how they are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple

from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem, Severity
from vmgen.rules import Rule


class Finding(NamedTuple):
    """The place and the key that break a rule, and the message with its remedy."""

    place: Place
    subject: str
    message: str


Check = Callable[[Environment], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRule(Rule):
    """A rule on a merged environment, with the function that checks it."""

    check: Check

    def find_problems(self, environment: Environment) -> Iterator[Problem]:
        """Yield the findings as problems. What several VMs inherit from one place is reported once."""
        locations: set[tuple[Place, str]] = set()
        for finding in self.check(environment):
            if (finding.place, finding.message) not in locations:
                locations.add((finding.place, finding.message))
                yield self.build_problem(*finding)


def rule(id: str, severity: Severity = "error") -> Callable[[Check], EnvironmentRule]:
    """Return a decorator that makes a rule of a function. The docstring of the function is the rule's paragraph."""
    return lambda check: EnvironmentRule(id, check.__doc__ or "", severity, check=check)


def collect_rules(*modules: ModuleType) -> tuple[EnvironmentRule, ...]:
    """Return the rules that modules define, in the order of the source."""
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, EnvironmentRule))


def run_rules(rules: Iterable[EnvironmentRule], environment: Environment) -> list[Problem]:
    """Return the problems that the rules find in an environment, rule by rule."""
    return [problem for rule in rules for problem in rule.find_problems(environment)]
