"""Rules on names that the catalog has to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmgen.check.capacity import suggest_type
from vmgen.check.catalog_use import CATALOG_SECTIONS, CatalogReference, find_references, get_entries
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.suggestions import did_you_mean

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
