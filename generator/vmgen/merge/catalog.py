"""The catalog of a platform: instance types, images, profiles, storage classes and GPUs, each with its place."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from vmgen.quantities import parse_size
from vmgen.read.located import Located

# The first four fields of each entry are the same. A NamedTuple cannot inherit them.


class CatalogEntry(NamedTuple):
    """An entry without fields of its own. `warning` is reported whenever the entry is used; empty for none."""

    name: str
    located: Located
    deprecated: bool
    warning: str


class InstanceType(NamedTuple):
    """A size of VM: vCPUs, and memory in bytes. `series` is empty if the catalog has none."""

    name: str
    located: Located
    deprecated: bool
    warning: str
    cpu: int
    memory: int
    series: str


class Image(NamedTuple):
    """A golden image. `min_storage` is the least size of a disk made from it; `optical` marks an installer ISO."""

    name: str
    located: Located
    deprecated: bool
    warning: str
    min_storage: str
    profile: str
    optical: bool
    os: str


class Profile(NamedTuple):
    """An operating-system profile with the vCPUs and the bytes of memory that the platform requires for it; 0 if unknown."""

    name: str
    located: Located
    deprecated: bool
    warning: str
    min_cpu: int
    min_memory: int
    os: str


class StorageClass(NamedTuple):
    """A storage class."""

    name: str
    located: Located
    deprecated: bool
    warning: str
    replicated: bool


class Catalog:
    """The sections of a catalog by name, each read from the located mapping when it is first used."""

    def __init__(self, content: Located) -> None:
        self.content = content

    @cached_property
    def instance_types(self) -> Mapping[str, InstanceType]:
        return {
            entry.name: InstanceType(
                *entry,
                entry.located.get_plain("cpu"),
                parse_size(entry.located.get_plain("memory")),
                entry.located.get_plain("series", ""),
            )
            for entry in self._iter_entries("instanceTypes")
        }

    @cached_property
    def images(self) -> Mapping[str, Image]:
        images = {}
        for entry in self._iter_entries("images"):
            get = entry.located.get_plain
            images[entry.name] = Image(*entry, get("minStorage"), get("profile", ""), get("optical", False), get("os", ""))
        return images

    @cached_property
    def image_names(self) -> Mapping[str, str]:
        """The names that an environment may use for an image, aliases included, to the platform's own name."""
        names = {alias: name for name, image in self.images.items() for alias in image.located.get_plain("aliases", [])}
        # Own names win: a repository may have an image under the alias of another.
        return names | {name: name for name in self.images}

    def find_image(self, name: str) -> Image | None:
        """Return the image of a name or alias, or None."""
        own_name = self.image_names.get(name)
        return self.images[own_name] if own_name else None

    @cached_property
    def profiles(self) -> Mapping[str, Profile]:
        profiles = {}
        for entry in self._iter_entries("profiles"):
            get = entry.located.get_plain
            memory = get("minMemory")
            profiles[entry.name] = Profile(*entry, get("minCPU", 0), parse_size(memory) if memory else 0, get("os", ""))
        return profiles

    @cached_property
    def storage_classes(self) -> Mapping[str, StorageClass]:
        return {
            entry.name: StorageClass(*entry, entry.located.get_plain("replicated"))
            for entry in self._iter_entries("storageClasses")
        }

    @cached_property
    def gpus(self) -> Mapping[str, CatalogEntry]:
        return {entry.name: entry for entry in self._iter_entries("gpus")}

    def _iter_entries(self, section: str) -> Iterator[CatalogEntry]:
        located = self.content.get(section)
        for name, entry in (located.mapping if located else {}).items():
            yield CatalogEntry(name, entry, bool(entry.get_plain("deprecated")), entry.get_plain("warning", ""))
