"""Rules on what a VM is given: its instance type and its profile."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.check.capacity import find_smallest_type
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.quantities import format_size
from vmgen.read.catalog import InstanceType, Profile
from vmgen.read.overlay import DISK_SOURCES


@rule("missing-instance-type")
def missing_instance_type(environment: Environment) -> Iterator[Finding]:
    """A VM without an instance type. The platform would take its own default, and the size nobody chose is billed.

    Write `instanceType:` on the group or in `defaults:`. It may be empty only where the platform has other keys for the size.
    """
    replaceable = _can_be_empty(environment)
    remedy = "write `instanceType:`, here or in `defaults:` (`vmgen catalog types`)"
    for _, vm, path in environment.vm_settings():
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
    for _, vm, path in environment.vm_settings():
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
    for _, vm, path in environment.vm_settings():
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
