"""Rules on names that the catalog has to know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmgen.check.capacity import suggestion
from vmgen.check.catalog_use import SECTIONS, Use, entries, uses
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.suggestions import did_you_mean

_OWN_RULE = ("instanceTypes", "profiles", "images", "storageClasses")


@rule("unknown-instance-type")
def unknown_instance_type(environment: Environment) -> Iterator[Finding]:
    """An instance type that is not in the catalog. The platform accepts any text, and the release fails minutes later.

    Write a type of `vmgen catalog types`, or add a private one to `environments/_catalog.yaml`.
    """
    types = environment.platform.catalog.instance_types
    for use in _unknown(environment, "instanceTypes"):
        message = f"unknown instance type '{use.written.data}'{suggestion(use.written.data, types)}"
        yield Finding(use.written.place, use.subject, message)


@rule("unknown-instance-profile")
def unknown_instance_profile(environment: Environment) -> Iterator[Finding]:
    """An instance profile that is not in the catalog. The platform accepts any text, and the release fails minutes later.

    Write a profile of `vmgen catalog profiles`, or add a private one to `environments/_catalog.yaml`.
    """
    yield from _named(environment, "profiles", "profiles")


@rule("unknown-image")
def unknown_image(environment: Environment) -> Iterator[Finding]:
    """An image that is not in the catalog. The platform looks nothing up: the disk would wait for its source for ever.

    Write an image of `vmgen catalog images`, or add your own golden image to `environments/_catalog.yaml`.
    """
    yield from _named(environment, "images", "images")


@rule("unknown-storage-class")
def unknown_storage_class(environment: Environment) -> Iterator[Finding]:
    """A storage class that is not in the catalog. The volume of such a disk is never provisioned, and nothing says so.

    Write a class of `vmgen catalog classes`, or add a private one to `environments/_catalog.yaml`.
    """
    yield from _named(environment, "storageClasses", "classes")


@rule("unknown-catalog-entry")
def unknown_catalog_entry(environment: Environment) -> Iterator[Finding]:
    """A key that only this platform has, such as one for GPUs, names something that is not in the catalog.

    The scheduler would look for a node with it for ever. Write one that the catalog has, or add yours to
    `environments/_catalog.yaml`.
    """
    for use in _unknown(environment, *(section for section in SECTIONS if section not in _OWN_RULE)):
        yield _not_known(environment, use, use.section)


@rule("deprecated-entry", "warning")
def deprecated_entry(environment: Environment) -> Iterator[Finding]:
    """An instance type, profile, image or storage class that the catalog calls deprecated: it may go with an upgrade.

    Take another one while the change can still be planned.
    """
    title = environment.platform.data("title")
    for use, _ in _marked(environment, "deprecated"):
        message = f"the {use.noun} '{use.written.data}' is deprecated on {title}; take another one"
        yield Finding(use.written.place, use.subject, message)


@rule("catalog-warning", "warning")
def catalog_warning(environment: Environment) -> Iterator[Finding]:
    """Something whose catalog entry carries a `warning`: a name, say, that is documented and yet does not exist.

    The message is the catalog's. Do what it says, or correct the entry in `environments/_catalog.yaml`.
    """
    for use, warning in _marked(environment, "warning"):
        yield Finding(use.written.place, use.subject, warning)


def _unknown(environment: Environment, *sections: str) -> Iterator[Use]:
    known = {section: entries(environment, section) for section in sections}
    return uses(environment, sections, lambda section, name: name not in known[section])


def _marked(environment: Environment, mark: str) -> Iterator[tuple[Use, Any]]:
    """The uses of entries that have a mark such as `deprecated`, each with what the mark says."""
    marks = {
        section: {name: said for name, entry in entries(environment, section).items() if (said := entry.value(mark))}
        for section in SECTIONS
    }
    for use in uses(environment, SECTIONS, lambda section, name: name in marks[section]):
        yield use, marks[use.section][use.written.data]


def _named(environment: Environment, section: str, listing: str) -> Iterator[Finding]:
    for use in _unknown(environment, section):
        yield _not_known(environment, use, listing)


def _not_known(environment: Environment, use: Use, listing: str) -> Finding:
    remedy = did_you_mean(use.written.data, entries(environment, use.section))
    if not remedy:
        remedy = f"; see `vmgen catalog {listing}`, or add it to environments/_catalog.yaml"
    return Finding(use.written.place, use.subject, f"unknown {use.noun} '{use.written.data}'{remedy}")
