"""Versions of the platform that have what an environment lacks at its own, and all else that the environment uses.

A version that lacks something else would be refused in turn, and send its reader back.
"""

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.check.catalog_references import CATALOG_SECTIONS, find_references, get_entries
from vmgen.merge.environment import Environment
from vmgen.merge.platform import FIELD_SECTIONS, Platform
from vmgen.merge.settings import Settings


class PlatformKey(NamedTuple):
    """A key that comes from a field of the platform, in a section of platform.yaml."""

    section: str
    name: str

    def is_in(self, platform: Platform) -> bool:
        """Return whether a version of the platform has the key."""
        return self.name in (platform.fields if self.section == FIELD_SECTIONS["VMInstance"] else platform.disk_fields)

    def __str__(self) -> str:
        return f"`{self.name}`"


class CatalogName(NamedTuple):
    """A name in a section of the catalog."""

    section: str
    name: str

    def is_in(self, platform: Platform) -> bool:
        """Return whether the catalog of a version has the name; for an image an alias is one too."""
        return self.name in get_entries(platform, self.section)

    def __str__(self) -> str:
        return f"'{self.name}'"


Requirement = PlatformKey | CatalogName


def find_version_for(environment: Environment, requirement: Requirement) -> str:
    """Return a remedy for what this version lacks: the version that has it; empty if none has.

    If each of them lacks something else that the environment uses, the remedy names both instead.
    """
    platform = environment.platform
    any_hint = platform.find_version_with(requirement.is_in)
    if any_hint is None:
        return ""
    others = [
        other for other in _find_requirements(environment) if other != requirement and platform.find_version_with(other.is_in)
    ]
    hint = platform.find_version_with(lambda each: requirement.is_in(each) and all(other.is_in(each) for other in others))
    if hint:
        return hint.remedy
    release = platform.release.build(any_hint.version)
    missing = next(other for other in others if not other.is_in(release))
    return f"{release.release_title} has it, but not {missing}, which is here too: use only one of the two"


def _find_requirements(environment: Environment) -> Iterator[Requirement]:
    """Yield what files of the user ask of the platform: its keys, and names in its catalog."""
    release = environment.platform.release
    vm_section, disk_section = FIELD_SECTIONS["VMInstance"], FIELD_SECTIONS["VMDisk"]
    uses = [(vm.values, vm_section) for _, vm, _ in environment.vm_settings]
    uses += [(disk, disk_section) for disk, _, _ in environment.all_disk_settings]
    # An attachment has keys of a disk too, such as its bus.
    uses += [(Settings(item), disk_section) for _, vm, _ in environment.vm_settings for item in vm.attachments]
    fields = {section: frozenset(release.list_fields(section)) for section in (vm_section, disk_section)}
    keys = {
        (section, name)
        for settings, section in uses
        for name, value in settings.located.mapping.items()
        if name in fields[section] and not value.layer and value.data is not None
    }
    yield from (PlatformKey(*key) for key in sorted(keys))
    references = find_references(environment, CATALOG_SECTIONS, lambda *_: True)
    names = {(reference.section, reference.value.text) for reference in references if not reference.value.layer}
    yield from (CatalogName(*name) for name in sorted(names))
