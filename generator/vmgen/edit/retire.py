"""Retire disks: the tombstones, and the lines that go with them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vmgen.edit.file_edit import FileEdit, refuse_edit
from vmgen.edit.generations import find_way_back, leave_previous
from vmgen.edit.operations import AppendItem, Operation, RemoveValue, SetValue
from vmgen.edit.target import EditTarget, edit_target, preview, require_no_new_errors
from vmgen.merge.environment import Group, Instance
from vmgen.merge.own_disks import OwnDisk
from vmgen.plan.desired import Identity, Tombstone
from vmgen.plan.plan import Plan
from vmgen.plan.verdicts import Verdict
from vmgen.problems import Place, Problem, ProblemsError, VmgenError, suggest
from vmgen.renderer import RenderResult
from vmgen.rules import EDIT_BY_HAND
from vmgen.yaml_text import to_flow, to_scalar

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
    tombstones = _list_tombstones(target)
    for name in names:
        if name not in known_names and name not in tombstones:
            raise VmgenError(f"no disk '{name}' in environment {target.name}{suggest(name, known_names)}")
    group_disks = {name for group in target.environment.groups for name in _list_owners(group)}
    made_by_groups = [name for name in names if name in disk_names and name in group_disks]
    if made_by_groups:
        raise ProblemsError(tuple(_refuse_group_disks(target, made_by_groups, retirement)))
    still_kept = [name for name in names if name in disk_names]
    if still_kept:
        reason = f"more than one layer has {', '.join(still_kept)}; remove it from each by hand, then run this command again"
        raise refuse_edit(Place(target.project.display_path(target.own_file), 1, 1), reason, ())
    stones = bury_disks(target, names, retirement, lost_names)
    return edit_target(target, {path: [*removals.get(path, ()), *stones.get(path, ())] for path in {**removals, **stones}})


def find_lost_disks(plan: Plan) -> set[str]:
    """Return the disks whose data a plan destroys without the permission of a tombstone that counts."""
    # A disk that moves unprotected needs protection, not a tombstone.
    losses = (change for change in plan.changes if change.verdict == Verdict.DESTROYS_DATA and not change.move)
    return {change.identity.name for change in losses if change.identity.kind == DISK_KIND}


def bury_disks(
    target: EditTarget, disks: Iterable[str], retirement: Retirement, lost_names: Collection[str]
) -> dict[Path, list[Operation]]:
    """Return what writes tombstones for disks that are lost, or brings those that are written up to date.

    Raises ProblemsError if a tombstone is in another file than `--in` names.
    """
    operations: dict[Path, list[Operation]] = defaultdict(list)
    tombstones, indexes = _list_tombstones(target), _index_tombstones(target)
    own_file = target.project.display_path(target.own_file)
    for name in disks:
        append = AppendItem(("retire",), retirement.format_entry(name))
        stone = tombstones.get(name)
        if stone and stone.place.file != own_file and not target.in_file:
            raise refuse_edit(stone.place, f"{stone.place.file} has the tombstone of {name}; name it with --in", (append,))
        if stone:
            operations[target.choose_file(append.path, (append,))] += _update_tombstone(stone, indexes[stone.place], retirement)
        elif name in lost_names:
            operations[target.choose_file(append.path, (append,))].append(append)
    # Operations of one kind in a row share one reading of the file. Before an item is appended or a key goes, no index changes.
    kinds = (SetValue, RemoveValue, AppendItem)
    return {path: sorted(edits, key=lambda edit: kinds.index(type(edit))) for path, edits in operations.items()}


def _update_tombstone(stone: Tombstone, index: int, retirement: Retirement) -> Iterator[Operation]:
    yield SetValue(("retire", index, "reason"), retirement.reason)
    if retirement.until:
        yield SetValue(("retire", index, "until"), retirement.until)
    elif stone.until:
        yield RemoveValue(("retire", index, "until"))


def remove_tombstones(target: EditTarget, result: RenderResult) -> Iterator[Operation]:
    """Yield what removes the tombstones of objects that an edit makes again.

    Raises ProblemsError if one is in another file than the one that is edited.
    """
    if target.result.desired is None or result.desired is None:
        return
    returning = set(result.desired.objects.values()).difference(target.result.desired.objects.values())
    stones = target.result.desired.tombstones
    used_stones = [stone for stone in stones if Identity(stone.kind, stone.namespace, stone.name, stone.cluster) in returning]
    file = target.in_file or target.project.display_path(target.own_file)
    for stone in used_stones:
        if stone.place.file != file:
            reason = f"{stone.place.file} has the tombstone of {stone.name}, which the edit makes again; remove the entry first"
            raise refuse_edit(stone.place, reason, ())
    indexes = _index_tombstones(target)
    # From the end, since each removal moves the items behind it.
    yield from (
        RemoveValue(("retire", index)) for index in sorted((indexes[stone.place] for stone in used_stones), reverse=True)
    )


def _index_tombstones(target: EditTarget) -> dict[Place, int]:
    """Return the position of each tombstone in `retire:` by its place."""
    entries = target.layers.content.get("retire")
    items = entries.data if entries and isinstance(entries.data, tuple) else ()
    return {item.place: index for index, item in enumerate(items)}


def _collect_removals(target: EditTarget, names: tuple[str, ...], retirement: Retirement) -> dict[Path, list[Operation]]:
    """Return what takes standalone disks, and those that `previous:` keeps, out of their files.

    Raises ProblemsError with all lines to write, tombstones included, if another layer has one of them.
    """
    removals: dict[Path, list[Operation]] = defaultdict(list)
    going = frozenset(names)
    operations: list[Operation] = [RemoveValue(("disks", disk.name)) for disk in target.environment.disks if disk.name in going]
    for group in target.environment.groups:
        entries = ((instance, entry) for instance in group.instances for entry in instance.previous)
        leaving = [(instance, entry) for instance, entry in entries if f"{instance.name}-{entry.disk.suffix}" in going]
        operations.extend(leave_previous(group, leaving))
    tombstones = [AppendItem(("retire",), retirement.format_entry(name)) for name in names]
    edits = (*operations, *tombstones)
    for operation in operations:
        removals[target.choose_file(operation.path, edits)].append(operation)
    return removals


def _list_tombstones(target: EditTarget) -> dict[str, Tombstone]:
    desired = target.result.desired
    return {stone.name: stone for stone in desired.tombstones if stone.kind == DISK_KIND} if desired else {}


class _GroupEdit(NamedTuple):
    """What a person does so that a group no longer makes some disks, and the lines of it, if there are any to write now."""

    disks: list[str]
    text: str
    lines: tuple[str, ...] = ()


_Owners = Mapping[str, tuple[Instance, OwnDisk]]


def _list_owners(group: Group) -> _Owners:
    """Return the VMs of a group, and their disks, by the name of the disk."""
    return {
        f"{instance.name}-{disk.suffix}": (instance, disk) for instance in group.instances for disk in instance.settings.disks
    }


def _refuse_group_disks(target: EditTarget, made_by_groups: list[str], retirement: Retirement) -> Iterator[Problem]:
    """Build the problems for each group that makes disks to retire, with the edit of the group and the tombstones."""
    for group in target.environment.groups:
        owners = _list_owners(group)
        names_in_group = [name for name in made_by_groups if name in owners]
        for edit in _describe_group_edits(target, group, names_in_group, owners):
            message = f"group {group.key} makes {', '.join(edit.disks)}: {edit.text}; nothing was written"
            lines = edit.lines
            if lines:
                message += ". The lines that belong together:"
                stones = (f"  - {to_flow(retirement.format_entry(name))}" for name in edit.disks)
                lines = (*lines, *stones)
            yield Problem(group.place, EDIT_BY_HAND.id, f"vms.{group.key}", message, lines=lines)


def _describe_group_edits(target: EditTarget, group: Group, names_in_group: list[str], owners: _Owners) -> Iterator[_GroupEdit]:
    """Yield the edits for VMs that lose all their disks, for disks that a key makes, and for those that VMs need."""
    remaining_vms = {owners[name][0].name for name in owners.keys() - set(names_in_group)}
    going = [name for name in names_in_group if owners[name][0].name not in remaining_vms]
    if going:
        text, lines = _describe_smaller_group(target, group, going, owners)
        yield _GroupEdit(going, text, (*lines, "retire:"))
    keys: dict[str, list[str]] = defaultdict(list)
    commands: dict[str, list[str]] = defaultdict(list)
    for name in names_in_group:
        instance, disk = owners[name]
        if instance.name in remaining_vms:
            command = _describe_replacement(target, group, instance, disk)
            (commands[command] if command else keys[disk.key]).append(name)
    for key, disks in keys.items():
        yield _describe_smaller_vms(group, key, disks, owners)
    for command, disks in commands.items():
        yield _GroupEdit(disks, f"run {command}, then retire it")


def _describe_smaller_vms(group: Group, key: str, disks: list[str], owners: _Owners) -> _GroupEdit:
    """Return what a person does so that VMs no longer have the disk of a key."""
    labels = [owners[name][0].label for name in disks]
    if len(labels) == sum(disk.key == key for _, disk in owners.values()):
        return _GroupEdit(disks, f"remove disks.{key} where the group has it", ("retire:",))
    lines = (f"      {to_scalar(label)}: {{disks: {{{key}: null}}}}" for label in labels)
    text = f"write null for disks.{key} of {'this VM' if len(labels) == 1 else 'these VMs'}"
    return _GroupEdit(disks, text, ("vms:", f"  {group.key}:", "    instances:", *lines, "retire:"))


def _describe_replacement(target: EditTarget, group: Group, instance: Instance, disk: OwnDisk) -> str:
    """Return the command that gives a VM another disk in the place of one; empty for one that a VM can be without."""
    is_system = disk is instance.settings.system_disk
    is_kept = find_way_back(instance, disk) is not None
    if not is_system and not is_kept:
        return ""
    way = "--back" if is_kept else "--image IMAGE"
    which = "" if is_system else f" --disk {disk.key}"
    only = f" --only {instance.label}" if len(group.instances) > 1 else ""
    return f"vmgen rebuild {target.name} {group.key}{which} {way}{only}"


def _describe_smaller_group(target: EditTarget, group: Group, going: list[str], owners: _Owners) -> tuple[str, tuple[str, ...]]:
    """Return what a person does to a group so that it no longer has the VMs of some disks, and the lines of it."""
    vm_names = {owners[name][0].name for name in going}
    lines: tuple[str, ...] = ()
    remaining = [instance for instance in group.instances if instance.name not in vm_names]
    if not remaining:
        return f"remove the group, or run vmgen scale {target.name} {group.key} 0 --retire", (f"# remove vms.{group.key}",)
    if remaining == list(group.instances[: len(remaining)]):
        if group.located.get("count"):
            lines = ("vms:", f"  {group.key}:", f"    count: {len(remaining)}")
        return f"run vmgen scale {target.name} {group.key} {len(remaining)} --retire", lines
    if group.located.get("count"):
        numbers = sorted({*(group.located.get_plain("skip") or ()), *(owners[name][0].number or 0 for name in going)})
        lines = ("vms:", f"  {group.key}:", f"    count: {len(remaining)}", f"    skip: {numbers}")
        return "lower the count and skip their numbers", lines
    remaining_names = ", ".join(instance.name for instance in remaining)
    return "remove them from names", ("vms:", f"  {group.key}:", f"    names: [{remaining_names}]")
