"""Rules on an environment as a whole, on the VMs of a group, and on the overrides of single VMs."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, Group
from vmgen.merge.settings import Settings
from vmgen.problems import Place
from vmgen.quantities import parse_number
from vmgen.read.located import Located

_NAME_KEYS = ("count", "skip", "names", "name")
_MAX_LISTED = 5


@rule("missing-namespace")
def missing_namespace(environment: Environment) -> Iterator[Finding]:
    """No layer sets the tenant namespace. Objects without a namespace are created in the default namespace of the person or
    tool that applies them.

    Write `namespace: tenant-…` in the environment, or in `_defaults.yaml` for all environments.
    """
    if not environment.settings.is_set("namespace"):
        message = "no namespace; write `namespace: tenant-...`, here or in _defaults.yaml"
        yield Finding(Place(environment.file, 1, 1), "namespace", message)


@rule("empty-environment", "warning")
def empty_environment(environment: Environment) -> Iterator[Finding]:
    """An environment without VMs and disks renders nothing. Often a key was moved or a file forgotten.

    Write `vms:` or `disks:`, or remove the file.
    """
    if environment.groups or environment.disks or environment.settings.is_invalid("vms", "disks"):
        return
    message = "neither `vms:` nor `disks:`, so nothing is rendered; write some, or remove the file"
    yield Finding(Place(environment.file, 1, 1), "vms", message)


@rule("count-and-names")
def count_and_names(environment: Environment) -> Iterator[Finding]:
    """`count` and `names` in one group both define its VMs.

    Keep one of them. (A higher layer with one of them replaces the other of a lower layer.)
    """
    for group in environment.groups:
        names = group.located.get("names")
        if names and names.items and "count" in group.located.mapping:
            message = "count and names both define the VMs; keep one"
            yield Finding(names.place, f"vms.{group.key}.names", message)


@rule("unknown-instance")
def unknown_instance(environment: Environment) -> Iterator[Finding]:
    """A key of `instances` that is neither the number nor the name of a VM of the group. It would have no effect.

    Correct the key, or raise the count.
    """
    for group in environment.groups:
        overrides = _get_overrides(group)
        if not overrides:
            continue
        names = {instance.name for instance in group.instances}
        numbers = {instance.number for instance in group.instances}
        for key, value in overrides.items():
            if key not in names and not _is_instance_number(key, numbers):
                message = f"no VM '{key}' in this group; it has {_format_names(group)}"
                yield Finding(value.key_place or value.place, f"vms.{group.key}.instances.{key}", message)


@rule("instance-overridden-twice")
def instance_overridden_twice(environment: Environment) -> Iterator[Finding]:
    """One VM twice in `instances`, by its number and by its name. It is not clear which entry takes precedence.

    Put everything under one of the keys.
    """
    for group in environment.groups:
        overrides = _get_overrides(group)
        for instance in group.instances if overrides else ():
            number = str(instance.number)
            if number in overrides and instance.name in overrides:
                places = (value.key_place or value.place for value in (overrides[number], overrides[instance.name]))
                first, second = sorted(places)
                message = f"{instance.name} is already defined at {first}; merge the two entries"
                yield Finding(second, f"vms.{group.key}.instances.{instance.name}", message)


@rule("skip-without-count", "warning")
def skip_without_count(environment: Environment) -> Iterator[Finding]:
    """`skip` in a group without `count`. There are no numbers to skip.

    Write `count:`, or remove `skip`.
    """
    for group in environment.groups:
        skip = group.located.get("skip")
        if skip and skip.items and "count" not in group.located.mapping:
            message = "skips nothing, since the group has no `count`; write one, or remove this"
            yield Finding(skip.place, f"vms.{group.key}.skip", message)


@rule("skip-out-of-range", "warning")
def skip_out_of_range(environment: Environment) -> Iterator[Finding]:
    """A number in `skip` after the last VM. It has no effect until you raise the count.

    Remove it, unless that is what you want.
    """
    for group in environment.groups:
        skip = group.located.get("skip")
        last = group.instances[-1].number if group.instances else None
        for index, item in skip.enumerate_items() if skip and last else ():
            if last and isinstance(item.data, int) and item.data > last:
                message = f"skips nothing, since the numbers end at {last}; remove {item.data}"
                yield Finding(item.place, f"vms.{group.key}.skip[{index}]", message)


def _get_overrides(group: Group) -> dict[str, Located]:
    """Return the overrides by their keys, none if it is unknown which VMs the group has."""
    settings = Settings(group.located)
    return {} if settings.is_invalid(*_NAME_KEYS) else dict(settings.get_entries("instances"))


def _is_instance_number(key: str, numbers: set[int | None]) -> bool:
    number = parse_number(key)
    return number is not None and str(number) == key and number in numbers


def _format_names(group: Group) -> str:
    """Return the names of the VMs of a group for a message, cut to a few."""
    names = [instance.name for instance in group.instances]
    if len(names) > _MAX_LISTED:
        return f"{', '.join(names[:2])}, ... {names[-1]}"
    return ", ".join(names) or "none"
