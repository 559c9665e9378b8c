"""Every name of a catalog entry that an environment uses, whichever key it stands in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from vmgen.merge.environment import Environment
from vmgen.merge.settings import Settings
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
    for _, vm, path in environment.vm_settings() if vm_keys else ():
        yield from _find_in_settings(vm.values, vm_keys, path, pick)
    for disk, path, _ in environment.disk_settings() if disk_keys else ():
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
