"""Rules that platforms write themselves: which keys they have, and what must hold between keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from vmgen.check.disk_names import DisksByName
from vmgen.check.refused import holds_refused
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.merge.settings import Settings
from vmgen.read.located import plain
from vmgen.read.platform import Platform
from vmgen.read.schema import Schema, own_schema


@rule("field-not-on-platform")
def field_not_on_platform(environment: Environment) -> Iterator[Finding]:
    """A key that other platforms have, and this one has not. It would be stored and have no effect.

    Remove it, or change `platform:`.
    """
    vm_keys = _marked_keys("") - environment.platform.fields
    disk_keys = _marked_keys("disk") - environment.platform.disk_fields
    for _, vm, path in environment.vm_settings():
        yield from _misplaced(vm.values, vm_keys, path, environment)
        for index, item in enumerate(vm.attached):
            yield from _misplaced(Settings(item), disk_keys, f"{path}.attach[{index}]", environment)
    for disk, path, _ in environment.disk_settings():
        yield from _misplaced(disk, disk_keys, path, environment)


@rule("platform-constraint")
def platform_constraint(environment: Environment) -> Iterator[Finding]:
    """Keys that are right each for itself and that the platform refuses together. The message is the platform's own.

    What must hold is written in the `constraints` and `diskConstraints` of `templates/<platform>/platform.yaml`; the
    message ends with the name of the row.
    """
    on_vms, on_disks = (_constraints(environment.platform, key) for key in ("constraints", "diskConstraints"))
    for _, vm, path in environment.vm_settings() if on_vms else ():
        yield from _failing(vm.values, on_vms, path)
    if on_disks:
        for disk, path in _disks(environment):
            yield from _failing(disk, on_disks, path)


class _Constraint(NamedTuple):
    field: str
    keys: tuple[str, ...]
    schema: Schema
    message: str


def _constraints(platform: Platform, key: str) -> list[_Constraint]:
    rows: list[dict[str, Any]] = platform.content.value(key, [])
    return [
        _Constraint(
            row["field"],
            tuple(sorted(_named(row["schema"]))),
            Schema(row["schema"], ours=platform.built_in),
            f"{row['message']} ({platform.name}: {row['id']})",
        )
        for row in rows
    ]


def _named(schema: Any) -> set[str]:
    """The keys that a schema speaks of: those are what it is shown."""
    if isinstance(schema, list):
        return {name for item in schema for name in _named(item)}
    if not isinstance(schema, dict):
        return set()
    below = {name for key, item in schema.items() if key != "properties" for name in _named(item)}
    return below | set(schema.get("properties", {})) | set(schema.get("required", []))


def _failing(settings: Settings, constraints: list[_Constraint], path: str) -> Iterator[Finding]:
    written = settings.located.mapping
    for each in constraints:
        shown = [name for name in each.keys if name in written]
        if any(holds_refused(written[name]) for name in shown):
            continue
        if not each.schema.valid({name: plain(written[name]) for name in shown}):
            place = settings.place(each.field) if settings.by_user(each.field) else settings.located.place
            yield Finding(place, f"{path}.{each.field}", each.message)


def _disks(environment: Environment) -> Iterator[tuple[Settings, str]]:
    """The disks, and each attached disk as it is on the VM: what the attachment says lies over the disk's own."""
    for disk, path, _ in environment.disk_settings():
        yield disk, path
    names = DisksByName(environment)
    for _, vm, path in environment.vm_settings():
        for index, item in enumerate(vm.attached):
            found = names.get(item.value("name")) if len(item.mapping) > 1 else None
            if found:
                own = {name: value for name, value in item.mapping.items() if name != "name"}
                yield found.settings.with_values(own), f"{path}.attach[{index}]"


def _marked_keys(definition: str) -> frozenset[str]:
    """The keys that environment.schema.json says belong to platforms: those of a group, or those of another definition."""
    definitions = own_schema("environment").document["$defs"]
    keys = definitions[definition]["properties"] if definition else definitions
    return frozenset(name for name, schema in keys.items() if schema.get("x-platform-field"))


def _misplaced(settings: Settings, keys: frozenset[str], path: str, environment: Environment) -> Iterator[Finding]:
    for name in sorted(keys & settings.located.mapping.keys()):
        found = settings.get(name)
        if found and settings.by_user(name) and found.data is not None:
            title = environment.platform.data("title")
            message = f"'{name}' is a key of other platforms, {title} has none; remove it, or change `platform:`"
            yield Finding(found.key or found.place, f"{path}.{name}", message)
