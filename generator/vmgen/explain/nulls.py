"""Find what a null affects. It removes a value of a lower layer, and leaves none in the objects to find it by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.expand.model import Disk, Resource
from vmgen.explain.trace import RenderTrace
from vmgen.merge.environment import INSTANCE_KEYS, Instance
from vmgen.merge.layers import DISK_SOURCES, EXCLUSIVE_KEYS
from vmgen.problems import Place
from vmgen.read.layer_file import LayerFile
from vmgen.read.located import KeyPath, Located, format_path

# Listed among the fields if the object as a whole is affected: that it exists, or a field that it leaves out now.
WHOLE_OBJECT = "*"
# Keys of a VM that describe its system disk.
_SYSTEM_DISK_KEYS = (*DISK_SOURCES, "storage", "storageClass", "protect")


class Null(NamedTuple):
    """A null in a file, with its key path."""

    path: KeyPath
    place: Place


class Removal(NamedTuple):
    """A key that a null removes, and where a lower layer sets it; `place` is None if no layer does."""

    key: str
    place: Place | None


class NullEffects(NamedTuple):
    """Finds what the nulls on a line affect in one environment. `layers` are those of the environment, the lowest first."""

    nulls: tuple[Null, ...]
    layers: tuple[LayerFile, ...]

    def find_removals(self) -> Iterator[Removal]:
        """Find what each null removes from the layers below its own: the nearest value of the same key."""
        for null in self.nulls:
            lower: Located | None = None
            for layer in self.layers:
                value = _find_at(layer.content, null.path)
                if value and value.place == null.place:
                    yield Removal(format_path(null.path), (lower.key_place or lower.place) if lower else None)
                lower = value if value and value.data is not None else lower

    def find_fields(self, resource: Resource, instance: Instance | None, trace: RenderTrace) -> Iterator[str]:
        """Find the fields of an object that another value in place of a null would change. `instance` is its VM."""
        if isinstance(resource, Disk) and resource.is_previous:
            instance = None  # a kept disk of another generation inherits the labels of the environment only
        vm_scopes = _list_vm_scopes(resource.group, instance) if instance else ()
        for null in self.nulls:
            scope = next((scope for scope in reversed(vm_scopes) if null.path[: len(scope)] == scope), ())
            steps = null.path[len(scope) :]
            target = _find_vm_target(steps, resource, instance) if scope and instance else _find_target(steps, resource)
            if target is None or _is_set_elsewhere(steps, null, resource, instance):
                continue
            if self._find_deciding_place(steps, vm_scopes if scope else ((),)) == null.place:
                paths = [
                    format_path(field.path)
                    for field in trace.fields
                    if any(target and path[: len(target)] == target for path in (*field.value_paths, *field.condition_paths))
                ]
                yield from paths or [WHOLE_OBJECT]

    def _find_deciding_place(self, steps: KeyPath, scopes: tuple[KeyPath, ...]) -> Place | None:
        """Find the place that sets or removes a key: in the highest scope and layer that has it, or a key that excludes it."""
        excluding_keys = next((keys for keys in EXCLUSIVE_KEYS["group"] if steps[-1] in keys), ())
        for scope in reversed(scopes):
            for layer in reversed(self.layers):
                value = _find_at(layer.content, (*scope, *steps))
                others = (_find_at(layer.content, (*scope, *steps[:-1], key)) for key in excluding_keys)
                value = next((other for other in others if other and other.data is not None), value)
                if value:
                    return value.place
        return None


def _list_vm_scopes(group: str, instance: Instance) -> tuple[KeyPath, ...]:
    """List the key paths that the settings of a VM are merged from, the lowest first."""
    return (("defaults",), ("vms", group), *(("vms", group, "instances", label) for label in instance.labels))


def _find_at(content: Located, path: KeyPath) -> Located | None:
    """Find the value at a path, or the null above it, which removes all below."""
    value: Located | None = content
    for step in path:
        value = value.get(str(step)) if value else None
        if value is None or value.data is None:
            return value
    return value


def _is_set_elsewhere(steps: KeyPath, null: Null, resource: Resource, instance: Instance | None) -> bool:
    """Return true if an object has a value all the same: of a higher level, or a default in place of the null."""
    levels = [resource.settings.located, *([instance.settings.values.located] if instance else [])]
    values = [value for level in levels if (value := _find_at(level, steps))]
    if steps[:1] in (("labels",), ("annotations",)) and len(steps) > 1:
        return bool(values)
    # `find_objects` finds the object by a value at the place of the null.
    return any(value.place == null.place for value in values)


def _find_target(steps: KeyPath, resource: Resource) -> KeyPath | None:
    """Find what a key of an environment sets in the context of an object: a path, empty for the whole, None for nothing."""
    match steps:
        case ("labels" | "annotations", *_):
            return steps if len(steps) > 1 else ()
        case ("disks", name, _, *_) if name == resource.name and isinstance(resource, Disk) and not resource.group:
            return _find_disk_target(steps[2:])
        case _:
            return None


def _find_disk_target(steps: KeyPath) -> KeyPath | None:
    """Find what a key of a disk sets in its context."""
    if steps[0] == "previous":
        return None
    if steps[0] in ("generation", "protect"):  # a part of its name, and annotations
        return ()
    return ("source",) if steps[0] in DISK_SOURCES else steps


def _find_vm_target(steps: KeyPath, resource: Resource, instance: Instance) -> KeyPath | None:
    """Find what a key of a VM sets in the context of it or of one of its disks."""
    if steps[:1] in (("labels",), ("annotations",)):
        return steps if len(steps) > 1 else ()
    if len(steps) == 1 and steps[0] in INSTANCE_KEYS:
        return ()
    settings = instance.settings
    if isinstance(resource, Disk):
        disk_key = next(disk.key for disk in settings.disks if disk.settings is resource.settings)
        if steps[:2] == ("disks", disk_key):
            return _find_disk_target(steps[2:]) if steps[2:] else None
        is_system_disk = settings.system_disk is not None and settings.system_disk.settings is resource.settings
        if is_system_disk and steps == ("system",):
            return ()
        return _find_disk_target(steps) if is_system_disk and steps[:1] and steps[0] in _SYSTEM_DISK_KEYS else None
    match steps:
        case ("disks" | "system",) | ("disks", _) | ("disks", _, "generation"):
            return ()
        case ("image",) if settings.system_disk:
            # The profile of a VM is that of its image, unless somebody sets one.
            return None if settings.values.is_set_by_user("instanceProfile") else ("instanceProfile",)
        case (key,) if key in DISK_SOURCES or key == "storage":
            return None if settings.system_disk else ()
        case () | ("instances" | "disks" | "previous" | "vars" | "cloudInit" | "storageClass" | "protect", *_):
            # Nothing of this VM, or a key in which a null is a value: cloud-init gives some nulls a meaning.
            return None
        case _:
            return steps
