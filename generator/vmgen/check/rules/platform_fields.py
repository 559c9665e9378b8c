"""Rules that platforms write themselves: which keys they have, and what must hold between keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from vmgen.check.disk_names import DiskIndex, contains_invalid
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings
from vmgen.read.located import to_plain
from vmgen.read.schema import Schema, load_builtin_schema


@rule("field-not-on-platform")
def field_not_on_platform(environment: Environment) -> Iterator[Finding]:
    """A key that other platforms have, and this one has not. It would be stored and have no effect.

    Remove it, or change `platform:`.
    """
    vm_keys = _find_platform_keys("") - environment.platform.fields
    disk_keys = _find_platform_keys("disk") - environment.platform.disk_fields
    for _, vm, path in environment.vm_settings():
        yield from _report_misplaced(vm.values, vm_keys, path, environment)
        for index, item in enumerate(vm.attachments):
            yield from _report_misplaced(Settings(item), disk_keys, f"{path}.attach[{index}]", environment)
    for disk, path, _ in environment.disk_settings():
        yield from _report_misplaced(disk, disk_keys, path, environment)


@rule("platform-constraint")
def platform_constraint(environment: Environment) -> Iterator[Finding]:
    """Keys that are right each for itself and that the platform refuses together. The message is the platform's own.

    What must hold is written in the `constraints` and `diskConstraints` of `templates/<platform>/platform.yaml`; the
    message ends with the name of the row.
    """
    on_vms, on_disks = (_load_constraints(environment.platform, key) for key in ("constraints", "diskConstraints"))
    for _, vm, path in environment.vm_settings() if on_vms else ():
        yield from _check_constraints(vm.values, on_vms, path)
    if on_disks:
        for disk, path in _iter_disks(environment):
            yield from _check_constraints(disk, on_disks, path)


class _Constraint(NamedTuple):
    field: str
    keys: tuple[str, ...]
    schema: Schema
    message: str


def _load_constraints(platform: Platform, key: str) -> list[_Constraint]:
    rows: list[dict[str, Any]] = platform.content.get_plain(key, [])
    return [
        _Constraint(
            row["field"],
            tuple(sorted(_find_schema_keys(row["schema"]))),
            Schema(row["schema"]),
            f"{row['message']} ({platform.name}: {row['id']})",
        )
        for row in rows
    ]


def _find_schema_keys(schema: Any) -> set[str]:
    """The keys that a schema speaks of: those are what it is shown."""
    if isinstance(schema, list):
        return {name for item in schema for name in _find_schema_keys(item)}
    if not isinstance(schema, dict):
        return set()
    below = {name for key, item in schema.items() if key != "properties" for name in _find_schema_keys(item)}
    return below | set(schema.get("properties", {})) | set(schema.get("required", []))


def _check_constraints(settings: Settings, constraints: list[_Constraint], path: str) -> Iterator[Finding]:
    written = settings.located.mapping
    for each in constraints:
        shown = [name for name in each.keys if name in written]
        if any(contains_invalid(written[name]) for name in shown):
            continue
        if not each.schema.is_valid({name: to_plain(written[name]) for name in shown}):
            place = settings.find_place(each.field) if settings.is_set_by_user(each.field) else settings.located.place
            yield Finding(place, f"{path}.{each.field}", each.message)


def _iter_disks(environment: Environment) -> Iterator[tuple[Settings, str]]:
    """The disks, and each attached disk as it is on the VM: what the attachment says lies over the disk's own."""
    for disk, path, _ in environment.disk_settings():
        yield disk, path
    names = DiskIndex(environment)
    for _, vm, path in environment.vm_settings():
        for index, item in enumerate(vm.attachments):
            found = names.get(item.get_plain("name")) if len(item.mapping) > 1 else None
            if found:
                own = {name: value for name, value in item.mapping.items() if name != "name"}
                yield found.settings.with_values(own), f"{path}.attach[{index}]"


def _find_platform_keys(definition: str) -> frozenset[str]:
    """The keys that environment.schema.json says belong to platforms: those of a group, or those of another definition."""
    definitions = load_builtin_schema("environment").document["$defs"]
    keys = definitions[definition]["properties"] if definition else definitions
    return frozenset(name for name, schema in keys.items() if schema.get("x-platform-field"))


def _report_misplaced(settings: Settings, keys: frozenset[str], path: str, environment: Environment) -> Iterator[Finding]:
    for name in sorted(keys & settings.located.mapping.keys()):
        found = settings.get(name)
        if found and settings.is_set_by_user(name) and found.data is not None:
            title = environment.platform.get_section("title")
            message = f"'{name}' is a key of other platforms, {title} has none; remove it, or change `platform:`"
            yield Finding(found.key_place or found.place, f"{path}.{name}", message)
