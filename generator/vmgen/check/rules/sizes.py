"""Rules on the instance type and profile of a VM, and suggestions for a type that is unknown (`2x8`, `t3.large`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from vmgen.check.rule import Finding, rule
from vmgen.merge.catalog import InstanceType, Profile
from vmgen.merge.environment import Environment
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.settings import Settings
from vmgen.problems import did_you_mean, find_closest
from vmgen.quantities import format_size, parse_size

_CAPACITY_PATTERN = r"""(?xi)
    (?P<cpu> [0-9]{1,4})
    ( \s{0,8} v? (cpus? | cores? | c) ( and | [\s,;:/x*_+-] ){0,8} | ( and | [\s,;:/x*_+-] ){1,8} )
    (?P<memory> [0-9]{1,7}) \s{0,8} (?P<unit> [gmt])? ( ib? | b )?
    (\s{0,8} (ram | memory | mem))?
    """
_BYTES_PER_UNIT = {"m": 2**20, "g": 2**30, "t": 2**40}


@rule("missing-instance-type")
def missing_instance_type(environment: Environment) -> Iterator[Finding]:
    """A VM without an instance type. Otherwise the platform applies (and bills) its own default size.

    Write `instanceType:` on the group or in `defaults:`. It may be empty only if the platform has other keys for the
    size.
    """
    # A platform whose constraints name the type has other keys for the size.
    constraints = environment.platform.get_constraints("VMInstance")
    can_be_empty = any(constraint["field"] == "instanceType" for constraint in constraints)
    remedy = "write `instanceType:`, here or in `defaults:` (`vmgen catalog types`)"
    for _, vm, path in environment.vm_settings:
        if not vm.values.is_set("instanceType"):
            yield Finding(vm.values.located.place, f"{path}.instanceType", f"no instance type; {remedy}")
        elif vm.values.get_plain("instanceType") == "" and not can_be_empty:
            message = "the instance type is empty; write one (`vmgen catalog types`)"
            yield Finding(vm.values.find_place("instanceType"), f"{path}.instanceType", message)


@rule("missing-instance-profile")
def missing_instance_profile(environment: Environment) -> Iterator[Finding]:
    """A VM without an instance profile, whose image does not imply one. The profile sets firmware, buses and clock; a wrong
    one can prevent the VM from booting.

    Write `instanceProfile:`.
    """
    catalog = environment.platform.catalog
    profiles = list(dict.fromkeys(image.profile for image in catalog.images.values() if image.profile))[:3]
    example = f", such as {', '.join(profiles)}" if profiles else ""
    message = f"no image implies a profile; write `instanceProfile:`{example} (`vmgen catalog profiles`)"
    for _, vm, path in environment.vm_settings:
        if vm.values.is_set("instanceProfile") or not (vm.disks or vm.attachments):
            continue  # a VM without disks lacks more than a profile, and that is reported
        image = vm.values.get("image")
        if vm.values.is_set("image") and (image is None or catalog.find_image(image.text) is None):
            continue  # the image itself is at fault, and reported
        source = next((name for name in DISK_SOURCES if vm.values.is_set(name)), "")
        yield Finding(vm.values.find_place(source), f"{path}.instanceProfile", message)


@rule("profile-does-not-fit")
def profile_does_not_fit(environment: Environment) -> Iterator[Finding]:
    """A profile that needs more vCPUs or memory than the instance type has. KubeVirt refuses to start such a VM.

    Use the type that the message names, or a profile with lower requirements.
    """
    catalog = environment.platform.catalog
    for _, vm, path in environment.vm_settings:
        name = vm.values.get("instanceType")
        type_ = catalog.instance_types.get(name.text) if name else None
        profile = catalog.profiles.get(vm.values.get_plain("instanceProfile", ""))
        if name and type_ and profile and (profile.min_cpu > type_.cpu or profile.min_memory > type_.memory):
            message = _format_too_small(type_, profile, list(catalog.instance_types.values()))
            yield Finding(name.place, f"{path}.instanceType", message)
        elif name and name.data == "" and profile:
            yield from _check_written_size(environment, vm.values, profile, path)


def _check_written_size(environment: Environment, settings: Settings, profile: Profile, path: str) -> Iterator[Finding]:
    """Compare the size of a VM without an instance type with what its profile asks for."""
    for section, least, parse, form in (
        ("cpu", profile.min_cpu, int, str),
        ("memory", profile.min_memory, parse_size, format_size),
    ):
        key_path = environment.platform.get_size_path(section)
        value = settings.located
        for key in key_path:
            inner = value.get(key)
            if inner is None:
                break
            value = inner
        else:
            amount = _parse_amount(parse, value.data) if key_path else None
            if amount is not None and amount < least:
                key = ".".join(key_path)
                message = (
                    f"the profile '{profile.name}' needs at least {form(least)} here; write so much, or take another profile"
                )
                yield Finding(value.place, f"{path}.{key}", message)


def _parse_amount(parse: Callable[[Any], int], value: Any) -> int | None:
    """Return an amount; None for what the schema of the environment has reported, or an own platform names by mistake."""
    try:
        return parse(value)
    except (KeyError, TypeError, ValueError):
        return None


def suggest_type(name: str, types: Mapping[str, InstanceType]) -> str:
    """Return the end of a message about an unknown instance type: the type that is meant, or a few."""
    current = {type_.name: type_ for type_ in types.values() if not type_.deprecated}
    capacity = parse_capacity(name)
    if capacity and current:
        return f"; {_suggest_for_capacity(*capacity, current.values())}"
    # `large` of another series is closer to what was meant than another size of a similar name.
    size_name = name.rpartition(".")[2].lower()
    match = find_closest(name, [candidate for candidate in current if candidate.rpartition(".")[2] == size_name])
    if match:
        return f"; did you mean '{match}'?"
    examples = ", ".join(map(_format_type, sorted(current.values(), key=_size_key)[:3]))
    return did_you_mean(name, types) or f"; for example {examples}; all: `vmgen catalog types`"


def parse_capacity(text: str) -> tuple[int, int] | None:
    """Return the vCPUs and bytes of memory that a text asks for, or None if it is no size."""
    match = re.fullmatch(_CAPACITY_PATTERN, text.strip())
    if match is None:
        return None
    return int(match["cpu"]), int(match["memory"]) * _BYTES_PER_UNIT[(match["unit"] or "g").lower()]


def _suggest_for_capacity(cpu: int, memory: int, types: Iterable[InstanceType]) -> str:
    same = [type_ for type_ in types if (type_.cpu, type_.memory) == (cpu, memory)]
    if same:
        return _format_type(same[0]) + "".join(f" or {type_.name}" for type_ in same[1:3])
    smallest = _find_smallest_type(types, cpu, memory)
    if smallest:
        return f"no type has just that; the smallest with as much: {_format_type(smallest)}"
    return f"no type is that large; the largest: {_format_type(max(types, key=_size_key))}"


def _format_type(type_: InstanceType) -> str:
    """`2 vCPU 8 Gi is u1.large`."""
    memory = format_size(type_.memory)
    return f"{type_.cpu} vCPU {memory[:-2]} {memory[-2:]} is {type_.name}"


def _find_smallest_type(types: Iterable[InstanceType], cpu: int, memory: int) -> InstanceType | None:
    """Return the smallest type that has at least so much, or None."""
    return min((type_ for type_ in types if type_.cpu >= cpu and type_.memory >= memory), key=_size_key, default=None)


def _size_key(type_: InstanceType) -> tuple[int, int, str]:
    return type_.cpu, type_.memory, type_.name


def _format_too_small(type_: InstanceType, profile: Profile, types: list[InstanceType]) -> str:
    # The series first: another one has another ratio of memory to vCPUs.
    series = [other for other in types if other.series == type_.series and not other.deprecated]
    least = (profile.min_cpu, profile.min_memory)
    larger = _find_smallest_type(series, *least) or _find_smallest_type(types, *least)
    needs = f"{profile.min_cpu} vCPU and {format_size(profile.min_memory)}"
    has = f"{type_.cpu} vCPU and {format_size(type_.memory)}"
    remedy = f"take {larger.name} or larger" if larger else "take another profile"
    return f"the profile '{profile.name}' needs at least {needs}, and {type_.name} has {has}; {remedy}"
