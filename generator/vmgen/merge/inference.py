"""What follows from what was written: the rules that fill a key which nobody wrote. Each is named, for `explain`."""

from __future__ import annotations

from vmgen.merge.catalog import Catalog
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings
from vmgen.quantities import max_size
from vmgen.read.located import Located


def infer_vm(settings: Settings, platform: Platform) -> Settings:
    """The settings of a VM with all that follows from them."""
    values: dict[str, Located] = {}
    _infer_exposure(settings, values)
    _infer_profile(settings, platform.catalog, values)
    if has_system_disk(settings):
        _infer_storage(settings, platform, values)
    return settings.with_values(values) if values else settings


def infer_disk(settings: Settings, platform: Platform) -> Settings:
    """The settings of a disk with all that follows from them."""
    values: dict[str, Located] = {}
    if settings.is_set("image"):
        _infer_storage(settings, platform, values)
    return settings.with_values(values) if values else settings


def has_system_disk(settings: Settings) -> bool:
    """Whether the VM gets a system disk of its own: something says what is on it, or how large it is."""
    return any(settings.is_set(name) for name in (*DISK_SOURCES, "storage"))


def _infer_exposure(settings: Settings, values: dict[str, Located]) -> None:
    """Ports, or a method, say that the VM is exposed."""
    if settings.is_set_by_user("external"):
        return
    ports, method = settings.get("externalPorts"), settings.get("externalMethod")
    cause = ports if ports and ports.items else method if method and settings.is_set_by_user("externalMethod") else None
    if cause:
        values["external"] = Located(True, cause.place, layer="implied by externalPorts or externalMethod")


def _infer_profile(settings: Settings, catalog: Catalog, values: dict[str, Located]) -> None:
    """The profile is the image's."""
    image = settings.get("image")
    if image is None or settings.is_set("instanceProfile"):
        return
    found = catalog.find_image(image.data)
    if found and found.profile:
        written = found.located.data["profile"]
        values["instanceProfile"] = Located(found.profile, image.place, layer="profile of the image", overrides=written)


def _infer_storage(settings: Settings, platform: Platform, values: dict[str, Located]) -> None:
    """A disk made from an image, or a system disk, has a least size."""
    if settings.is_set("storage"):
        return
    least = platform.system_disk_storage
    image = settings.get("image")
    found = platform.catalog.find_image(image.data) if image else None
    if image is None or found is None:
        values["storage"] = Located(least.data, least.place, layer="least size of a system disk")
        return
    size = max_size(least.data, found.min_storage)
    taken = Located((least, found.located.data["minStorage"]), least.place)
    values["storage"] = Located(size, image.place, layer="least size of the image", overrides=taken)
