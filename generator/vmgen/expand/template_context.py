"""What the templates are given, still located: the one place that says which value goes where.

The expansion takes the places away; `explain` keeps them. What follows by a rule has the rule's sentence as its layer, the
place that set the rule off, and below it the value that the rule took.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vmgen.merge.environment import Environment
from vmgen.merge.layers import DISK_SOURCES, merge
from vmgen.merge.settings import Settings, with_layer
from vmgen.read.located import Located

# Keys that say how disks are made or guarded; the rest of a group's settings goes to its template by name.
_NON_VM_KEYS = frozenset(
    (*DISK_SOURCES, "storage", "storageClass", "disks", "attach", "protect", "vars", "labels", "annotations", "cloudInit")
)
_NON_DISK_KEYS = frozenset((*DISK_SOURCES, "protect", "labels", "annotations"))

LocatedContext = dict[str, Located]


def build_vm_context(environment: Environment, vm: Settings) -> LocatedContext:
    """What the template of a VM is given, but for its name, its disks and its cloud-init."""
    values = {name: value for name, value in vm.located.mapping.items() if name not in _NON_VM_KEYS}
    if "instanceProfile" not in values:
        values["instanceProfile"] = Located("", vm.located.place, layer="no image, so no profile")
    return values | _build_metadata(environment, vm)


def build_disk_context(environment: Environment, disk: Settings, above: tuple[Settings, ...]) -> LocatedContext:
    """What the template of a disk is given, but for its name. `above` are the settings whose labels it takes on."""
    values = {name: value for name, value in disk.located.mapping.items() if name not in _NON_DISK_KEYS}
    values["source"] = _build_source(environment, disk)
    values |= _build_metadata(environment, *above, disk)
    values["annotations"] = _add_protection(environment, disk, values["annotations"])
    return values


def _build_metadata(environment: Environment, *levels: Settings) -> LocatedContext:
    levels = (environment.settings, *levels)
    given = {kind: _merge_levels(levels, kind) for kind in ("labels", "annotations")}
    namespace = environment.settings.get("namespace")
    return {"namespace": namespace, **given} if namespace else given


def _merge_levels(levels: tuple[Settings, ...], kind: str) -> Located:
    """The labels of all levels; what a higher level replaces stands under its value."""
    merged: dict[str, Located] = {}
    for level in levels:
        for name, value in level.get_entries(kind):
            merged[name] = merge(merged[name], value) if name in merged else value
    return Located(merged, levels[-1].located.place)


def _build_source(environment: Environment, disk: Settings) -> Located:
    for name, value in disk.located.mapping.items():
        if name == "image":
            return _derive_located({"image": _derive_located({"name": _resolve_image_name(environment, value)}, value)}, value)
        if name == "url":
            return _derive_located({"http": _derive_located({"url": value}, value)}, value)
        if name == "clone":
            return _derive_located({"disk": _derive_located({"name": value}, value)}, value)
        if name == "upload":
            return _derive_located({"upload": _derive_located({}, value)}, value)
    size = disk.get("storage")
    return Located({}, size.place if size else disk.located.place, layer="a size and no source, so a blank disk")


def _derive_located(data: Mapping[str, Located], cause: Located) -> Located:
    return Located(dict(data), cause.place, cause.key_place, cause.layer)


def _resolve_image_name(environment: Environment, written: Located) -> Located:
    """The platform's own name of an image that may be written by an alias."""
    found = environment.platform.catalog.find_image(written.data)
    if found is None or found.name == written.data:
        return written
    entry = found.located
    return Located(
        found.name, written.place, layer="alias of the image", overrides=Located(found.name, entry.key_place or entry.place)
    )


def _add_protection(environment: Environment, disk: Settings, written: Located) -> Located:
    """The annotations of a disk with those that order and protect it; what the user wrote wins."""
    merged = dict(with_layer(environment.platform.content.data["order"], "platform").mapping)
    merged |= _iter_protection(environment, disk)
    for name, value in written.mapping.items():
        merged[name] = merge(merged[name], value) if name in merged else value
    return Located(merged, written.place)


def _iter_protection(environment: Environment, disk: Settings) -> Iterator[tuple[str, Located]]:
    protect = disk.get("protect")
    kind = "protected" if protect is None or protect.data else "unprotected"
    place = protect.place if protect else disk.located.place
    for name, value in environment.platform.content.data["protection"].data[kind].mapping.items():
        yield name, Located(value.data, place, layer="protection of the disk", overrides=value)
