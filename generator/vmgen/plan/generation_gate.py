"""The gate's rules on generations of disks: how to write the next one, what may not run on it, and what begins empty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from vmgen.check.waivers import waive
from vmgen.merge.environment import Environment
from vmgen.merge.own_disks import index_generations
from vmgen.plan.desired import DesiredState
from vmgen.plan.generation_edits import build_generation_edits, find_changed_disks, format_edit, format_rooted
from vmgen.plan.plan import ObjectChange
from vmgen.plan.verdicts import Verdict
from vmgen.problems import Place, Problem
from vmgen.quantities import format_names
from vmgen.rules import PREVIOUS_DISK_IS_NEW, REBUILD_ERASES_DATA, REJECTED_CHANGE
from vmgen.yaml_text import to_flow

_MAX_NAMES = 6


def needs_generation(change: ObjectChange) -> bool:
    """Return true if a disk is rejected since it cannot take its new values, so that the remedy is its next generation."""
    return change.verdict == Verdict.REJECTED and change.previous_entry is not None and change.action != "delete"


def build_generation_refusals(
    changes: Iterable[ObjectChange], plan_changes: Iterable[ObjectChange], desired: DesiredState, environment: Environment
) -> Iterator[Problem]:
    """Yield a problem for each group, VM, or standalone disk of one environment, with the lines to write instead."""
    changes_by_name = {change.identity.name: change for change in changes}
    plan_changes = [change for change in plan_changes if change.environment == desired.environment]
    going = {change.identity.name for change in plan_changes if change.action == "delete" and change.identity.kind == "VMDisk"}
    # A disk that is retired exists until it is deleted, so another one cannot have its name.
    reserved_generations = index_generations(going.union(stone.name for stone in desired.tombstones))
    entries = {name: change.previous_entry for name, change in changes_by_name.items() if change.previous_entry is not None}
    new_disks = {
        change.identity.name for change in plan_changes if change.action == "create" and change.identity.kind == "VMDisk"
    }
    changed_disks = tuple(find_changed_disks(entries, environment))
    for edit in build_generation_edits(changed_disks, new_disks, reserved_generations):
        paste = format_edit(edit, environment)
        remedy = f"Undo it, or rebuild: create the next generation, and keep the existing disk detached, by {paste.where}:"
        place = changes_by_name[edit.disks[0]].find_rejected_place(desired) or paste.place
        yield _build_problem([changes_by_name[name] for name in edit.disks], place, remedy, paste.lines)
    own_disk_names = {each.name for each in changed_disks}
    for name, change in changes_by_name.items():
        if name not in own_disk_names:
            yield _build_other_refusal(change, desired, environment)


def _build_other_refusal(change: ObjectChange, desired: DesiredState, environment: Environment) -> Problem:
    """Build the refusal of a disk that is kept from before, or of a standalone one."""
    entry = dict(change.previous_entry or {})
    place = change.find_rejected_place(desired) or desired.previous.get(change.path) or Place(desired.file, 1, 1)
    if change.path in desired.previous:
        return _build_problem([change], place, f"The committed entry under `previous:` is `{to_flow(entry)}`.", ())
    name = change.identity.name
    disk_settings = environment.settings.get_plain("disks", {}).get(name)
    if disk_settings is None or "rawSource" in entry:
        return _build_problem([change], place, "Undo it, or add another disk.", ())
    new_name = next(
        other for number in range(2, 10_000) if (other := f"{name}-{number}") not in environment.settings.get_plain("disks")
    )
    remedy = (
        f"Undo it, or write the other disk under its own name, and attach that, by writing these keys into "
        f"{desired.file}, replacing keys of the same name:"
    )
    return _build_problem([change], place, remedy, format_rooted(("disks",), {name: entry, new_name: disk_settings}))


def _build_problem(changes: list[ObjectChange], place: Place, remedy: str, lines: tuple[str, ...]) -> Problem:
    names = [str(change.identity) for change in changes]
    says = dict.fromkeys(field.says for change in changes for field in change.fields if field.verdict == Verdict.REJECTED)
    message = f"the platform rejects a change: {format_names(names, _MAX_NAMES)}. {' '.join(says)} {remedy}"
    return Problem(place, REJECTED_CHANGE.id, "", message, lines=lines)


def describe_keeping(changes: Iterable[ObjectChange], environment: Environment) -> str:
    """Return how to keep disks that go and are generations of disks that VMs have, as a sentence; empty for none."""
    by_place: dict[tuple[str, str, int], list[tuple[int | str, Mapping[str, Any]]]] = defaultdict(list)
    removed_disks = {change.identity.name: change for change in changes if change.previous_entry is not None}
    generations = index_generations(removed_disks)
    for group in environment.groups:
        for instance in group.instances:
            for disk in instance.settings.disks:
                for name, generation in generations.get((instance.name, disk.key), ()):
                    if generation != disk.generation:
                        entry = removed_disks[name].previous_entry or {}
                        by_place[group.key, disk.key, generation].append((instance.label, entry))
    sentences = []
    for (group_key, key, generation), entries in by_place.items():
        path = f"vms.{group_key}" if key == "system" else f"vms.{group_key}.disks.{key}"
        entry = {**entries[0][1], "of": [label for label, _ in entries]}
        if all(other == entries[0][1] for _, other in entries):
            sentences.append(f"To keep them, detached, write `previous: {to_flow({generation: entry})}` in `{path}`.")
    return " ".join(sentences)


def find_new_previous_disks(changes: Iterable[ObjectChange], states: Mapping[str, DesiredState]) -> Iterator[Problem]:
    """Yield a warning for each entry of `previous:` that makes a disk which was not there before."""
    by_place: dict[Place, list[str]] = defaultdict(list)
    for change in changes:
        desired = states.get(change.environment)
        if change.action == "create" and desired and change.path in desired.previous:
            by_place[desired.previous[change.path]].append(change.identity.name)
    for place, names in by_place.items():
        message = (
            f"{format_names(names, _MAX_NAMES)}: not committed yet, so the kept disk starts without data, "
            "unless the platform has it already; remove from `of:` the VMs that never had it"
        )
        yield PREVIOUS_DISK_IS_NEW.build_problem(place, "", message)


def find_erasing_user_data(
    changes: Iterable[ObjectChange], states: Mapping[str, DesiredState], today: date
) -> Iterator[Problem]:
    """Yield a problem for each text of user data that runs as at a first boot, and would erase disks that exist."""
    hits: dict[tuple[str, Place, str, tuple[str, ...], str], list[str]] = defaultdict(list)
    for change in changes:
        desired = states.get(change.environment)
        if not (desired and desired.merged_environment and change.user_data):
            continue
        existing = [name for name in change.existing_disks if name not in desired.optical_disks]
        if not existing:
            continue
        from vmgen.cloud_init.disk_wipes import find_disk_wipes  # few plans have a rebuild

        wipes = find_disk_wipes(change.user_data)
        if wipes:
            place, subject = _locate_user_data(change, desired, desired.merged_environment)
            hits[change.environment, place, subject, wipes, _describe_first_boot(change)].append(change.identity.name)
    for (environment, place, subject, wipes, first_boot), names in hits.items():
        message = (
            f"{format_names(names, _MAX_NAMES)}: {first_boot}, and "
            f"{', '.join(wipes)} would erase data on disks that exist; remove it, let it keep existing data, or waive the rule "
            "if it cannot affect them"
        )
        problem = REBUILD_ERASES_DATA.build_problem(place, subject, message)
        yield from waive(problem, states[environment].waivers, today)[0]


def _describe_first_boot(change: ObjectChange) -> str:
    """Return why cloud-init runs as at a first boot, as a clause."""
    if change.action == "create":
        return "cloud-init runs at the first boot of a new VM with existing disks"
    if change.rebuild and change.rebuild.has_new_system:
        return "cloud-init runs on the new system disk as at a first boot"
    return "cloud-init runs again as at a first boot"


def _locate_user_data(change: ObjectChange, desired: DesiredState, environment: Environment) -> tuple[Place, str]:
    """Return the place and the key path of the user data of a VM."""
    for group in environment.groups:
        paths = {id(instance): path for instance, path in group.iter_overrides()}
        for instance in group.instances if group.key == change.group else ():
            if instance.name == change.identity.name:
                path = paths.get(id(instance), f"vms.{group.key}")
                return instance.settings.values.find_place("cloudInit"), f"{path}.cloudInit"
    return Place(desired.file, 1, 1), f"vms.{change.group}"
