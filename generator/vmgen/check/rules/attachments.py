"""Rules on disks that are attached by name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from vmgen.check.disk_names import DiskIndex
from vmgen.check.refused import is_invalid
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, VmSettings
from vmgen.problems import Place
from vmgen.read.located import Located


class _AttachEntry(NamedTuple):
    """One item of `attach:`, and the first VMs that have it: two are enough to know that a disk is shared."""

    name: str
    item: Located
    subject: str
    vm_names: tuple[str, ...]


@rule("unknown-disk")
def unknown_disk(environment: Environment) -> Iterator[Finding]:
    """`attach:` names a disk that this environment does not make. The chart fails until such a disk exists.

    Correct the name, or write the disk under the environment's `disks:`.
    """
    disks = DiskIndex(environment)
    for each in _iter_attach_entries(environment):
        if disks.get(each.name) is None:
            hint = disks.suggest(each.name) or "; write it under the environment's `disks:`"
            yield Finding(each.item.place, each.subject, f"no disk '{each.name}' in this environment{hint}")


@rule("disk-attached-twice")
def disk_attached_twice(environment: Environment) -> Iterator[Finding]:
    """One disk twice on one VM: two entries of `attach:`, or an entry that names the VM's own disk. KubeVirt refuses it.

    Remove one of the two; own disks need no entry.
    """
    disks = DiskIndex(environment)
    for _, vm, path in environment.vm_settings():
        seen: dict[str, Place] = {}
        for index, item in enumerate(vm.attachments):
            name = item.get_plain("name")
            found = disks.get(name)
            if name in seen:
                message = f"'{name}' is attached already, at {seen[name]}; remove one"
                yield Finding(item.place, f"{path}.attach[{index}]", message)
            elif found and found.owner and found.owner.settings is vm:
                message = f"'{name}' is a disk of {found.owner.name} itself, attached without this; remove it"
                yield Finding(item.place, f"{path}.attach[{index}]", message)
            seen.setdefault(name, item.place)


@rule("disk-shared")
def disk_shared(environment: Environment) -> Iterator[Finding]:
    """One disk on two VMs. Nothing on the platform stops them, and two file systems writing to one disk destroy it.

    Only an optical disk may be shared. Give each VM a disk of its own (`disks:` of the group), or attach it in one
    place only (`instances:`).
    """
    disks = DiskIndex(environment)
    users: dict[str, list[str]] = {}
    said: set[tuple[str, Place]] = set()
    for each in _iter_attach_entries(environment):
        found = disks.get(each.name)
        if found is None or found.settings.get_plain("optical") is True or is_invalid(found.settings, "optical"):
            continue
        on = users.setdefault(each.name, [found.owner.name] if found.owner else [])
        on.extend([name for name in each.vm_names if name not in on])
        if len(on) > 1 and (each.name, each.item.place) not in said:
            said.add((each.name, each.item.place))
            message = f"'{each.name}' would be on {on[0]} and {on[-1]} at once; only an optical disk can: give each its own"
            yield Finding(each.item.place, each.subject, message)
        del on[2:]


def _iter_attach_entries(environment: Environment) -> Iterator[_AttachEntry]:
    for group in environment.groups:
        if group.settings.attachments:
            sharing = (instance.name for instance in group.instances if instance.settings is group.settings)
            yield from _iter_vm_entries(group.settings, f"vms.{group.key}", tuple(islice(sharing, 2)))
        for instance, path in group.iter_overrides():
            yield from _iter_vm_entries(instance.settings, path, (instance.name,))


def _iter_vm_entries(vm: VmSettings, path: str, vms: tuple[str, ...]) -> Iterator[_AttachEntry]:
    for index, item in enumerate(vm.attachments):
        yield _AttachEntry(item.get_plain("name"), item, f"{path}.attach[{index}]", vms)
