"""A policy: a rule of taste rather than of the platform. Each environment says what becomes of it: error, warning or off."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Literal, cast

from vmgen.check.rule import Look, Rule, RuleText
from vmgen.merge.environment import Environment
from vmgen.problems import Problem, Severity
from vmgen.suggestions import did_you_mean

Setting = Literal["error", "warning", "off"]
# What an override inherits from its group has been said of the group.
_INSTANCE = re.compile(r"^(vms\.[^.]+)\.instances\.[^.]+")


UNKNOWN = RuleText(
    "unknown-policy",
    "error",
    """A name below `policy:` that is no policy: neither a built-in one, nor the id of a file under policies/. Nothing would be
enforced, and nobody would notice.

Correct the name; the message suggests the nearest, or lists all.""",
)
INVALID = RuleText(
    "invalid-policy",
    "error",
    """A file under policies/ whose `schema:` is no JSON Schema, or has a `$ref` that leads out of the file.

Correct it at the place that the message names; definitions stand under `$defs` in the same schema.""",
)
DUPLICATE = RuleText(
    "duplicate-policy",
    "error",
    """A policy with the id of another one, or of a rule of vmgen's.

Take another id: it names the policy in messages, in `policy:` and in waivers.""",
)
RULES = (UNKNOWN, INVALID, DUPLICATE)


class Policy(Rule):
    """A built-in policy. It is off until the `policy:` of an environment names it."""

    __slots__ = ()

    def problems(self, environment: Environment) -> Iterator[Problem]:
        """What it finds, as severe as the environment has it.

        Each group has its own problem, also where several inherit the same line: one of them may be waived.
        """
        severity = severity_of(environment, self.id)
        said: set[tuple[str, str]] = set()
        for found in self.look(environment) if severity else ():
            of_group = _INSTANCE.sub(r"\1", found.subject)
            if severity and (str(found.place), of_group) not in said:
                said.add((str(found.place), found.subject))
                yield Problem(found.place, self.id, found.subject, found.message, severity)


def policy(id: str) -> Callable[[Look], Policy]:
    """Make a policy of a function: its docstring is the policy's paragraph."""

    def made(look: Look) -> Policy:
        return Policy(id, "warning", look)

    return made


def severity_of(environment: Environment, id: str, default: Setting = "off") -> Severity | None:
    """How severe a policy is in an environment; None where it is off."""
    written = environment.settings.get("policy")
    setting = str(written.value(id, default)) if written else default
    return cast(Severity, setting) if setting in ("error", "warning") else None


def unknown_policies(environment: Environment, known: Collection[str]) -> Iterator[Problem]:
    """Names below `policy:` that are no policy: nothing would be enforced, and nobody would notice."""
    written = environment.settings.get("policy")
    for id, setting in (written.mapping if written else {}).items():
        if id not in known:
            hint = did_you_mean(id, known) or f"; there are: {', '.join(sorted(known, key=str.lower))}"
            place = setting.key or setting.place
            yield UNKNOWN.problem(place, f"policy.{id}", f"no policy '{id}'{hint}")
