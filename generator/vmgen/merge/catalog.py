"""What a platform offers: instance types, images, profiles, storage classes, GPUs, each with its place in the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from vmgen.quantities import parse_size
from vmgen.read.located import Located

# The first four fields of each are the same: `warning` is said whenever the entry is used. They are written out, since
# tuples with names, which cannot inherit, take a seventh of a dataclass's time to define, and every start pays for it.


class CatalogEntry(NamedTuple):
    """What all catalog entries have."""

    name: str
    located: Located
    deprecated: bool
    warning: str


class InstanceType(NamedTuple):
    """A size of VM; memory in MiB."""

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
    """An operating-system profile with the least vCPUs and MiB of memory that the platform admits; 0 where unknown."""

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


class _CatalogContent(NamedTuple):
    content: Located


class Catalog(_CatalogContent):
    """The sections of a catalog, read from its located mapping when they are first asked for."""

    def _read_entries(self, section: str) -> list[tuple[str, Located, bool, str]]:
        found = self.content.get(section)
        if found is None:
            return []
        return [
            (name, entry, bool(entry.get_plain("deprecated")), entry.get_plain("warning", ""))
            for name, entry in found.mapping.items()
        ]

    @cached_property
    def instance_types(self) -> Mapping[str, InstanceType]:
        return {
            base[0]: InstanceType(
                *base, base[1].get_plain("cpu"), parse_size(base[1].get_plain("memory")), base[1].get_plain("series", "")
            )
            for base in self._read_entries("instanceTypes")
        }

    @cached_property
    def images(self) -> Mapping[str, Image]:
        return {base[0]: _build_image(base) for base in self._read_entries("images")}

    @cached_property
    def image_names(self) -> Mapping[str, str]:
        """Each name that an environment may write, aliases included, to the platform's own name of the image."""
        names = {alias: name for name, image in self.images.items() for alias in image.located.get_plain("aliases", [])}
        return names | {name: name for name in self.images}

    def find_image(self, written: str) -> Image | None:
        """The image of a name or alias, or None."""
        name = self.image_names.get(written)
        return self.images[name] if name else None

    @cached_property
    def profiles(self) -> Mapping[str, Profile]:
        return {base[0]: _build_profile(base) for base in self._read_entries("profiles")}

    @cached_property
    def storage_classes(self) -> Mapping[str, StorageClass]:
        return {base[0]: StorageClass(*base, base[1].get_plain("replicated")) for base in self._read_entries("storageClasses")}

    @cached_property
    def gpus(self) -> Mapping[str, CatalogEntry]:
        return {base[0]: CatalogEntry(*base) for base in self._read_entries("gpus")}


def _build_image(base: tuple[str, Located, bool, str]) -> Image:
    entry = base[1]
    return Image(
        *base,
        entry.get_plain("minStorage"),
        entry.get_plain("profile", ""),
        entry.get_plain("optical", False),
        entry.get_plain("os", ""),
    )


def _build_profile(base: tuple[str, Located, bool, str]) -> Profile:
    entry = base[1]
    memory = entry.get_plain("minMemory")
    return Profile(*base, entry.get_plain("minCPU", 0), parse_size(memory) if memory else 0, entry.get_plain("os", ""))
