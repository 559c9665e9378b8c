"""Inference rules: fill keys that nobody set from those that are. The layer of such a value names its rule, for `explain`."""

from __future__ import annotations

from vmgen.merge.catalog import Catalog
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings
from vmgen.quantities import max_size
from vmgen.read.located import Located


def infer_vm(settings: Settings, platform: Platform) -> Settings:
    """Return the settings of a VM with exposure, profile and the size of the system disk filled in."""
    values: dict[str, Located] = {}
    _infer_exposure(settings, values)
    _infer_profile(settings, platform.catalog, values)
    if has_system_disk(settings):
        _infer_storage(settings, platform, values)
    return settings.with_values(values) if values else settings


def infer_disk(settings: Settings, platform: Platform) -> Settings:
    """Return the settings of a disk, with its size filled in if it is made from an image."""
    values: dict[str, Located] = {}
    if settings.is_set("image"):
        _infer_storage(settings, platform, values)
    # Not every version of a platform finds the bus of an optical disk by itself, so it is written out.
    name = platform.roles.disk_bus
    optical, bus = settings.get("optical"), settings.get(name)
    row = platform.content.mapping["diskFields"].get(name)
    if row and row.get("optical") and optical and optical.data and bus and not bus.data:
        values[name] = Located(
            row.mapping["optical"].data, optical.place, layer="bus of an optical disk", overrides=row.mapping["optical"]
        )
    return settings.with_values(values) if values else settings


def has_system_disk(settings: Settings) -> bool:
    """Return whether a VM gets a system disk: its settings have a source or a size for it."""
    return any(settings.is_set(name) for name in (*DISK_SOURCES, "storage"))


def _infer_exposure(settings: Settings, values: dict[str, Located]) -> None:
    """A VM with ports, or with a method that the user set, is external."""
    if settings.is_set_by_user("external"):
        return
    ports, method = settings.get("externalPorts"), settings.get("externalMethod")
    # A method that is the platform's default is on every VM.
    cause = ports if ports and ports.items else method if settings.is_set_by_user("externalMethod") else None
    if cause:
        values["external"] = Located(True, cause.place, layer="implied by externalPorts or externalMethod")


def _infer_profile(settings: Settings, catalog: Catalog, values: dict[str, Located]) -> None:
    """The profile is the one of the image."""
    name = settings.get("image")
    # An empty profile is one too: it leaves the choice to the platform.
    if name is None or settings.is_set("instanceProfile"):
        return
    image = catalog.find_image(name.text)
    if image and image.profile:
        entry = image.located.mapping["profile"]
        values["instanceProfile"] = Located(image.profile, name.place, layer="profile of the image", overrides=entry)


def _infer_storage(settings: Settings, platform: Platform, values: dict[str, Located]) -> None:
    """The size is the least of a system disk, or of the image if that is more."""
    if settings.is_set("storage"):
        return
    least = platform.system_disk_storage
    name = settings.get("image")
    image = platform.catalog.find_image(name.text) if name else None
    if name is None or image is None:
        values["storage"] = Located(least.data, least.place, layer="least size of a system disk")
        return
    size = max_size(least.text, image.min_storage)
    inputs = Located((least, image.located.mapping["minStorage"]), least.place)
    values["storage"] = Located(size, name.place, layer="least size of the image", overrides=inputs)
