"""What follows from what was written: the rules that fill a key which nobody wrote. Each is named, for `explain`."""

from __future__ import annotations

from vmgen.merge.settings import Settings
from vmgen.quantities import larger
from vmgen.read.catalog import Catalog
from vmgen.read.located import Located
from vmgen.read.overlay import SOURCES
from vmgen.read.platform import Platform


def inferred(settings: Settings, platform: Platform) -> Settings:
    """The settings of a VM with all that follows from them."""
    values: dict[str, Located] = {}
    _exposure(settings, values)
    _profile(settings, platform.catalog, values)
    if has_system_disk(settings):
        _storage(settings, platform, values)
    return settings.with_values(values) if values else settings


def inferred_disk(settings: Settings, platform: Platform) -> Settings:
    """The settings of a disk with all that follows from them."""
    values: dict[str, Located] = {}
    if settings.written("image"):
        _storage(settings, platform, values)
    return settings.with_values(values) if values else settings


def has_system_disk(settings: Settings) -> bool:
    """Whether the VM gets a system disk of its own: something says what is on it, or how large it is."""
    return any(settings.written(name) for name in (*SOURCES, "storage"))


def _exposure(settings: Settings, values: dict[str, Located]) -> None:
    """Ports, or a method, say that the VM is exposed."""
    if settings.by_user("external"):
        return
    ports, method = settings.get("externalPorts"), settings.get("externalMethod")
    cause = ports if ports and ports.items else method if method and settings.by_user("externalMethod") else None
    if cause:
        values["external"] = Located(True, cause.place, layer="implied by externalPorts or externalMethod")


def _profile(settings: Settings, catalog: Catalog, values: dict[str, Located]) -> None:
    """The profile is the image's."""
    image = settings.get("image")
    if image is None or settings.written("instanceProfile"):
        return
    found = catalog.image(image.data)
    if found and found.profile:
        written = found.located.data["profile"]
        values["instanceProfile"] = Located(found.profile, image.place, layer="profile of the image", under=written)


def _storage(settings: Settings, platform: Platform, values: dict[str, Located]) -> None:
    """A disk made from an image, or a system disk, has a least size."""
    if settings.written("storage"):
        return
    least = platform.system_disk_storage
    image = settings.get("image")
    found = platform.catalog.image(image.data) if image else None
    if image is None or found is None:
        values["storage"] = Located(least.data, least.place, layer="least size of a system disk")
        return
    size = larger(least.data, found.min_storage)
    taken = Located((least, found.located.data["minStorage"]), least.place)
    values["storage"] = Located(size, image.place, layer="least size of the image", under=taken)
