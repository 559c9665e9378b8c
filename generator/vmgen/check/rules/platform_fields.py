"""Rules that come from the data of a platform: the keys that it has, and its constraints between keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from vmgen.check.disk_names import DiskIndex
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
    for _, vm, path in environment.vm_settings:
        yield from _report_misplaced(vm.values, vm_keys, path, environment)
        for index, item in enumerate(vm.attachments):
            yield from _report_misplaced(Settings(item), disk_keys, f"{path}.attach[{index}]", environment)
    for disk, path, _ in environment.all_disk_settings:
        yield from _report_misplaced(disk, disk_keys, path, environment)


@rule("platform-constraint")
def platform_constraint(environment: Environment) -> Iterator[Finding]:
    """Keys that are right each for itself and that the platform refuses together. The message is the platform's own.

    What must hold is written in the `constraints` and `diskConstraints` of `templates/<platform>/platform.yaml`; the
    message ends with the name of the row.
    """
    vm_constraints = _load_constraints(environment.platform, "constraints")
    for _, vm, path in environment.vm_settings if vm_constraints else ():
        yield from _check_constraints(vm.values, vm_constraints, path)
    disk_constraints = _load_constraints(environment.platform, "diskConstraints")
    for disk, path in _iter_disks(environment) if disk_constraints else ():
        yield from _check_constraints(disk, disk_constraints, path)


@rule("empty-name")
def empty_name(environment: Environment) -> Iterator[Finding]:
    """An empty instance profile or storage class on a platform that does not take one.

    Write a name of the catalog, or remove the key for the default.
    """
    allowed = environment.platform.content.get_plain("mayBeEmpty", [])
    values = [(vm.values, "instanceProfile", path) for _, vm, path in environment.vm_settings]
    values += [(disk, "storageClass", path) for disk, path, _ in environment.all_disk_settings]
    for settings, key, path in values:
        if key not in allowed and settings.get_plain(key) == "" and settings.is_set_by_user(key):
            title = environment.platform.get_section("title")
            message = f"is empty, which {title} does not take; write a name, or remove the key for the default"
            yield Finding(settings.find_place(key), f"{path}.{key}", message)


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
    """Return the keys that a schema names, at any depth."""
    if isinstance(schema, list):
        return {name for item in schema for name in _find_schema_keys(item)}
    if not isinstance(schema, dict):
        return set()
    nested = {name for key, item in schema.items() if key != "properties" for name in _find_schema_keys(item)}
    return nested | set(schema.get("properties", {})) | set(schema.get("required", []))


def _check_constraints(settings: Settings, constraints: list[_Constraint], path: str) -> Iterator[Finding]:
    for field, keys, schema, message in constraints:
        values = {key: settings.located.mapping[key] for key in keys if settings.is_set(key)}
        if not settings.is_invalid(*values) and not schema.is_valid({key: to_plain(value) for key, value in values.items()}):
            place = settings.find_place(field) if settings.is_set_by_user(field) else settings.located.place
            yield Finding(place, f"{path}.{field}", message)


def _iter_disks(environment: Environment) -> Iterator[tuple[Settings, str]]:
    """Yield the disks, and each attached disk with the keys of the attachment over its own."""
    for disk, path, _ in environment.disk_settings:
        yield disk, path
    disks = DiskIndex(environment)
    for _, vm, path in environment.vm_settings:
        for index, item in enumerate(vm.attachments):
            attached = disks.get(item.get_plain("name")) if len(item.mapping) > 1 else None
            if attached:
                values = {name: value for name, value in item.mapping.items() if name != "name"}
                yield attached.settings.with_values(values), f"{path}.attach[{index}]"


def _find_platform_keys(definition: str) -> frozenset[str]:
    """Return the keys that environment.schema.json marks as a platform's: those of a definition, of a group without one."""
    definitions = load_builtin_schema("environment").document["$defs"]
    keys = definitions[definition]["properties"] if definition else definitions
    return frozenset(name for name, schema in keys.items() if schema.get("x-platform-field"))


def _report_misplaced(settings: Settings, keys: frozenset[str], path: str, environment: Environment) -> Iterator[Finding]:
    for name in sorted(keys & settings.located.mapping.keys()):
        value = settings.get(name)
        if value and settings.is_set_by_user(name) and value.data is not None:
            title = environment.platform.get_section("title")
            message = f"'{name}' is a key of other platforms, {title} has none; remove it, or change `platform:`"
            yield Finding(value.key_place or value.place, f"{path}.{name}", message)
