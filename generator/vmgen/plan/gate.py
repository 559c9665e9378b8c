"""The gate: a disk may be deleted, and a change that the platform rejects may pass, only if a tombstone permits it.

`find_refusals` decides. A tombstone is an entry under `retire:` in an environment, and counts until its last day.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from vmgen.plan.desired import KIND_BY_KEY, DesiredState, Identity, Tombstone
from vmgen.plan.generation_gate import (
    build_generation_refusals,
    describe_keeping,
    find_erasing_user_data,
    find_new_previous_disks,
    needs_generation,
)
from vmgen.plan.moves import PROTECT_FIRST, Move
from vmgen.plan.plan import ObjectChange, Plan
from vmgen.plan.verdicts import Verdict
from vmgen.problems import Place, Problem
from vmgen.quantities import format_count
from vmgen.read.repository import find_group
from vmgen.rules import DESTROYS_DATA, EXPIRED_TOMBSTONE, REJECTED_CHANGE, STALE_TOMBSTONE, TOMBSTONE_IN_USE

_KEY_BY_KIND = {kind: key for key, kind in KIND_BY_KEY.items()}
REASON_PLACEHOLDER = "explain why"


def find_refusals(
    plan: Plan,
    desired_states: Iterable[DesiredState],
    today: date,
    *,
    head_is_behind: bool = False,
    foreign_folders: frozenset[str] = frozenset(),
) -> Iterator[Problem]:
    """Report the changes that are not permitted, with the lines that permit them, and tombstones that are of no use.

    `head_is_behind` says that HEAD lacks commits of the baseline. `foreign_folders` lay in the output folder of the baseline
    and were no environments.
    """
    environments = {desired.environment: desired for desired in desired_states}
    refused_changes = [change for change in plan.changes if _lacks_tombstone(change, today)]
    # One problem for one cause: a group that shrinks by ten VMs loses many disks, and has one remedy.
    by_cause: dict[tuple[str, Verdict, Move | None, bool], list[ObjectChange]] = defaultdict(list)
    for change in refused_changes:
        if change.tombstone is None and not _needs_generation(change, environments):
            move = change.move if change.verdict == Verdict.DESTROYS_DATA else None
            by_cause[change.environment, change.verdict, move, change.action == "delete"].append(change)
    for (environment, _, move, _), changes in by_cause.items():
        if environment in foreign_folders:
            # A tombstone counts in its own namespace, and in a foreign folder there may be several.
            for namespace in dict.fromkeys(change.identity.namespace for change in changes):
                yield _build_foreign_refusal(plan, [each for each in changes if each.identity.namespace == namespace])
        elif move:
            yield _build_move_refusal(plan, environments[environment], move, changes)
        else:
            yield _build_refusal(plan, environment, environments.get(environment), changes, head_is_behind=head_is_behind)
    for desired in environments.values():
        without_tombstone = (change for change in refused_changes if change.tombstone is None)
        fixed_field_changes = [
            change
            for change in without_tombstone
            if change.environment == desired.environment and _needs_generation(change, environments)
        ]
        if fixed_field_changes and desired.merged_environment:
            yield from build_generation_refusals(fixed_field_changes, plan.changes, desired, desired.merged_environment)
    yield from find_new_previous_disks(plan.changes, environments)
    yield from find_erasing_user_data(plan.changes, environments, today)
    yield from _find_expired_tombstones(refused_changes)
    yield from _find_unused_tombstones(plan, environments, today)


def _needs_generation(change: ObjectChange, environments: Mapping[str, DesiredState]) -> bool:
    desired = environments.get(change.environment)
    return needs_generation(change) and desired is not None and desired.merged_environment is not None


def _lacks_tombstone(change: ObjectChange, today: date) -> bool:
    """Return true if a change needs a tombstone and has none that counts on this day."""
    # `retire:` names VMs and disks only: an object that delivers them is not retired, but taken apart in steps.
    is_retirable = change.is_refused and change.identity.kind in _KEY_BY_KIND
    return is_retirable and (change.tombstone is None or change.tombstone.is_expired(today))


def _build_refusal(
    plan: Plan, environment: str, desired: DesiredState | None, changes: list[ObjectChange], *, head_is_behind: bool
) -> Problem:
    """Build one problem for changes of one environment with one verdict; `desired` is None if its file is gone."""
    file = desired.file if desired else f"environments/{environment}.yaml"
    names = ", ".join(str(change.identity) for change in changes)
    if changes[0].verdict == Verdict.DESTROYS_DATA:
        rule = DESTROYS_DATA.id
        baseline = f"committed at {plan.against}" if plan.against else "in manifests/"
        effect = f"the data of {format_count(len(changes), 'disk')} {baseline} would be destroyed: {names}."
        if changes[0].action == "delete":
            way_back = "Restore them" if desired else f"Restore {file}"
        else:  # they are still rendered, so nobody expects the loss
            effect = " ".join(dict.fromkeys([effect, *(change.says for change in changes if change.says)]))
            way_back = "Undo the change"
    else:
        rule = REJECTED_CHANGE.id
        says = [change.says for change in changes if change.says and not change.move]
        says += [field.says for change in changes for field in change.fields if field.verdict == Verdict.REJECTED]
        effect = f"the platform rejects a change: {names}. {' '.join(dict.fromkeys(says))}"
        way_back = "Undo it"
    sentences = [
        effect,
        *dict.fromkeys(_describe_rename(change) for change in changes if change.rename_candidate and change.remedy),
    ]
    keeping = describe_keeping(changes, desired.merged_environment) if desired and desired.merged_environment else ""
    sentences += [keeping] if keeping else []
    if head_is_behind:
        sentences.append(f"HEAD lacks commits of {plan.against}, whose additions count as removed here: merge it first.")
    permission = _describe_permission(desired, file)
    verb = "confirm the deletion" if rule == DESTROYS_DATA.id else "permit the change"
    sentences.append(f"{way_back}, or {verb} by {permission}, with a reason:")
    lines = tuple(_format_tombstones(desired, changes))
    return Problem(_find_place(desired, file, changes), rule, "", " ".join(sentences), lines=lines)


def _build_move_refusal(plan: Plan, desired: DesiredState, move: Move, changes: list[ObjectChange]) -> Problem:
    """Build one problem for disks that move unprotected. It asks for no tombstone, since nothing is meant to go."""
    names = ", ".join(str(change.identity) for change in changes)
    origin = f"environment {move.environment}" if move.environment != desired.environment else f"group {move.group}"
    baseline = f"committed at {plan.against}" if plan.against else "in manifests/"
    message = (
        f"the data of {format_count(len(changes), 'disk')} {baseline} could be destroyed: {names}. They move here from "
        f"{origin} and are not protected there, so the sync tool may delete them before it finds them here; {PROTECT_FIRST}"
    )
    return Problem(_find_place(desired, desired.file, changes), DESTROYS_DATA.id, "", message)


def _build_foreign_refusal(plan: Plan, changes: list[ObjectChange]) -> Problem:
    """Build one problem for disks of files in `manifests/` that were no environment's."""
    names = ", ".join(str(change.identity) for change in changes)
    file = f"manifests/{changes[0].path}"
    files = " ".join(shlex.quote(path) for path in dict.fromkeys(f"manifests/{change.path}" for change in changes))
    message = (
        f"the data of {format_count(len(changes), 'disk')} committed at {plan.against} would be destroyed: {names}. "
        f"Restore them (git restore --source {plan.against.partition(',')[0]} {files}), or confirm the deletion by adding "
        f"these lines to an environment of the namespace {changes[0].identity.namespace}, with a reason:"
    )
    return Problem(Place(file), DESTROYS_DATA.id, "", message, lines=("retire:", *map(_format_tombstone, changes)))


