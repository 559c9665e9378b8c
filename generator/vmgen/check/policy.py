"""A policy: a rule of taste rather than of the platform. Each environment says what becomes of it: error, warning or off."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Literal, cast

from vmgen.check.rule import Check, Rule, RuleDescriptor
from vmgen.merge.environment import Environment
from vmgen.problems import Problem, Severity, did_you_mean

PolicySeverity = Literal["error", "warning", "off"]
# What an override inherits from its group has been said of the group.
_INSTANCE_PATH = re.compile(r"^(vms\.[^.]+)\.instances\.[^.]+")


UNKNOWN_POLICY = RuleDescriptor(
    "unknown-policy",
    "error",
    """A name below `policy:` that is no policy: neither a built-in one, nor the id of a file under policies/. Nothing would be
enforced, and nobody would notice.

Correct the name; the message suggests the nearest, or lists all.""",
)
INVALID_POLICY = RuleDescriptor(
    "invalid-policy",
    "error",
    """A file under policies/ whose `schema:` is no JSON Schema, or has a `$ref` that leads out of the file.

Correct it at the place that the message names; definitions stand under `$defs` in the same schema.""",
)
DUPLICATE_POLICY = RuleDescriptor(
    "duplicate-policy",
    "error",
    """A policy with the id of another one, or of a rule of vmgen's.

Take another id: it names the policy in messages, in `policy:` and in waivers.""",
)
RULES = (UNKNOWN_POLICY, INVALID_POLICY, DUPLICATE_POLICY)


class Policy(Rule):
    """A built-in policy. It is off until the `policy:` of an environment names it."""

    __slots__ = ()

    def find_problems(self, environment: Environment) -> Iterator[Problem]:
        """What it finds, as severe as the environment has it.

        Each group has its own problem, also where several inherit the same line: one of them may be waived.
        """
        severity = get_policy_severity(environment, self.id)
        said: set[tuple[str, str]] = set()
        for found in self.check(environment) if severity else ():
            of_group = _INSTANCE_PATH.sub(r"\1", found.subject)
            if severity and (str(found.place), of_group) not in said:
                said.add((str(found.place), found.subject))
                yield Problem(found.place, self.id, found.subject, found.message, severity)


def policy(id: str) -> Callable[[Check], Policy]:
    """Make a policy of a function: its docstring is the policy's paragraph."""

    def made(look: Check) -> Policy:
        return Policy(id, "warning", look)

    return made


def get_policy_severity(environment: Environment, id: str, default: PolicySeverity = "off") -> Severity | None:
    """How severe a policy is in an environment; None where it is off."""
    written = environment.settings.get("policy")
    setting = str(written.get_plain(id, default)) if written else default
    return cast(Severity, setting) if setting in ("error", "warning") else None


def find_unknown_policies(environment: Environment, known: Collection[str]) -> Iterator[Problem]:
    """Names below `policy:` that are no policy: nothing would be enforced, and nobody would notice."""
    written = environment.settings.get("policy")
    for id, setting in (written.mapping if written else {}).items():
        if id not in known:
            hint = did_you_mean(id, known) or f"; there are: {', '.join(sorted(known, key=str.lower))}"
            place = setting.key_place or setting.place
            yield UNKNOWN_POLICY.build_problem(place, f"policy.{id}", f"no policy '{id}'{hint}")
