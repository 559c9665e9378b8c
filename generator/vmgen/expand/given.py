"""What the templates are given, still located: the one place that says which value goes where.

The expansion takes the places away; `explain` keeps them. What follows by a rule has the rule's sentence as its layer, the
place that set the rule off, and below it the value that the rule took.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vmgen.merge.environment import Environment
from vmgen.merge.settings import Settings, marked
from vmgen.read.located import Located
from vmgen.read.overlay import SOURCES, overlaid

# Keys that say how disks are made or guarded; the rest of a group's settings goes to its template by name.
_NOT_THE_VMS = frozenset(
    (*SOURCES, "storage", "storageClass", "disks", "attach", "protect", "vars", "labels", "annotations", "cloudInit")
)
_NOT_THE_DISKS = frozenset((*SOURCES, "protect", "labels", "annotations"))

Given = dict[str, Located]


def vm_given(environment: Environment, vm: Settings) -> Given:
    """What the template of a VM is given, but for its name, its disks and its cloud-init."""
    values = {name: value for name, value in vm.located.mapping.items() if name not in _NOT_THE_VMS}
    if "instanceProfile" not in values:
        values["instanceProfile"] = Located("", vm.located.place, layer="no image, so no profile")
    return values | _metadata(environment, vm)


def disk_given(environment: Environment, disk: Settings, above: tuple[Settings, ...]) -> Given:
    """What the template of a disk is given, but for its name. `above` are the settings whose labels it takes on."""
    values = {name: value for name, value in disk.located.mapping.items() if name not in _NOT_THE_DISKS}
    values["source"] = _source(environment, disk)
    values |= _metadata(environment, *above, disk)
    values["annotations"] = _guarded(environment, disk, values["annotations"])
    return values


def _metadata(environment: Environment, *levels: Settings) -> Given:
    levels = (environment.settings, *levels)
    given = {kind: _together(levels, kind) for kind in ("labels", "annotations")}
    namespace = environment.settings.get("namespace")
    return {"namespace": namespace, **given} if namespace else given


def _together(levels: tuple[Settings, ...], kind: str) -> Located:
    """The labels of all levels; what a higher level replaces stands under its value."""
    merged: dict[str, Located] = {}
    for level in levels:
        for name, value in level.entries(kind):
            merged[name] = overlaid(merged[name], value) if name in merged else value
    return Located(merged, levels[-1].located.place)


def _source(environment: Environment, disk: Settings) -> Located:
    for name, value in disk.located.mapping.items():
        if name == "image":
            return _of({"image": _of({"name": _image_name(environment, value)}, value)}, value)
        if name == "url":
            return _of({"http": _of({"url": value}, value)}, value)
        if name == "clone":
            return _of({"disk": _of({"name": value}, value)}, value)
        if name == "upload":
            return _of({"upload": _of({}, value)}, value)
    size = disk.get("storage")
    return Located({}, size.place if size else disk.located.place, layer="a size and no source, so a blank disk")


def _of(data: Mapping[str, Located], cause: Located) -> Located:
    return Located(dict(data), cause.place, cause.key, cause.layer)


def _image_name(environment: Environment, written: Located) -> Located:
    """The platform's own name of an image that may be written by an alias."""
    found = environment.platform.catalog.image(written.data)
    if found is None or found.name == written.data:
        return written
    entry = found.located
    return Located(found.name, written.place, layer="alias of the image", under=Located(found.name, entry.key or entry.place))


def _guarded(environment: Environment, disk: Settings, written: Located) -> Located:
    """The annotations of a disk with those that order and protect it; what the user wrote wins."""
    merged = dict(marked(environment.platform.content.data["order"], "platform").mapping)
    merged |= _protection(environment, disk)
    for name, value in written.mapping.items():
        merged[name] = overlaid(merged[name], value) if name in merged else value
    return Located(merged, written.place)


def _protection(environment: Environment, disk: Settings) -> Iterator[tuple[str, Located]]:
    protect = disk.get("protect")
    kind = "protected" if protect is None or protect.data else "unprotected"
    place = protect.place if protect else disk.located.place
    for name, value in environment.platform.content.data["protection"].data[kind].mapping.items():
        yield name, Located(value.data, place, layer="protection of the disk", under=value)
