"""Retire disks: the tombstones, and the lines that go with them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from vmgen.edit.file_edit import FileEdit, refuse_edit
from vmgen.edit.generations import leave_previous
from vmgen.edit.operations import AppendItem, Operation, RemoveValue, SetValue
from vmgen.edit.target import EditTarget, edit_target, preview, require_no_new_errors
from vmgen.merge.environment import Group, Instance
from vmgen.plan.desired import Tombstone
from vmgen.plan.plan import Plan
from vmgen.plan.verdicts import Verdict
from vmgen.problems import Problem, ProblemsError, VmgenError, suggest
from vmgen.rules import EDIT_BY_HAND
from vmgen.yaml_text import to_flow

DISK_KIND = "VMDisk"


class Retirement(NamedTuple):
    """Why disks go, and the last day on which the permission counts, as text; empty for no end."""

    reason: str
    until: str = ""

    def format_entry(self, disk: str) -> dict[str, str]:
        """Return the tombstone of a disk, as it is written."""
        return {"disk": disk, "reason": self.reason, **({"until": self.until} if self.until else {})}


def retire_disks(target: EditTarget, disks: Iterable[str], retirement: Retirement) -> tuple[FileEdit, ...]:
    """Return the edits that retire disks: standalone ones leave the file, and those that are committed get tombstones.

    Raises ProblemsError with the lines to write for a disk that a group makes, VmgenError for one that does not exist.
    """
    names = tuple(dict.fromkeys(disk.removeprefix("disk/") for disk in disks))
    removals = _collect_removals(target, names, retirement)
    result, plan, _ = preview(target, edit_target(target, removals))
    require_no_new_errors(target, result)
    lost_names = find_lost_disks(plan)
    objects = result.desired.objects.values() if result.desired else ()
    disk_names = {identity.name for identity in objects if identity.kind == DISK_KIND}
    before = target.result.desired.objects.values() if target.result.desired else ()
    known_names = {*lost_names, *(identity.name for identity in before if identity.kind == DISK_KIND)}
    for name in names:
        if name not in known_names and name not in _list_tombstones(target):
            raise VmgenError(f"no disk '{name}' in environment {target.name}{suggest(name, known_names)}")
    made_by_groups = [name for name in names if name in disk_names]
    if made_by_groups:
        raise ProblemsError(tuple(_refuse_group_disks(target, made_by_groups, names, retirement)))
    operations: dict[Path, list[Operation]] = defaultdict(list, {path: list(edits) for path, edits in removals.items()})
    for name in names:
        for path, operation in _bury(target, name, retirement, is_lost=name in lost_names):
            operations[path].append(operation)
    return edit_target(target, operations)


def find_lost_disks(plan: Plan) -> set[str]:
    """Return the disks whose data a plan destroys without the permission of a tombstone that counts."""
    # A disk that moves unprotected needs protection, not a tombstone.
    losses = (change for change in plan.changes if change.verdict == Verdict.DESTROYS_DATA and not change.move)
    return {change.identity.name for change in losses if change.identity.kind == DISK_KIND}


def bury_disks(target: EditTarget, disks: Iterable[str], retirement: Retirement) -> dict[Path, list[Operation]]:
    """Return the operations that write tombstones for disks that are lost.

    Raises ProblemsError if the tombstone is in another file than `--in` names.
    """
    operations: dict[Path, list[Operation]] = defaultdict(list)
    for name in disks:
        for path, operation in _bury(target, name, retirement, is_lost=True):
            operations[path].append(operation)
    return operations


def _collect_removals(target: EditTarget, names: tuple[str, ...], retirement: Retirement) -> dict[Path, list[Operation]]:
    """Return what takes standalone disks, and those that `previous:` keeps, out of their files.

    Raises ProblemsError with all lines to write, tombstones included, if another layer has one of them.
    """
    removals: dict[Path, list[Operation]] = defaultdict(list)
    operations: list[Operation] = [RemoveValue(("disks", disk.name)) for disk in target.environment.disks if disk.name in names]
    for group in target.environment.groups:
        entries = ((instance, entry) for instance in group.instances for entry in instance.previous)
        leaving = [(instance, entry) for instance, entry in entries if f"{instance.name}-{entry.disk.suffix}" in names]
        operations.extend(leave_previous(group, leaving))
    tombstones = [AppendItem(("retire",), retirement.format_entry(name)) for name in names]
    for operation in operations:
        path = target.choose_file(operation.path, (*operations, *tombstones))
        removals[path].append(operation)
    return removals


def _list_tombstones(target: EditTarget) -> dict[str, Tombstone]:
    desired = target.result.desired
    return {stone.name: stone for stone in desired.tombstones if stone.kind == DISK_KIND} if desired else {}


def _bury(target: EditTarget, name: str, retirement: Retirement, *, is_lost: bool) -> Iterator[tuple[Path, Operation]]:
    """Yield the tombstone of a disk, or what brings one that is written up to date; nothing for a disk without data."""
    entry = retirement.format_entry(name)
    append = AppendItem(("retire",), entry)
    stone = _list_tombstones(target).get(name)
    if stone is None:
        if is_lost:
            yield target.choose_file(append.path, (append,)), append
        return
    if stone.place.file != target.project.display_path(target.own_file) and not target.in_file:
        raise refuse_edit(stone.place, f"{stone.place.file} has the tombstone of {name}; name it with --in", (append,))
    path = target.choose_file(("retire",), (append,))
    entries = target.layers.content.get("retire")
    items = entries.data if entries and isinstance(entries.data, tuple) else ()
    index = next(index for index, item in enumerate(items) if item.place == stone.place)
    yield path, SetValue(("retire", index, "reason"), retirement.reason)
    if retirement.until:
        yield path, SetValue(("retire", index, "until"), retirement.until)
    elif stone.until:
        yield path, RemoveValue(("retire", index, "until"))


def _refuse_group_disks(
    target: EditTarget, made_by_groups: list[str], names: tuple[str, ...], retirement: Retirement
) -> Iterator[Problem]:
    """Build a problem for each group that makes disks to retire, with the edit of the group and the tombstones."""
    for group in target.environment.groups:
        owners = {
            f"{instance.name}-{disk.suffix}": instance for instance in group.instances for disk in instance.settings.disks
        }
        names_in_groups = [name for name in made_by_groups if name in owners]
        if names_in_groups:
            edit, lines = _describe_group_edit(target, group, names_in_groups, owners)
            stones = [f"  - {to_flow(retirement.format_entry(name))}" for name in names if name in owners]
            message = f"group {group.key} makes {', '.join(names_in_groups)}: {edit}; nothing was written. "
            message += "The lines that belong together:"
            yield Problem(group.place, EDIT_BY_HAND.id, f"vms.{group.key}", message, lines=(*lines, "retire:", *stones))


def _describe_group_edit(
    target: EditTarget, group: Group, names_in_groups: list[str], owners: dict[str, Instance]
) -> tuple[str, tuple[str, ...]]:
    """Return what a person does to a group so that it no longer makes some disks, and the lines of it."""
    vm_names = {owners[name].name for name in names_in_groups}
    going = [name for name, owner in owners.items() if owner.name in vm_names]
    if set(going) != set(names_in_groups):  # some disks of a VM that stays
        suffixes = sorted({name.removeprefix(f"{owners[name].name}-") for name in names_in_groups})
        return f"remove {', '.join(f'disks.{suffix}' for suffix in suffixes)} where the group has it", ()
    lines: tuple[str, ...] = ()
    remaining = [instance for instance in group.instances if instance.name not in vm_names]
    if not remaining:
        return f"remove the group, or run vmgen scale {target.name} {group.key} 0 --retire", (f"# remove vms.{group.key}",)
    if remaining == list(group.instances[: len(remaining)]):
        if group.located.get("count"):
            lines = ("vms:", f"  {group.key}:", f"    count: {len(remaining)}")
        return f"run vmgen scale {target.name} {group.key} {len(remaining)} --retire", lines
    if group.located.get("count"):
        numbers = sorted({*(group.located.get_plain("skip") or ()), *(owners[name].number or 0 for name in names_in_groups)})
        lines = ("vms:", f"  {group.key}:", f"    count: {len(remaining)}", f"    skip: {numbers}")
        return "lower the count and skip their numbers", lines
    remaining_names = ", ".join(instance.name for instance in remaining)
    return "remove them from names", ("vms:", f"  {group.key}:", f"    names: [{remaining_names}]")
