"""The names of a group's VMs and disks, without a look at each where the longest is known from the numbers.

Rules on the names of objects: on this platform a name is the identity of a VM and of the data on a disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, Group, Instance
from vmgen.merge.platform import Kind
from vmgen.problems import Place


def find_longest_vm(group: Group) -> Instance | None:
    """The VM with the longest name, or None where there is none."""
    return max(_iter_longest_candidates(group), key=lambda instance: len(instance.name), default=None)


def find_longest_disk(group: Group) -> tuple[str, Place, str] | None:
    """The longest name of an own disk, where its suffix was written, and the suffix; None where no VM has a disk."""
    disks = (
        (f"{instance.name}-{disk.suffix}", disk.place, disk.suffix)
        for instance in _iter_longest_candidates(group)
        for disk in instance.settings.disks
    )
    return max(disks, key=lambda found: len(found[0]), default=None)


def locate_name(group: Group, instance: Instance) -> Place:
    """Where the name of a VM was written: in `names`, in `name`, or as the key of the group."""
    if instance.number is None and group.located.get("names"):
        return instance.place
    name = group.located.get("name")
    return name.place if name and isinstance(name.data, str) else group.place


def _iter_longest_candidates(group: Group) -> Iterator[Instance]:
    """The VMs among which the longest names are: of those that nothing tells apart, the last number is the longest."""
    if group.instances and group.instances[-1].number is not None:
        alike = (instance for instance in reversed(group.instances) if instance.settings is group.settings)
        yield from islice(alike, 1)
        for instance, _ in group.iter_overrides():
            yield instance
    else:
        yield from group.instances


_NAME_PATTERN = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_RESERVED_NAME = "kustomization"


@rule("duplicate-name")
def duplicate_name(environment: Environment) -> Iterator[Finding]:
    """Two VMs of one name, or two disks: they would be one object, and the later one would overwrite the other.

    Rename one. Groups meet when one of them is named like a numbered VM of the other, or when a disk's suffix is
    `system`, the name of the disk that the group's image makes.
    """
    vms, disks = _NameRegistry("VM"), _NameRegistry("disk")
    for group in environment.groups:
        for instance in group.instances:
            if vms.claim(instance.name, instance.place, f"vms.{group.key}"):
                for disk in instance.settings.disks:
                    disks.claim(f"{instance.name}-{disk.suffix}", disk.place, f"vms.{group.key}.disks.{disk.suffix}")
    for alone in environment.disks:
        disks.claim(alone.name, alone.place, f"disks.{alone.name}")
    yield from vms.report_duplicates()
    yield from disks.report_duplicates()


@rule("invalid-vm-name")
def invalid_vm_name(environment: Environment) -> Iterator[Finding]:
    """A name in `names:` that the API refuses: a VM's name has lower-case letters, digits and dashes, and a letter first.

    Correct the name.
    """
    for group in environment.groups:
        written = group.located.get("names")
        for index, item in enumerate(written.items if written else ()):
            if isinstance(item.data, str) and not _NAME_PATTERN.fullmatch(item.data):
                message = f"'{_shorten(item.data)}' cannot be a name; use lower-case letters, digits and dashes, a letter first"
                yield Finding(item.place, f"vms.{group.key}.names[{index}]", message)


@rule("reserved-name")
def reserved_name(environment: Environment) -> Iterator[Finding]:
    """A VM or a standalone disk named `kustomization`: its file would be the kustomization.yaml of its folder.

    Choose another name. A group may have this name when its VMs are numbered.
    """
    message = f"'{_RESERVED_NAME}' is the name of a file that every folder has; choose another name"
    for group in environment.groups:
        for instance in group.instances if not group.instances or group.instances[0].number is None else ():
            if instance.name == _RESERVED_NAME:
                yield Finding(locate_name(group, instance), f"vms.{group.key}", message)
    for disk in environment.disks:
        if disk.name == _RESERVED_NAME:
            yield Finding(disk.place, f"disks.{disk.name}", message)


@rule("name-too-long")
def name_too_long(environment: Environment) -> Iterator[Finding]:
    """A name that is longer than the API takes: with the platform's prefix it has to fit into the name of a Helm release.

    Shorten the group's key (or write a short `name:`), the entry of `names:`, or the suffix of the disk.
    """
    for each in _find_longest_names(environment):
        if len(each.name) > each.kind.max_name_length:
            message = f"the {each.noun}'s name '{each.name}' has {len(each.name)} characters, and the platform refuses more"
            yield Finding(each.place, each.subject, f"{message} than {each.kind.max_name_length}; shorten it")


@rule("name-nearly-too-long", "warning")
def name_nearly_too_long(environment: Environment) -> Iterator[Finding]:
    """A name that the API takes and the chart does not bear: its hook jobs are named after the object.

    The object is created, and breaks at the first resize of the disk, or change of the VM's type, when such a job
    would get a name of more than 63 characters. Shorten the name before anything lives under it.
    """
    for each in _find_longest_names(environment):
        safe = each.kind.safe_name_length
        if safe < len(each.name) <= each.kind.max_name_length:
            cause = "past that the first resize" if each.noun == "disk" else "past that the first change of type"
            message = f"the {each.noun}'s name '{each.name}' has {len(each.name)} characters, {safe} are safe: {cause} fails"
            yield Finding(each.place, each.subject, f"{message}; shorten it")


class _NamedObject(NamedTuple):
    name: str
    noun: str
    kind: Kind
    place: Place
    subject: str


def _find_longest_names(environment: Environment) -> Iterator[_NamedObject]:
    """The longest names of each group, of its VMs and of its disks, and the names of the standalone disks."""
    vms, disks = environment.platform.kinds["VMInstance"], environment.platform.kinds["VMDisk"]
    for group in environment.groups:
        instance, disk = find_longest_vm(group), find_longest_disk(group)
        if instance:
            yield _NamedObject(instance.name, "VM", vms, locate_name(group, instance), f"vms.{group.key}")
        if disk:
            yield _NamedObject(disk[0], "disk", disks, disk[1], f"vms.{group.key}.disks.{disk[2]}")
    for alone in environment.disks:
        yield _NamedObject(alone.name, "disk", disks, alone.place, f"disks.{alone.name}")


class _NameRegistry:
    """Names that are taken, and those that were wanted again: told once for each pair of places, not for each name."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self.first_places: dict[str, Place] = {}
        self.duplicates: dict[tuple[Place, Place], list[tuple[str, str]]] = {}

    def claim(self, name: str, place: Place, subject: str) -> bool:
        """Whether the name was free."""
        if name in self.first_places:
            self.duplicates.setdefault((place, self.first_places[name]), []).append((name, subject))
            return False
        self.first_places[name] = place
        return True

    def report_duplicates(self) -> Iterator[Finding]:
        for (place, first), names in self.duplicates.items():
            name, subject = names[0]
            more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            message = f"a second {self.noun} named '{name}'{more}; the first is at {first}: rename one"
            yield Finding(place, subject, message)


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
