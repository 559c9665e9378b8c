"""Rules on a merged environment: a decorated function each, and how they are run.

A policy is a rule of taste rather than of the platform: each environment sets its severity, error, warning or off. Some are
advice: warnings where an environment sets nothing, and errors in one of the stage `production`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from types import ModuleType
from typing import Literal, NamedTuple, cast

from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem, Severity, did_you_mean
from vmgen.rules import UNKNOWN_POLICY, Rule

PolicySeverity = Literal["error", "warning", "off"]
# `advice` is a warning, and an error if the environment sets `stage: production`.
PolicyDefault = Literal["error", "warning", "off", "advice"]
PRODUCTION = "production"
# A problem of a group is not repeated for an override that inherits the same line.
_INSTANCE_PATH = re.compile(r"^(vms\.[^.]+)\.instances\.[^.]+")


class Finding(NamedTuple):
    """The place and the key that break a rule, and the message with its remedy."""

    place: Place
    subject: str
    message: str


Check = Callable[[Environment], Iterator[Finding]]


class EnvironmentRule(NamedTuple):
    """A rule on a merged environment, with the function that checks it.

    A built-in policy has a `default`, which applies where the `policy:` of an environment does not name it.
    """

    rule: Rule
    check: Check
    default: PolicyDefault | None = None

    def find_problems(self, environment: Environment) -> Iterator[Problem]:
        """Yield the findings as problems. What several VMs inherit from one place is reported once.

        Those of a policy have the severity that the environment sets, and each group has its own, since one may be waived.
        """
        severity = get_policy_severity(environment, self.rule.id, self.default) if self.default else self.rule.severity
        if severity is None:
            return
        locations: set[tuple[Place, str]] = set()
        for place, subject, message in self.check(environment):
            group, own = (_INSTANCE_PATH.sub(r"\1", subject), subject) if self.default else (message, message)
            if (place, group) not in locations:
                locations.add((place, own))
                yield self.rule.build_problem(place, subject, message)._replace(severity=severity)


def rule(id: str, severity: Severity = "error") -> Callable[[Check], EnvironmentRule]:
    """Return a decorator that makes a rule of a function. The docstring of the function is the rule's paragraph."""
    return lambda check: EnvironmentRule(Rule(id, check.__doc__ or "", severity), check)


def policy(id: str, default: PolicyDefault = "off") -> Callable[[Check], EnvironmentRule]:
    """Return a decorator that makes a policy of a function. The docstring of the function is the policy's paragraph."""
    return lambda check: EnvironmentRule(Rule(id, check.__doc__ or "", "warning"), check, default)


def collect_rules(*modules: ModuleType) -> tuple[EnvironmentRule, ...]:
    """Return the rules that modules define, in the order of the source."""
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, EnvironmentRule))


def run_rules(rules: Iterable[EnvironmentRule], environment: Environment) -> list[Problem]:
    """Return the problems that the rules find in an environment, rule by rule."""
    return [problem for rule in rules for problem in rule.find_problems(environment)]


def get_policy_severity(environment: Environment, id: str, default: PolicyDefault) -> Severity | None:
    """Return the severity of a policy in an environment; None if it is off."""
    policies = environment.settings.get("policy")
    # Null below `policy:` means the default, as for every other key.
    setting = str((policies.get_plain(id) if policies else None) or default)
    if setting == "advice":
        return "error" if environment.settings.get_plain("stage") == PRODUCTION else "warning"
    return cast(Severity, setting) if setting in ("error", "warning") else None


def is_policy_set(environment: Environment, id: str) -> bool:
    """Return True if the `policy:` of an environment names a policy."""
    policies = environment.settings.get("policy")
    return policies is not None and policies.get_plain(id) is not None


def set_advice_severities(environment: Environment, problems: Iterable[Problem], ids: Collection[str]) -> Iterator[Problem]:
    """Yield problems, those of the advice `ids` with the severity that the environment gives them, or not at all."""
    for problem in problems:
        severity = get_policy_severity(environment, problem.rule, "advice") if problem.rule in ids else problem.severity
        if severity:
            yield problem._replace(severity=severity)


def find_unknown_policies(environment: Environment, known_ids: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for each name below `policy:` that no policy has."""
    policies = environment.settings.get("policy")
    for id, setting in (policies.mapping if policies else {}).items():
        if id not in known_ids:
            hint = did_you_mean(id, known_ids) or f"; available: {', '.join(sorted(known_ids, key=str.lower))}"
            place = setting.key_place or setting.place
            yield UNKNOWN_POLICY.build_problem(place, f"policy.{id}", f"no policy '{id}'{hint}")
