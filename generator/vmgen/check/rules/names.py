"""Rules on the names of objects. On this platform a name is the identity of a VM, and of the data on a disk."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, Group, Instance
from vmgen.merge.own_disks import SYSTEM_DISK, OwnDisk
from vmgen.merge.platform import Kind
from vmgen.problems import Place, shorten

# A label of RFC 1035, as the API checks it when a VM is made (`validation.go` of Cozystack's apps API). No digit comes first.
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#rfc-1035-label-names
_NAME_PATTERN = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_RESERVED_NAME = "kustomization"


@rule("duplicate-name")
def duplicate_name(environment: Environment) -> Iterator[Finding]:
    """Two VMs or two disks with one name. They would be one object, and the later one would overwrite the other.

    Rename one. A group can clash with a numbered VM of another group, and a disk with the suffix `system` clashes with
    the disk of the group's image.
    """
    vms, disks = _NameRegistry("VM"), _NameRegistry("disk")
    for group in environment.groups:
        subject = f"vms.{group.key}"
        for instance in group.instances:
            if vms.claim(instance.name, instance.place, subject):
                own_disks = instance.settings.disks
                if instance.settings.previous:
                    # `generation-in-use` reports a previous disk that is the current one.
                    generations = {(disk.key, disk.generation) for disk in own_disks}
                    previous = (disk for disk in instance.previous_disks if (disk.key, disk.generation) not in generations)
                    own_disks = (*own_disks, *previous)
                for own_disk in own_disks:
                    disks.claim(f"{instance.name}-{own_disk.suffix}", own_disk.place, f"{subject}.disks.{own_disk.suffix}")
    for disk in environment.disks:
        disks.claim(disk.name, disk.place, f"disks.{disk.name}")
    yield from vms.report_duplicates()
    yield from disks.report_duplicates()


@rule("invalid-vm-name")
def invalid_vm_name(environment: Environment) -> Iterator[Finding]:
    """An entry of `names:` that the API refuses. The name of a VM has lower-case letters, digits and dashes, and begins with
    a letter.

    Correct the name.
    """
    for group in environment.groups:
        names = group.located.get("names")
        for index, item in names.enumerate_items() if names else ():
            if isinstance(item.data, str) and not re.fullmatch(_NAME_PATTERN, item.data):
                form = "lower-case letters, digits and dashes, beginning with a letter"
                message = f"'{shorten(item.data)}' cannot be a name; use {form}"
                yield Finding(item.place, f"vms.{group.key}.names[{index}]", message)


@rule("reserved-name")
def reserved_name(environment: Environment) -> Iterator[Finding]:
    """A VM or a standalone disk named `kustomization`. Its file would overwrite the kustomization.yaml of its folder.

    Choose another name. A group may have this name if its VMs are numbered.
    """
    message = f"'{_RESERVED_NAME}' is the name of a file that every folder has; choose another name"
    for group in environment.groups:
        # A numbered VM ends in its number, so it cannot have this name.
        for instance in group.instances if not group.instances or group.instances[0].number is None else ():
            if instance.name == _RESERVED_NAME:
                yield Finding(_locate_name(group, instance), f"vms.{group.key}", message)
    for disk in environment.disks:
        if disk.name == _RESERVED_NAME:
            yield Finding(disk.place, f"disks.{disk.name}", message)


@rule("name-too-long")
def name_too_long(environment: Environment) -> Iterator[Finding]:
    """A name that is too long for the API: with the platform's prefix, it must fit into the name of a Helm release.

    Shorten the group's key (or set a short `name:`), the entry of `names:`, or the suffix of the disk.
    """
    for longest in _find_longest_names(environment):
        length, limit = len(longest.name), longest.kind.max_name_length
        if length > limit:
            message = f"the {longest.noun}'s name '{longest.name}' has {length} characters, and the platform refuses more"
            yield Finding(longest.place, longest.subject, f"{message} than {limit}; {longest.remedy}")


@rule("name-nearly-too-long", "warning")
def name_nearly_too_long(environment: Environment) -> Iterator[Finding]:
    """Accepted by the API but too long for the chart, whose hook jobs are named after the object. The object is created, but
    its first change that needs such a job fails: a resize of the disk, or a new instance type.

    Shorten the name before you put data under it.
    """
    for longest in _find_longest_names(environment):
        length, safe = len(longest.name), longest.kind.safe_name_length
        if safe < length <= longest.kind.max_name_length:
            operation = "resize" if longest.noun == "disk" else "change of type"
            message = f"the {longest.noun}'s name '{longest.name}' has {length} characters, {safe} are safe"
            yield Finding(longest.place, longest.subject, f"{message}: past that the first {operation} fails; {longest.remedy}")


class _NameRegistry:
    """The names of objects of one kind, and those that are claimed twice: once for each pair of places, not for each name."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._first_places: dict[str, Place] = {}
        self._duplicates: dict[tuple[Place, Place], list[tuple[str, str]]] = {}

    def claim(self, name: str, place: Place, subject: str) -> bool:
        """Register a name. Return False if it is a duplicate."""
        if name in self._first_places:
            self._duplicates.setdefault((place, self._first_places[name]), []).append((name, subject))
            return False
        self._first_places[name] = place
        return True

    def report_duplicates(self) -> Iterator[Finding]:
        for (place, first_place), claims in self._duplicates.items():
            name, subject = claims[0]
            more = f" (and {len(claims) - 1} more)" if len(claims) > 1 else ""
            message = f"a second {self._noun} named '{name}'{more}; the first is at {first_place}: rename one"
            yield Finding(place, subject, message)


