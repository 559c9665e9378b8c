"""Scale a group: VMs keep their names, whatever their number was written as."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from vmgen.edit.file_edit import FileEdit, refuse_edit
from vmgen.edit.generations import find_previous_path, leave_previous
from vmgen.edit.operations import AppendItem, Operation, RemoveValue, SetValue, format_operations
from vmgen.edit.retire import Retirement, bury_disks, find_lost_disks, remove_tombstones
from vmgen.edit.target import EditTarget, edit_target, preview, require_no_new_errors
from vmgen.merge.environment import Environment, Group, Instance
from vmgen.plan.gate import REASON_PLACEHOLDER
from vmgen.problems import Problem, ProblemsError
from vmgen.quantities import format_count
from vmgen.read.located import KeyPath
from vmgen.rules import DESTROYS_DATA


def scale_group(target: EditTarget, key: str, number: int, retirement: Retirement | None) -> tuple[FileEdit, ...]:
    """Return the edits that give a group a number of VMs. `retirement` permits that the disks of those that go are deleted.

    Raises ProblemsError if disks would be lost without it, and if the names of new VMs cannot be told.
    """
    group = target.find_group(key)
    current = len(group.instances)
    if number == current:
        return ()
    operations = tuple(_grow(group, number) if number > current else _shrink(group, number))
    path = target.choose_file(operations[0].path, operations)
    operations_by_file: dict[Path, list[Operation]] = defaultdict(list, {path: list(operations)})
    result, plan, _ = preview(target, edit_target(target, operations_by_file))
    require_no_new_errors(target, result)
    names = _list_vm_names(result.environment, key)
    remaining_count = min(number, current)
    if len(names) != number or names[:remaining_count] != _list_vm_names(target.environment, key)[:remaining_count]:
        raise refuse_edit(group.place, f"another layer decides which VMs {key} has", operations)
    lost_names = sorted(find_lost_disks(plan))
    if lost_names:  # what the environment loses without the edit belongs to another change
        lost_before = find_lost_disks(preview(target, ())[1])
        lost_names = [name for name in lost_names if name not in lost_before]
    if lost_names and retirement is None:
        raise _refuse_loss(target, group, lost_names, number, operations)
    operations_by_file[path] += remove_tombstones(target, result)
    for file, stones in bury_disks(target, lost_names, retirement or Retirement(""), frozenset(lost_names)).items():
        operations_by_file[file] += stones
    return edit_target(target, operations_by_file)


def _list_vm_names(environment: Environment | None, key: str) -> list[str]:
    groups = environment.groups if environment else ()
    return [instance.name for group in groups if group.key == key for instance in group.instances]


def _grow(group: Group, number: int) -> Iterable[Operation]:
    path: KeyPath = ("vms", group.key)
    if "count" in group.located.mapping:
        return (SetValue((*path, "count"), number),)
    names = [instance.name for instance in group.instances]
    root = group.located.get_plain("name") or group.key
    numbers = [_parse_number(name, root) for name in names]
    if None in numbers:
        # A proposal in the refusal: only a person knows which names the new VMs should have.
        fresh = SetValue((*path, "names"), [*names, *(f"{root}-{index}" for index in range(len(names) + 1, number + 1))])
        reason = f"the names of {group.key} are not numbered ({', '.join(names[:3])}); choose those of the new VMs"
        raise refuse_edit(group.place, reason, (fresh,))
    last = max((index for index in numbers if index is not None), default=0)
    fresh_names = [f"{root}-{index}" for index in range(last + 1, last + 1 + number - len(names))]
    if "names" in group.located.mapping:
        return tuple(AppendItem((*path, "names"), name) for name in fresh_names)
    return (SetValue((*path, "names"), [*names, *fresh_names]),)


def _parse_number(name: str, root: str) -> int | None:
    """Return the number at the end of a name, 1 for the bare root; None if it has another form."""
    if name == root:
        return 1
    match = re.fullmatch(rf"{re.escape(root)}-([1-9][0-9]*)", name)
    return int(match[1]) if match else None


def _shrink(group: Group, number: int) -> Iterable[Operation]:
    path: KeyPath = ("vms", group.key)
    going = group.instances[number:]
    if "count" in group.located.mapping:
        yield SetValue((*path, "count"), number)
    elif "names" in group.located.mapping and number:
        # From the end, since each removal moves the items behind it.
        yield from (RemoveValue((*path, "names", index)) for index in reversed(range(number, len(group.instances))))
    else:
        yield SetValue((*path, "count"), 0)
        if "names" in group.located.mapping:
            yield RemoveValue((*path, "names"))
    entries = ((instance, entry) for instance in going for entry in instance.previous)
    leaving = [
        # An entry in an override goes with the override.
        (instance, entry)
        for instance, entry in entries
        if "instances" not in find_previous_path(group, instance, entry)
    ]
    yield from leave_previous(group, leaving)
    yield from _drop_overrides(group, going)


def _drop_overrides(group: Group, going: tuple[Instance, ...]) -> Iterable[Operation]:
    """Yield the removal of the overrides of VMs that go: they would name nothing."""
    instances = group.located.get("instances")
    for instance in going if instances else ():
        for label in (str(instance.number), instance.name):
            if instances and label in instances.mapping:
                yield RemoveValue(("vms", group.key, "instances", label))


def _refuse_loss(
    target: EditTarget, group: Group, lost_names: list[str], number: int, operations: tuple[Operation, ...]
) -> ProblemsError:
    """Return the refusal to scale down without a retirement, with the command and the lines that permit it."""
    stones = tuple(AppendItem(("retire",), Retirement(REASON_PLACEHOLDER).format_entry(name)) for name in lost_names)
    message = (
        f"the data of {format_count(len(lost_names), 'disk')} would be destroyed: {', '.join(lost_names)}; "
        "nothing was written. Run "
        f'vmgen scale {target.name} {group.key} {number} --retire --reason "{REASON_PLACEHOLDER}", or write:'
    )
    lines = (*format_operations(operations), *format_operations(stones))
    return ProblemsError((Problem(group.place, DESTROYS_DATA.id, f"vms.{group.key}", message, lines=lines),))
