"""Build the contexts of manifest templates, located: expansion drops the places, `explain` keeps them.

An inferred value has a `layer` that names the rule, the place that caused it, and in `overrides` the value it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vmgen.check.ssh_key import identify_ssh_key
from vmgen.merge.environment import Environment
from vmgen.merge.layers import DISK_SOURCES, merge
from vmgen.merge.settings import Settings, with_layer
from vmgen.read.located import Located

# Keys that templates get in another form or not at all; every other key is given to the template under its own name.
_NON_VM_KEYS = frozenset(
    (
        *(*DISK_SOURCES, "storage", "storageClass", "system", "previous", "disks", "attach", "protect"),
        *("vars", "labels", "annotations", "cloudInit"),
    )
)
_NON_DISK_KEYS = frozenset((*DISK_SOURCES, "rawSource", "protect", "generation", "previous", "of", "labels", "annotations"))

LocatedContext = dict[str, Located]


def build_vm_context(environment: Environment, vm: Settings) -> LocatedContext:
    """Return the context of a VM's template, without its name, disks and user data."""
    context = {name: value for name, value in vm.located.mapping.items() if name not in _NON_VM_KEYS}
    if "instanceProfile" not in context:
        context["instanceProfile"] = Located("", vm.located.place, layer="no image, so no profile")
    if "sshKeys" in context:
        keys, unique_keys = context["sshKeys"], dict[object, Located]()
        for item in keys.items:  # the first of those with equal options stays
            unique_keys.setdefault(identify_ssh_key(item.text), item)
        # The list itself where nothing changes, with the place and the layers that `explain` shows.
        if len(unique_keys) < len(keys.items):
            context["sshKeys"] = keys._replace(data=tuple(unique_keys.values()))
    return context | _build_metadata(environment, vm)


def build_disk_context(environment: Environment, disk: Settings, levels: tuple[Settings, ...]) -> LocatedContext:
    """Return the context of a disk's template, without its name. Labels come from the inherited settings too."""
    context = {name: value for name, value in disk.located.mapping.items() if name not in _NON_DISK_KEYS}
    context["source"] = _build_source(environment, disk)
    context |= _build_metadata(environment, *levels, disk)
    context["annotations"] = _add_protection(environment, disk, context["annotations"])
    return context


def _build_metadata(environment: Environment, *levels: Settings) -> LocatedContext:
    metadata = {}
    for key in ("labels", "annotations"):
        context: LocatedContext = {}
        for level in (environment.settings, *levels):  # the lowest first
            _merge_entries(context, level.get_entries(key))
        metadata[key] = Located(context, (environment.settings, *levels)[-1].located.place)
    namespace = environment.settings.get("namespace")
    return {"namespace": namespace, **metadata} if namespace else metadata


def _merge_entries(context: LocatedContext, entries: Iterator[tuple[str, Located]]) -> None:
    for name, value in entries:
        context[name] = merge(context[name], value) if name in context else value


def _build_source(environment: Environment, disk: Settings) -> Located:
    for name, value in disk.located.mapping.items():
        if name == "image":
            return _nest({"image": _nest({"name": _resolve_image_name(environment, value)}, value)}, value)
        if name == "url":
            return _nest({"http": _nest({"url": value}, value)}, value)
        if name == "clone":
            return _nest({"disk": _nest({"name": value}, value)}, value)
        if name == "upload":
            return _nest({"upload": _nest({}, value)}, value)
        if name == "rawSource":
            return value
    size = disk.get("storage")
    return Located({}, size.place if size else disk.located.place, layer="a size and no source, so a blank disk")


def _nest(data: Mapping[str, Located], cause: Located) -> Located:
    """Return a mapping that has the place of the value that it is built from."""
    return Located(dict(data), cause.place, cause.key_place, cause.layer)


def _resolve_image_name(environment: Environment, image: Located) -> Located:
    """Return the platform's own name of an image; the user may have written an alias."""
    entry = environment.platform.catalog.find_image(image.text)
    if entry is None or entry.name == image.data:
        return image
    catalog_name = Located(entry.name, entry.located.key_place or entry.located.place)
    return Located(entry.name, image.place, layer="alias of the image", overrides=catalog_name)


def _add_protection(environment: Environment, disk: Settings, annotations: Located) -> Located:
    """Add the platform's annotations that order and protect a disk; those of the user win."""
    content = environment.platform.content.mapping
    order_and_protection = dict(with_layer(content["order"], "platform").mapping)
    protect = disk.get("protect")
    place = protect.place if protect else disk.located.place
    protection = content["protection"].mapping["protected" if protect is None or protect.data else "unprotected"]
    for name, value in protection.mapping.items():
        order_and_protection[name] = Located(value.data, place, layer="protection of the disk", overrides=value)
    _merge_entries(order_and_protection, iter(annotations.mapping.items()))
    return Located(order_and_protection, annotations.place)
