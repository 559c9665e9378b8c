"""Every name of a catalog entry that an environment uses, whichever key it stands in.

Rules on names that the catalog has to know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.check.rule import Finding, rule
from vmgen.check.rules.sizes import suggest_type
from vmgen.merge.environment import Environment
from vmgen.merge.settings import Settings
from vmgen.problems import did_you_mean
from vmgen.read.located import Located


class CatalogReference(NamedTuple):
    """A written name, the section of the catalog that should have it, and what people call such an entry."""

    noun: str
    section: str
    value: Located
    subject: str


Predicate = Callable[[str, str], bool]
_KeySections = Mapping[str, tuple[str, str]]
CATALOG_SECTIONS = ("instanceTypes", "profiles", "images", "storageClasses", "gpus")
_VM_KEYS = {
    "instanceType": ("instance type", "instanceTypes"),
    "instanceProfile": ("instance profile", "profiles"),
    "storageClass": ("storage class", "storageClasses"),
}
_DISK_KEYS = {"image": ("image", "images"), "storageClass": ("storage class", "storageClasses")}


def find_references(environment: Environment, sections: Collection[str], pick: Predicate) -> Iterator[CatalogReference]:
    """The uses of some sections that are picked by section and name, in VMs, then in disks; an empty name uses nothing."""
    vm_keys = _filter_sections(_VM_KEYS | _find_platform_keys(environment, "fields"), sections)
    disk_keys = _filter_sections(_DISK_KEYS | _find_platform_keys(environment, "diskFields"), sections)
    for _, vm, path in environment.vm_settings if vm_keys else ():
        yield from _find_in_settings(vm.values, vm_keys, path, pick)
    for disk, path, _ in environment.disk_settings if disk_keys else ():
        yield from _find_in_settings(disk, disk_keys, path, pick)


def get_entries(environment: Environment, section: str) -> Mapping[str, Located]:
    """The entries of a section of the catalog, by every name that may be written: images have aliases."""
    catalog = environment.platform.catalog
    found = catalog.content.get(section)
    entries = found.mapping if found else {}
    return {alias: entries[name] for alias, name in catalog.image_names.items()} if section == "images" else entries


def _filter_sections(keys: _KeySections, sections: Collection[str]) -> _KeySections:
    return {name: (noun, section) for name, (noun, section) in keys.items() if section in sections}


def _find_platform_keys(environment: Environment, section: str) -> dict[str, tuple[str, str]]:
    fields = environment.platform.content.data[section].mapping
    return {
        name: (f"entry of {name}", field.get_plain("catalog"))
        for name, field in fields.items()
        if field.get_plain("catalog") is not None
    }


def _find_in_settings(settings: Settings, keys: _KeySections, path: str, pick: Predicate) -> Iterator[CatalogReference]:
    written = settings.located.mapping
    for name, (noun, section) in keys.items():
        if name not in written:
            continue
        found = written[name]
        if isinstance(found.data, str):
            if found.data and pick(section, found.data):
                yield CatalogReference(noun, section, found, f"{path}.{name}")
            continue
        for index, item in enumerate(found.items):
            if isinstance(item.data, str) and item.data and pick(section, item.data):
                yield CatalogReference(noun, section, item, f"{path}.{name}[{index}]")


_SECTIONS_WITH_OWN_RULE = ("instanceTypes", "profiles", "images", "storageClasses")


@rule("unknown-instance-type")
def unknown_instance_type(environment: Environment) -> Iterator[Finding]:
    """An instance type that is not in the catalog. The platform accepts any text, and the release fails minutes later.

    Write a type of `vmgen catalog types`, or add a private one to `environments/_catalog.yaml`.
    """
    types = environment.platform.catalog.instance_types
    for use in _find_unknown(environment, "instanceTypes"):
        message = f"unknown instance type '{use.value.data}'{suggest_type(use.value.data, types)}"
        yield Finding(use.value.place, use.subject, message)


@rule("unknown-instance-profile")
def unknown_instance_profile(environment: Environment) -> Iterator[Finding]:
    """An instance profile that is not in the catalog. The platform accepts any text, and the release fails minutes later.

    Write a profile of `vmgen catalog profiles`, or add a private one to `environments/_catalog.yaml`.
    """
    yield from _report_unknown(environment, "profiles", "profiles")


@rule("unknown-image")
def unknown_image(environment: Environment) -> Iterator[Finding]:
    """An image that is not in the catalog. The platform looks nothing up: the disk would wait for its source for ever.

    Write an image of `vmgen catalog images`, or add your own golden image to `environments/_catalog.yaml`.
    """
    yield from _report_unknown(environment, "images", "images")


@rule("unknown-storage-class")
def unknown_storage_class(environment: Environment) -> Iterator[Finding]:
    """A storage class that is not in the catalog. The volume of such a disk is never provisioned, and nothing says so.

    Write a class of `vmgen catalog classes`, or add a private one to `environments/_catalog.yaml`.
    """
    yield from _report_unknown(environment, "storageClasses", "classes")


@rule("unknown-catalog-entry")
def unknown_catalog_entry(environment: Environment) -> Iterator[Finding]:
    """A key that only this platform has, such as one for GPUs, names something that is not in the catalog.

    The scheduler would look for a node with it for ever. Write one that the catalog has, or add yours to
    `environments/_catalog.yaml`.
    """
    for use in _find_unknown(environment, *(section for section in CATALOG_SECTIONS if section not in _SECTIONS_WITH_OWN_RULE)):
        yield _build_unknown_finding(environment, use, use.section)


@rule("deprecated-entry", "warning")
def deprecated_entry(environment: Environment) -> Iterator[Finding]:
    """An instance type, profile, image or storage class that the catalog calls deprecated: it may go with an upgrade.

    Take another one while the change can still be planned.
    """
    title = environment.platform.get_section("title")
    for use, _ in _find_flagged(environment, "deprecated"):
        message = f"the {use.noun} '{use.value.data}' is deprecated on {title}; take another one"
        yield Finding(use.value.place, use.subject, message)


@rule("catalog-warning", "warning")
def catalog_warning(environment: Environment) -> Iterator[Finding]:
    """Something whose catalog entry carries a `warning`: a name, say, that is documented and yet does not exist.

    The message is the catalog's. Do what it says, or correct the entry in `environments/_catalog.yaml`.
    """
    for use, warning in _find_flagged(environment, "warning"):
        yield Finding(use.value.place, use.subject, warning)


def _find_unknown(environment: Environment, *sections: str) -> Iterator[CatalogReference]:
    known = {section: get_entries(environment, section) for section in sections}
    return find_references(environment, sections, lambda section, name: name not in known[section])


def _find_flagged(environment: Environment, mark: str) -> Iterator[tuple[CatalogReference, Any]]:
    """The uses of entries that have a mark such as `deprecated`, each with what the mark says."""
    marks = {
        section: {name: said for name, entry in get_entries(environment, section).items() if (said := entry.get_plain(mark))}
        for section in CATALOG_SECTIONS
    }
    for use in find_references(environment, CATALOG_SECTIONS, lambda section, name: name in marks[section]):
        yield use, marks[use.section][use.value.data]


def _report_unknown(environment: Environment, section: str, listing: str) -> Iterator[Finding]:
    for use in _find_unknown(environment, section):
        yield _build_unknown_finding(environment, use, listing)


def _build_unknown_finding(environment: Environment, use: CatalogReference, listing: str) -> Finding:
    remedy = did_you_mean(use.value.data, get_entries(environment, use.section))
    if not remedy:
        remedy = f"; see `vmgen catalog {listing}`, or add it to environments/_catalog.yaml"
    return Finding(use.value.place, use.subject, f"unknown {use.noun} '{use.value.data}'{remedy}")
