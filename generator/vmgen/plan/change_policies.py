"""Apply the repository's policies on changes: how many changes of some verdicts may come at once, and when.

The policies themselves are files below `policies/`, read by `render.policies`. They count what a run plans.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import cast

from vmgen.check.rule import PolicySeverity
from vmgen.check.waivers import Waiver, waive
from vmgen.plan.desired import DesiredState
from vmgen.plan.plan import ObjectChange
from vmgen.problems import Place, Problem, Severity
from vmgen.quantities import format_count, format_names
from vmgen.render.change_policy import ChangePolicy

_MAX_NAMES = 3
# What the changes share that are counted together.
_Scope = tuple[str, ...]


def find_breaches(
    policies: Iterable[ChangePolicy], changes: Iterable[ObjectChange], desired_states: Iterable[DesiredState], today: date
) -> Iterator[Problem]:
    """Yield a problem for each environment, or each of its groups, that takes part in more changes than a policy allows.

    Waivers and severities are those of the environment. One that is removed has none, and the policy's own severity counts.
    """
    states = {state.environment: state for state in desired_states}
    changes = tuple(changes)
    for policy in policies:
        if not policy.counts_on(today):
            continue
        for counted_changes in _count(policy, changes, states).values():
            if len(counted_changes) > policy.most:
                for problem, waivers in _build_problems(policy, counted_changes, states):
                    yield from waive(problem, waivers, today)[0]


def _count(
    policy: ChangePolicy, changes: Iterable[ObjectChange], states: Mapping[str, DesiredState]
) -> Mapping[_Scope, list[ObjectChange]]:
    changes_by_scope: dict[_Scope, list[ObjectChange]] = defaultdict(list)
    for change in changes:
        # The verdict of an object is that of its worst field, which would hide the others.
        verdicts = {change.verdict, *(field.verdict for field in change.fields)}
        is_named = not policy.environments or change.environment in policy.environments
        if is_named and verdicts & policy.verdicts and _get_severity(policy, states.get(change.environment)):
            scopes = {"run": (), "environment": (change.environment,), "group": (change.environment, change.group)}
            changes_by_scope[scopes[policy.per]].append(change)
    return changes_by_scope


def _get_severity(policy: ChangePolicy, state: DesiredState | None) -> Severity | None:
    severity = cast(PolicySeverity, state.policy_severities.get(policy.id, policy.severity) if state else policy.severity)
    return None if severity == "off" else severity


def _build_problems(
    policy: ChangePolicy, counted_changes: list[ObjectChange], states: Mapping[str, DesiredState]
) -> Iterator[tuple[Problem, tuple[Waiver, ...]]]:
    names = [str(change.identity) for change in counted_changes]
    limit = f"at most {policy.most} per {policy.per}{policy.describe_period()}"
    message = f"{policy.message} ({format_count(len(names), 'object')}, {limit}: {format_names(names, _MAX_NAMES)})"
    for environment in sorted({change.environment for change in counted_changes}):
        state = states.get(environment)
        place, subject = Place(state.file, 1, 1) if state else Place(f"environments/{environment}.yaml"), environment
        group = counted_changes[0].group
        if policy.per == "group":
            subject = f"vms.{group}" if group else "disks"
            place = state.group_places.get(group, place) if state else place
        severity = _get_severity(policy, state) or "error"
        yield Problem(place, policy.id, subject, message, severity), state.waivers if state else ()
