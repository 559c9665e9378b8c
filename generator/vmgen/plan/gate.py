"""The gate: what destroys data, or what the platform rejects, passes only where a tombstone names it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from vmgen.plan.desired import KIND_BY_KEY, DesiredState, Tombstone
from vmgen.plan.plan import ObjectChange, Plan
from vmgen.plan.verdicts import DESTROYS_DATA
from vmgen.problems import Place, Problem

_KEY_BY_KIND = {kind: key for key, kind in KIND_BY_KEY.items()}
_REASON_PLACEHOLDER = "say why"


def refuse_unpermitted(plan: Plan, wanted: Iterable[DesiredState], today: date, *, behind: bool = False) -> Iterator[Problem]:
    """What may not pass, with the lines that let it, and the tombstones that are of no use.

    `behind` says that the baseline has commits which HEAD lacks.
    """
    environments = {each.environment: each for each in wanted}
    refused = [change for change in plan.changes if change.is_refused and not _is_permitted(change, today)]
    for environment, changes in _group_by_environment(change for change in refused if change.tombstone is None).items():
        for destroys in (True, False):
            chosen = [change for change in changes if (change.verdict == DESTROYS_DATA) is destroys]
            if chosen:
                yield _build_refusal(plan, environment, environments.get(environment), chosen, behind=behind)
    yield from _find_expired_tombstones(refused)
    yield from _find_unused_tombstones(plan, environments, today)


def _is_permitted(change: ObjectChange, today: date) -> bool:
    return change.tombstone is not None and not change.tombstone.is_expired(today)


def _group_by_environment(changes: Iterable[ObjectChange]) -> Mapping[str, list[ObjectChange]]:
    found: dict[str, list[ObjectChange]] = {}
    for change in changes:
        found.setdefault(change.moved_from or change.environment, []).append(change)
    return found


def _build_refusal(
    plan: Plan, environment: str, wanted: DesiredState | None, changes: list[ObjectChange], *, behind: bool
) -> Problem:
    file = wanted.file if wanted else f"environments/{environment}.yaml"
    destroys = changes[0].verdict == DESTROYS_DATA
    where = f"committed at {plan.against}" if plan.against else "in manifests/"
    names = ", ".join(str(change.identity) for change in changes)
    if destroys:
        what = f"the data of {len(changes)} disks {where} would be destroyed: {names}."
        way_back = "Restore them" if wanted else f"Restore {file}"
    else:
        what = f"the platform rejects a change: {names}. {_join_explanations(changes)}"
        way_back = "Take it back"
    parts = [what, *dict.fromkeys(f"It looks like a rename: {change.remedy}." for change in changes if change.remedy)]
    if behind:
        parts.append(f"HEAD lacks commits of {plan.against}, and what they added counts as removed here: merge it first.")
    parts.append(f"{way_back}, or let it pass by {_describe_permission(wanted, file)}, with the reason for the reviewer:")
    rule, lines = "destroys-data" if destroys else "rejected-change", tuple(_render_tombstones(wanted, changes))
    return Problem(_find_place(wanted, file, changes), rule, "", " ".join(parts), lines=lines)


def _join_explanations(changes: list[ObjectChange]) -> str:
    says = [field.says for change in changes for field in change.fields if field.verdict == change.verdict]
    return " ".join(dict.fromkeys((*(change.says for change in changes if change.says), *says)))


def _describe_permission(wanted: DesiredState | None, file: str) -> str:
    if wanted is None:
        return f"putting {file} back with these lines alone, and rendering with --allow-empty"
    if wanted.tombstones:
        return f"adding these lines to `retire:` in {wanted.tombstones[-1].place.file}"
    return f"adding these lines to {file}"


def _render_tombstones(wanted: DesiredState | None, changes: list[ObjectChange]) -> Iterator[str]:
    """The exact lines to paste."""
    indent = "  "
    if wanted is None:
        yield f"namespace: {changes[0].identity.namespace}"
    if wanted is None or not wanted.tombstones:
        yield "retire:"
    else:
        # A list's item begins two columns behind its dash.
        indent = " " * max(wanted.tombstones[-1].place.column - 3, 0)
    for change in changes:
        yield f'{indent}- {{{_KEY_BY_KIND[change.identity.kind]}: {change.identity.name}, reason: "{_REASON_PLACEHOLDER}"}}'


def _find_place(wanted: DesiredState | None, file: str, changes: list[ObjectChange]) -> Place:
    """Where the group of the first object is written, which is where most such changes come from; else the file."""
    if wanted is None:
        return Place(file)
    for change in changes:
        for folder in change.path.split("/")[2:-1]:
            if folder in wanted.group_places:
                return wanted.group_places[folder]
    return Place(file, 1, 1)


def _find_expired_tombstones(refused: Iterable[ObjectChange]) -> Iterator[Problem]:
    for change in refused:
        if change.tombstone and change.tombstone.until:
            message = (
                f"ended on {change.tombstone.until}, and {change.identity} is not gone yet: {change.verdict}; "
                "write a later `until:`, or restore it"
            )
            yield Problem(change.tombstone.place, "expired-tombstone", "retire", message)


def _find_unused_tombstones(plan: Plan, environments: Mapping[str, DesiredState], today: date) -> Iterator[Problem]:
    """Tombstones that name what is still there, or what is long gone. One in a shared layer need only serve once."""
    used = {
        change.tombstone.place
        for change in plan.changes
        if change.tombstone and (change.action == "delete" or change.is_refused)
    }
    for each in environments.values():
        there = {(identity.kind, identity.name) for identity in each.objects.values()} if each.tombstones else set()
        for tombstone in each.tombstones:
            if tombstone.place not in used:
                yield _describe_unused_tombstone(tombstone, (tombstone.kind, tombstone.name) in there, plan.against, today)


def _describe_unused_tombstone(tombstone: Tombstone, there: bool, against: str, today: date) -> Problem:
    if there:
        message = (
            f"{tombstone.kind} {tombstone.name} is still rendered, so nothing is retired; "
            "take it out of the environment, or remove this entry"
        )
        return Problem(tombstone.place, "tombstone-in-use", "retire", message)
    where = f"is committed at {against}" if against else "is in manifests/"
    ended = f", and it ended on {tombstone.until}" if tombstone.is_expired(today) else ""
    message = f"no {tombstone.kind} {tombstone.name} {where} any more{ended}; remove the entry once the removal is merged"
    return Problem(tombstone.place, "stale-tombstone", "retire", message, "warning")
