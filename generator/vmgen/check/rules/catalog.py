"""Rules on the names of catalog entries that an environment uses: each is in the catalog, and none is deprecated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmgen.check.catalog_references import (
    CATALOG_SECTIONS,
    CatalogReference,
    find_catalog_keys,
    find_references,
    get_entries,
)
from vmgen.check.rule import Finding, rule
from vmgen.check.rules.sizes import suggest_type
from vmgen.merge.environment import Environment
from vmgen.problems import did_you_mean


@rule("unknown-instance-type")
def unknown_instance_type(environment: Environment) -> Iterator[Finding]:
    """An instance type that is not in the catalog. The platform accepts any text, and the release fails minutes later.

    Use a type from `vmgen catalog types`, or add a private one to `environments/_catalog.yaml`.
    """
    types = environment.platform.catalog.instance_types
    for reference in _find_unknown(environment, "instanceTypes"):
        name = reference.value.text
        remedy = _suggest_version(environment, "instanceTypes", name) or suggest_type(name, types)
        message = f"unknown instance type '{name}'{remedy}"
        yield Finding(reference.value.place, reference.subject, message)


@rule("unknown-instance-profile")
def unknown_instance_profile(environment: Environment) -> Iterator[Finding]:
    """An instance profile that is not in the catalog. The platform accepts any text, and the release fails minutes later.

    Use a profile from `vmgen catalog profiles`, or add a private one to `environments/_catalog.yaml`.
    """
    yield from _report_unknown(environment, "profiles", "profiles")


@rule("unknown-image")
def unknown_image(environment: Environment) -> Iterator[Finding]:
    """An image that is not in the catalog. The platform does not check it, and the disk would wait for its source forever.

    Use an image from `vmgen catalog images`, or add your golden image to `environments/_catalog.yaml`.
    """
    yield from _report_unknown(environment, "images", "images")


@rule("unknown-storage-class")
def unknown_storage_class(environment: Environment) -> Iterator[Finding]:
    """A storage class that is not in the catalog. The volume of such a disk is never provisioned, without an error message.

    Use a class from `vmgen catalog classes`, or add a private one to `environments/_catalog.yaml`.
    """
    yield from _report_unknown(environment, "storageClasses", "classes")


@rule("unknown-catalog-entry")
def unknown_catalog_entry(environment: Environment) -> Iterator[Finding]:
    """A platform-specific key, such as one for GPUs, with a value that is not in the catalog. The scheduler would search for
    a suitable node forever.

    Use a value from the catalog, or add yours to `environments/_catalog.yaml`.
    """
    # Names of hardware are alike, so the nearest one is often another device.
    yield from _report_unknown(environment, "gpus", "gpus", " If not, add yours to environments/_catalog.yaml")


@rule("deprecated-entry", "warning")
def deprecated_entry(environment: Environment) -> Iterator[Finding]:
    """An instance type, profile, image or storage class that the catalog marks as deprecated. An upgrade of the platform may
    remove it.

    Plan a change to another one.
    """
    title = environment.platform.get_section("title")
    for reference, _ in _find_flagged(environment, "deprecated"):
        message = f"the {reference.noun} '{reference.value.data}' is deprecated on {title}; take another one"
        yield Finding(reference.value.place, reference.subject, message)


@rule("catalog-warning", "warning")
def catalog_warning(environment: Environment) -> Iterator[Finding]:
    """A name whose catalog entry has a `warning`, for example because it is documented but does not exist.

    Follow the message, which comes from the catalog, or correct the entry in `environments/_catalog.yaml`.
    """
    for reference, warning in _find_flagged(environment, "warning"):
        yield Finding(reference.value.place, reference.subject, warning)


@rule("hardware-twice")
def hardware_twice(environment: Environment) -> Iterator[Finding]:
    """Hardware in addition to an instance type that includes it, such as GPUs. KubeVirt refuses such a VM.

    Remove the key, or choose an instance type without this hardware.
    """
    types = get_entries(environment.platform, "instanceTypes")
    for key, (_, section) in find_catalog_keys(environment, "fields").items():
        for _, vm, path in environment.vm_settings:
            entry = types.get(str(vm.values.get_plain("instanceType")))
            value = vm.values.get(key)
            if entry and value and value.items and entry.get_plain(section):
                hardware = ", ".join(map(str, entry.get_plain(section)))
                message = f"the instance type brings {hardware} already, and KubeVirt refuses more beside it; remove `{key}`"
                yield Finding(vm.values.find_place(key), f"{path}.{key}", message)


def _find_unknown(environment: Environment, section: str) -> Iterator[CatalogReference]:
    entries = get_entries(environment.platform, section)
    return find_references(environment, (section,), lambda _, name: name not in entries)


def _find_flagged(environment: Environment, flag: str) -> Iterator[tuple[CatalogReference, Any]]:
    """Yield the uses of entries that have a flag such as `deprecated`, each with the value of the flag."""
    flags = {
        section: {
            name: value
            for name, entry in get_entries(environment.platform, section).items()
            if (value := entry.get_plain(flag))
        }
        for section in CATALOG_SECTIONS
    }
    for reference in find_references(environment, CATALOG_SECTIONS, lambda section, name: name in flags[section]):
        yield reference, flags[reference.section][reference.value.text]


def _report_unknown(environment: Environment, section: str, listing: str, otherwise: str = "") -> Iterator[Finding]:
    """Report the names that a section lacks. `otherwise` follows a question about the nearest name."""
    for reference in _find_unknown(environment, section):
        name = reference.value.text
        remedy = _suggest_version(environment, section, name) or _suggest_entry(environment, section, name)
        if remedy.endswith("?"):
            remedy += otherwise
        elif not remedy:
            remedy = f"; see `vmgen catalog {listing}`, or add it to environments/_catalog.yaml"
        yield Finding(reference.value.place, reference.subject, f"unknown {reference.noun} '{name}'{remedy}")


def _suggest_version(environment: Environment, section: str, name: str) -> str:
    """Return the end of a message that names the version of the platform with an entry; empty if no version has it."""
    from vmgen.check.version_hints import CatalogName, find_version_for  # for messages alone

    hint = find_version_for(environment, CatalogName(section, name))
    return f"; {hint}" if hint else ""


def _suggest_entry(environment: Environment, section: str, name: str) -> str:
    """Return the end of a message with the nearest name. For a class that encrypts it is never one that does not."""
    entries = get_entries(environment.platform, section)
    if section != "storageClasses" or "encrypt" not in name:
        return did_you_mean(name, entries)
    encrypted_classes = [entry for entry, located in entries.items() if located.get_plain("encrypted")]
    if encrypted_classes:
        return did_you_mean(name, encrypted_classes) or f"; the classes that encrypt are {', '.join(encrypted_classes)}"
    return (
        f"; {environment.platform.release_title} has no class that encrypts. If yours has, add it to "
        f"environments/_catalog.yaml: `storageClasses: {{{name}: {{replicated: true, encrypted: true}}}}`"
    )