def _describe_rename(change: ObjectChange) -> str:
    is_rename = change.rename_candidate is None or change.rename_candidate.namespace == change.identity.namespace
    return f"It looks {'like a rename' if is_rename else 'moved to another namespace'}: {change.remedy}."


def _describe_permission(desired: DesiredState | None, file: str) -> str:
    if desired is None:
        return f"restoring {file} with only these lines, and rendering with --allow-empty"
    if desired.tombstones:
        return f"adding these lines to `retire:` in {desired.tombstones[-1].place.file}"
    return f"adding these lines to {file}"


def _format_tombstones(desired: DesiredState | None, changes: list[ObjectChange]) -> Iterator[str]:
    """Yield the exact lines to paste."""
    indent = "  "
    if desired is None:
        yield f"namespace: {changes[0].identity.namespace}"
    if desired and desired.tombstones:
        # The place of an item is two columns behind its dash, and columns count from 1.
        indent = " " * max(desired.tombstones[-1].place.column - 3, 0)
    else:
        yield "retire:"
    for change in changes:
        yield _format_tombstone(change, indent)


def _format_tombstone(change: ObjectChange, indent: str = "  ") -> str:
    return f'{indent}- {{{_KEY_BY_KIND[change.identity.kind]}: {change.identity.name}, reason: "{REASON_PLACEHOLDER}"}}'


