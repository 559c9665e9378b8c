"""The names of catalog entries that an environment uses, with their sections of the catalog."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from vmgen.merge.environment import Environment
from vmgen.merge.platform import Platform
from vmgen.read.located import Located


class CatalogReference(NamedTuple):
    """A value that names an entry in a section of the catalog; `noun` is what messages call such an entry."""

    noun: str
    section: str
    value: Located
    subject: str


# Selects uses by the section of the catalog and the name.
Predicate = Callable[[str, str], bool]
# Keys of a VM or of a disk, each with the noun and the section of the entries that it names.
CATALOG_SECTIONS = ("instanceTypes", "profiles", "images", "storageClasses", "gpus")
_VM_KEYS = {
    "instanceType": ("instance type", "instanceTypes"),
    "instanceProfile": ("instance profile", "profiles"),
    "storageClass": ("storage class", "storageClasses"),
}
_DISK_KEYS = {"image": ("image", "images"), "storageClass": ("storage class", "storageClasses")}


def find_references(environment: Environment, sections: Collection[str], predicate: Predicate) -> Iterator[CatalogReference]:
    """Yield the uses of catalog entries in VMs, then in disks, that the predicate selects. Empty names use nothing."""
    vm_keys = _VM_KEYS | find_catalog_keys(environment, "fields")
    disk_keys = _DISK_KEYS | find_catalog_keys(environment, "diskFields")
    vm_keys, disk_keys = ({key: use for key, use in keys.items() if use[1] in sections} for keys in (vm_keys, disk_keys))
    uses = [(vm.values, vm_keys, path) for _, vm, path in environment.vm_settings]
    uses += [(disk, disk_keys, path) for disk, path, _ in environment.disk_settings]
    for settings, keys, path in uses:
        values = settings.located.mapping
        for key, (noun, section) in keys.items():
            for name, step in _list_names(values[key]) if key in values else ():
                if predicate(section, name.text):  # few are selected, and only these need a path
                    yield CatalogReference(noun, section, name, f"{path}.{key}{step}")


def get_entries(platform: Platform, section: str) -> Mapping[str, Located]:
    """Return the entries of a section of the catalog by every name that an environment may use, aliases included."""
    catalog = platform.catalog
    located = catalog.content.get(section)
    entries = located.mapping if located else {}
    return {alias: entries[name] for alias, name in catalog.image_names.items()} if section == "images" else entries


def find_catalog_keys(environment: Environment, section: str) -> dict[str, tuple[str, str]]:
    """Return the keys of the platform's own fields that name catalog entries."""
    fields = environment.platform.content.mapping[section].mapping
    return {
        name: (f"entry of {name}", catalog_section)
        for name, field in fields.items()
        if (catalog_section := field.get_plain("catalog")) is not None
    }


def _list_names(value: Located) -> Sequence[tuple[Located, str]]:
    """Return the names in a value, each with its step in the key path: none for a name, `[0]` for the first of a list."""
    if isinstance(value.data, str):
        return ((value, ""),) if value.data else ()
    return [(item, f"[{index}]") for index, item in value.enumerate_items() if isinstance(item.data, str) and item.data]
