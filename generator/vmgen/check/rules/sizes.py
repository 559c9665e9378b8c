"""Which instance type somebody means who wrote a size, such as `2x8` or `2 vCPU 8 GB`, or a name from elsewhere.

Rules on what a VM is given: its instance type and its profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from vmgen.check.rule import Finding, rule
from vmgen.merge.catalog import InstanceType, Profile
from vmgen.merge.environment import Environment
from vmgen.merge.layers import DISK_SOURCES
from vmgen.problems import did_you_mean, find_closest
from vmgen.quantities import format_size

_CAPACITY_PATTERN = re.compile(
    r"""(?xi)
    (?P<cpu> [0-9]{1,4})
    ( \s* v? (cpus? | cores? | c) ( and | [\s,;:/x*_+-] )* | ( and | [\s,;:/x*_+-] )+ )
    (?P<memory> [0-9]{1,7}) \s* (?P<unit> [gmt])? ( ib? | b )?
    (\s* (ram | memory | mem))?
    """
)
_UNIT_MEBIBYTES = {"m": 1, "g": 1024, "t": 1024 * 1024}


def suggest_type(written: str, types: Mapping[str, InstanceType]) -> str:
    """The end of a message on an unknown instance type: which one is meant."""
    current = {name: each for name, each in types.items() if not each.deprecated}
    wanted = parse_capacity(written)
    if wanted and current:
        return f"; {_suggest_for_capacity(*wanted, current.values())}"
    size_name = written.rpartition(".")[2].lower()
    alike = [name for name in current if name.rpartition(".")[2] == size_name]
    match = find_closest(written, alike)
    if match:
        return f"; did you mean '{match}'?"
    return did_you_mean(written, types) or f"; for example {_format_examples(current.values())}"


def parse_capacity(written: str) -> tuple[int, int] | None:
    """The vCPUs and MiB of memory that a text asks for, or None where it is no size."""
    found = _CAPACITY_PATTERN.fullmatch(written.strip())
    if found is None:
        return None
    return int(found["cpu"]), int(found["memory"]) * _UNIT_MEBIBYTES[(found["unit"] or "g").lower()]


def format_type(type_: InstanceType) -> str:
    """`2 vCPU 8 Gi is u1.large`."""
    memory = format_size(type_.memory)
    return f"{type_.cpu} vCPU {memory[:-2]} {memory[-2:]} is {type_.name}"


def find_smallest_type(types: Iterable[InstanceType], cpu: int, memory: int) -> InstanceType | None:
    """The smallest type that has at least so much, or None."""
    fitting = [each for each in types if each.cpu >= cpu and each.memory >= memory]
    return min(fitting, key=lambda each: (each.cpu, each.memory, each.name)) if fitting else None


def _suggest_for_capacity(cpu: int, memory: int, types: Iterable[InstanceType]) -> str:
    same = [each for each in types if (each.cpu, each.memory) == (cpu, memory)]
    if same:
        return format_type(same[0]) + "".join(f" or {each.name}" for each in same[1:3])
    fitting = find_smallest_type(types, cpu, memory)
    if fitting:
        return f"no type has just that; the smallest with as much: {format_type(fitting)}"
    largest = max(types, key=lambda each: (each.cpu, each.memory, each.name))
    return f"no type is that large; the largest: {format_type(largest)}"


def _format_examples(types: Iterable[InstanceType]) -> str:
    few = sorted(types, key=lambda each: (each.cpu, each.memory, each.name))[:3]
    return ", ".join(format_type(each) for each in few) + "; all: `vmgen catalog types`"


@rule("missing-instance-type")
def missing_instance_type(environment: Environment) -> Iterator[Finding]:
    """A VM without an instance type. The platform would take its own default, and the size nobody chose is billed.

    Write `instanceType:` on the group or in `defaults:`. It may be empty only where the platform has other keys for the size.
    """
    replaceable = _can_be_empty(environment)
    remedy = "write `instanceType:`, here or in `defaults:` (`vmgen catalog types`)"
    for _, vm, path in environment.vm_settings:
        if not vm.values.is_set("instanceType"):
            yield Finding(vm.values.located.place, f"{path}.instanceType", f"no instance type; {remedy}")
        elif vm.values.get_plain("instanceType") == "" and not replaceable:
            message = "the instance type is empty; write one (`vmgen catalog types`)"
            yield Finding(vm.values.find_place("instanceType"), f"{path}.instanceType", message)


@rule("missing-instance-profile")
def missing_instance_profile(environment: Environment) -> Iterator[Finding]:
    """A VM whose profile follows from nothing: no image of the catalog says which operating system it runs.

    The profile decides about firmware, buses and clock; a wrong one can keep the VM from booting. Write `instanceProfile:`.
    """
    catalog = environment.platform.catalog
    common = list(dict.fromkeys(image.profile for image in catalog.images.values() if image.profile))[:3]
    example = f", such as {', '.join(common)}" if common else ""
    message = f"no image says which profile fits; write `instanceProfile:`{example} (`vmgen catalog profiles`)"
    for _, vm, path in environment.vm_settings:
        if vm.values.is_set("instanceProfile") or not (vm.disks or vm.attachments):
            continue  # a VM without disks lacks more than a profile, and that is reported
        sources = [vm.values.located.mapping[name] for name in DISK_SOURCES if vm.values.is_set(name)]
        image = vm.values.get("image")
        if vm.values.is_set("image") and (image is None or catalog.find_image(image.data) is None):
            continue  # the image itself is at fault, and reported
        place = sources[0].place if sources else vm.values.located.place
        yield Finding(place, f"{path}.instanceProfile", message)


@rule("profile-does-not-fit")
def profile_does_not_fit(environment: Environment) -> Iterator[Finding]:
    """A profile that needs more vCPUs or memory than the instance type has: KubeVirt refuses to start such a VM.

    Take the type that the message names, or a profile that asks for less.
    """
    catalog = environment.platform.catalog
    for _, vm, path in environment.vm_settings:
        written = vm.values.get("instanceType")
        type_ = catalog.instance_types.get(written.data) if written else None
        profile = catalog.profiles.get(vm.values.get_plain("instanceProfile", ""))
        if written and type_ and profile and (profile.min_cpu > type_.cpu or profile.min_memory > type_.memory):
            message = _format_too_small(type_, profile, list(catalog.instance_types.values()))
            yield Finding(written.place, f"{path}.instanceType", message)


def _format_too_small(type_: InstanceType, profile: Profile, types: list[InstanceType]) -> str:
    series = [each for each in types if each.series == type_.series and not each.deprecated]
    least = (profile.min_cpu, profile.min_memory)
    better = find_smallest_type(series, *least) or find_smallest_type(types, *least)
    needs = f"{profile.min_cpu} vCPU and {format_size(profile.min_memory)}"
    has = f"{type_.cpu} vCPU and {format_size(type_.memory)}"
    remedy = f"take {better.name} or larger" if better else "take another profile"
    return f"the profile '{profile.name}' needs at least {needs}, and {type_.name} has {has}; {remedy}"


def _can_be_empty(environment: Environment) -> bool:
    """Whether the platform itself says what may stand instead of an instance type."""
    rows = environment.platform.content.get_plain("constraints", [])
    return any(row["field"] == "instanceType" for row in rows)