def _find_place(desired: DesiredState | None, file: str, changes: list[ObjectChange]) -> Place:
    """Return the line of the first field that is rejected, or that decides the number of VMs of a group, or the file."""
    if desired is None:
        return Place(file)
    for change in changes:
        if place := change.find_rejected_place(desired):
            return place
    groups = (find_group(change.path) for change in changes)
    return next((desired.group_places[group] for group in groups if group in desired.group_places), Place(file, 1, 1))


def _find_expired_tombstones(refused_changes: Iterable[ObjectChange]) -> Iterator[Problem]:
    for change in refused_changes:
        if change.tombstone:
            message = (
                f"ended on {change.tombstone.until}, but {change.identity} is not deleted yet: {change.verdict}; "
                "write a later `until:`, or restore it"
            )
            yield Problem(change.tombstone.place, EXPIRED_TOMBSTONE.id, "retire", message)


def _find_unused_tombstones(plan: Plan, environments: Mapping[str, DesiredState], today: date) -> Iterator[Problem]:
    """Report tombstones of objects that are still rendered, or already gone. One in a shared layer need only serve once."""
    needing = (change for change in plan.changes if change.action == "delete" or change.is_refused)
    used_places = {change.tombstone.place for change in needing if change.tombstone}
    unused_tombstones = [
        stone for desired in environments.values() for stone in desired.tombstones if stone.place not in used_places
    ]
    owners = (
        {identity: desired for desired in environments.values() for identity in desired.objects.values()}
        if unused_tombstones
        else {}
    )
    for tombstone in unused_tombstones:
        owner = owners.get(Identity(tombstone.kind, tombstone.namespace, tombstone.name, tombstone.cluster))
        yield _build_unused_problem(tombstone, plan.against, today, owner)


def _build_unused_problem(tombstone: Tombstone, against: str, today: date, owner: DesiredState | None) -> Problem:
    """Build the problem of a tombstone that permits nothing now; `owner` is the environment that renders the object.

    It would permit a later change, perhaps of another environment, whose reviewers do not see it.
    """
    if owner:
        source = "the environment" if owner.environment == tombstone.environment else owner.file
        message = (
            f"{tombstone.kind} {tombstone.name} is still rendered, so it is not retired; "
            f"remove it from {source}, or remove this entry"
        )
        return Problem(tombstone.place, TOMBSTONE_IN_USE.id, "retire", message)
    baseline = f"is committed at {against}" if against else "is in manifests/"
    expiry = f", and it ended on {tombstone.until}" if tombstone.is_expired(today) else ""
    message = f"no {tombstone.kind} {tombstone.name} {baseline} any more{expiry}; remove the entry once the deletion is merged"
    return Problem(tombstone.place, STALE_TOMBSTONE.id, "retire", message, "warning")