class _NamedObject(NamedTuple):
    name: str
    noun: str
    kind: Kind
    place: Place
    subject: str
    remedy: str = "shorten it"


def _find_longest_names(environment: Environment) -> Iterator[_NamedObject]:
    """Yield the longest name of a VM and of an own disk of each group, and the names of the standalone disks."""
    vm_kind, disk_kind = environment.platform.kinds["VMInstance"], environment.platform.kinds["VMDisk"]
    for group in environment.groups:
        instances = list(_iter_longest_candidates(group))
        if instances:
            longest = max(instances, key=lambda instance: len(instance.name))
            yield _NamedObject(longest.name, "VM", vm_kind, _locate_name(group, longest), f"vms.{group.key}")
        disks = [(instance, disk) for instance in instances for disk in instance.settings.disks]
        if disks:
            owner, disk = max(disks, key=lambda pair: len(pair[0].name) + len(pair[1].suffix))
            subject = f"vms.{group.key}.disks.{disk.suffix}"
            remedy = _suggest_shorter_key(disk) if disk.generation > 1 else "shorten it"
            yield _NamedObject(f"{owner.name}-{disk.suffix}", "disk", disk_kind, disk.place, subject, remedy)
    for standalone in environment.disks:
        yield _NamedObject(standalone.name, "disk", disk_kind, standalone.place, f"disks.{standalone.name}")


def _suggest_shorter_key(disk: OwnDisk) -> str:
    """Return how to make the next generation of a disk under a shorter name: the VM that exists keeps its own."""
    if disk.key == SYSTEM_DISK:
        return (
            "write the new system disk as the first of `disks:` under a shorter key, such as `os: {image: ...}`, in place of "
            "`image:` and `system:`, and the `instanceProfile:` of the VM; `previous:` stays as it is"
        )
    return (
        "write the new disk under a shorter key of `disks:` in place of this one, and the disk before with its full name under "
        "the environment's `disks:`"
    )


def _iter_longest_candidates(group: Group) -> Iterator[Instance]:
    """Yield the VMs that may have the longest names: of numbered VMs without overrides, the last is enough."""
    if group.instances and group.instances[-1].number is not None:
        without_override = (instance for instance in reversed(group.instances) if instance.settings is group.settings)
        yield from islice(without_override, 1)
        yield from (instance for instance, _ in group.iter_overrides())
    else:
        yield from group.instances


def _locate_name(group: Group, instance: Instance) -> Place:
    """Return the place that names a VM: its item of `names`, the `name`, or the key of the group."""
    if instance.number is None and group.located.get("names"):
        return instance.place
    name = group.located.get("name")
    return name.place if name and isinstance(name.data, str) else group.place
