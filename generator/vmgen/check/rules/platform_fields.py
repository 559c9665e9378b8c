"""Rules that come from the data of a platform: the keys that it has, and its constraints between keys."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from vmgen.check.disk_names import DiskIndex
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings
from vmgen.read.located import to_plain
from vmgen.read.schema import Schema, compile_schema


@rule("field-not-on-platform")
def field_not_on_platform(environment: Environment) -> Iterator[Finding]:
    """A key that this version of the platform does not have. The platform would store it without an effect.

    Remove it, or correct `platformVersion:` if the platform runs a version with this key, which the message names.
    """
    platform = environment.platform
    vm_keys = (_find_platform_keys("", platform) | _find_versioned_keys(platform, "fields")) - platform.fields
    disk_keys = (_find_platform_keys("disk", platform) | _find_versioned_keys(platform, "diskFields")) - platform.disk_fields
    for _, vm, path in environment.vm_settings:
        yield from _report_misplaced(vm.values, vm_keys, path, environment, "fields")
        for index, item in vm.values.enumerate_items("attach"):
            yield from _report_misplaced(Settings(item), disk_keys, f"{path}.attach[{index}]", environment, "diskFields")
    for disk, path, _ in environment.all_disk_settings:
        yield from _report_misplaced(disk, disk_keys, path, environment, "diskFields")


@rule("platform-version-not-written", "warning")
def platform_version_not_written(environment: Environment) -> Iterator[Finding]:
    """An environment without `platformVersion:` on a platform whose versions take different manifests.

    Write `platformVersion:` in the environment, or in `_defaults.yaml` for all of them. The message shows how to find it.
    """
    platform = environment.platform
    if platform.version and not environment.settings.is_set("platformVersion"):
        versions = ", ".join(f'"{version}"' for version in platform.release.versions.names)
        message = (
            f"is not written, so {platform.release_title} is assumed; write one of {versions}, here or in _defaults.yaml. "
            f"To find out: {platform.release.versions.question}"
        )
        place = environment.settings.find_place("platform")
        yield Finding(place, "platformVersion", message)


@rule("platform-constraint")
def platform_constraint(environment: Environment) -> Iterator[Finding]:
    """Keys that the platform refuses in combination. The message comes from the platform's data and ends with the name of
    the constraint.

    Follow the message. Constraints are defined in the `constraints` of a field, and in `constraints` and
    `diskConstraints` of `templates/<platform>/platform.yaml`.
    """
    vm_constraints = _load_constraints(environment.platform, "VMInstance")
    for _, vm, path in environment.vm_settings if vm_constraints else ():
        yield from _check_constraints(vm.values, vm_constraints, path)
    disk_constraints = _load_constraints(environment.platform, "VMDisk")
    for disk, path in _iter_disks(environment) if disk_constraints else ():
        yield from _check_constraints(disk, disk_constraints, path)


@rule("empty-name")
def empty_name(environment: Environment) -> Iterator[Finding]:
    """An empty instance profile or storage class, on a platform that does not support it.

    Write a name from the catalog, or remove the key to use the default.
    """
    nullable_keys = environment.platform.content.get_plain("mayBeEmpty", [])
    values = [(vm.values, "instanceProfile", path) for _, vm, path in environment.vm_settings]
    values += [(disk, "storageClass", path) for disk, path, _ in environment.all_disk_settings]
    for settings, key, path in values:
        if key not in nullable_keys and settings.get_plain(key) == "" and settings.is_set_by_user(key):
            title = environment.platform.get_section("title")
            message = f"is empty, which {title} does not take; write a name, or remove the key for the default"
            yield Finding(settings.find_place(key), f"{path}.{key}", message)


class _Constraint(NamedTuple):
    field: str
    keys: tuple[str, ...]
    schema: Schema
    message: str


def _load_constraints(platform: Platform, kind: str) -> list[_Constraint]:
    constraints = []
    for row in platform.get_constraints(kind):
        # First: of a JSON Schema the parts that name keys have their types.
        schema = compile_schema(row["schema"], f"the schema of the constraint {row['id']}")
        keys = tuple(sorted(_find_schema_keys(row["schema"])))
        constraints.append(_Constraint(row["field"], keys, schema, f"{row['message']} ({platform.name}: {row['id']})"))
    return constraints


def _find_schema_keys(schema: Any) -> set[str]:
    """Return the keys that a schema names, at any depth."""
    if isinstance(schema, list):
        return {name for item in schema for name in _find_schema_keys(item)}
    if not isinstance(schema, dict):
        return set()
    # Keys below `properties` belong to a value of a value; a constraint looks at the keys of a VM or a disk.
    nested_keys = {name for key, item in schema.items() if key != "properties" for name in _find_schema_keys(item)}
    return nested_keys | set(schema.get("properties", {})) | set(schema.get("required", []))


def _check_constraints(settings: Settings, constraints: list[_Constraint], path: str) -> Iterator[Finding]:
    for field, keys, schema, message in constraints:
        values = {key: settings.located.mapping[key] for key in keys if settings.is_set(key)}
        # A value that failed the schema has its own problem, and says nothing about the others.
        if not settings.is_invalid(*values) and not schema.is_valid({key: to_plain(value) for key, value in values.items()}):
            place = settings.find_place(field) if settings.is_set_by_user(field) else settings.located.place
            yield Finding(place, f"{path}.{field}", message)


def _iter_disks(environment: Environment) -> Iterator[tuple[Settings, str]]:
    """Yield the disks, and each attached disk with the keys of the attachment over its own."""
    for disk, path, _ in environment.disk_settings:
        yield disk, path
    disks = DiskIndex(environment)
    for _, vm, path in environment.vm_settings:
        for index, item in vm.values.enumerate_items("attach"):
            target_disk = disks.get(item.get_plain("name")) if len(item.mapping) > 1 else None
            if target_disk:
                values = {name: value for name, value in item.mapping.items() if name != "name"}
                yield target_disk.settings.with_values(values), f"{path}.attach[{index}]"


def _find_platform_keys(definition: str, platform: Platform) -> frozenset[str]:
    """Return the keys that the schema of environments marks as a platform's: those of a definition, of a group without one."""
    definitions = platform.release.environment_document["$defs"]
    keys = definitions[definition]["properties"] if definition else {**definitions["group"]["properties"], **definitions}
    return frozenset(name for name, schema in keys.items() if schema.get("x-platform-field"))


def _find_versioned_keys(platform: Platform, section: str) -> frozenset[str]:
    """Return the keys of fields that some version of the platform has."""
    return frozenset(platform.release.list_fields(section))


def _report_misplaced(
    settings: Settings, keys: frozenset[str], path: str, environment: Environment, section: str
) -> Iterator[Finding]:
    title = environment.platform.release_title
    for name in sorted(keys & settings.located.mapping.keys()):
        value = settings.get(name)
        if value and settings.is_set_by_user(name) and value.data is not None:
            message = f"{title} has no `{name}`; {_suggest_remedy(name, environment, section)}"
            yield Finding(value.key_place or value.place, f"{path}.{name}", message)


def _suggest_remedy(name: str, environment: Environment, section: str) -> str:
    """Return what to do about a key that this version has not."""
    from vmgen.check.version_hints import PlatformKey, find_version_for  # for messages alone

    platform = environment.platform
    row = platform.content.mapping[section].get(name)
    if row and row.get("instead"):
        return f"write `{row.get_plain('instead')}` instead, which replaces it"
    hint = find_version_for(environment, PlatformKey(section, name))
    field_row = platform.get_field_rows("VMInstance" if section == "fields" else "VMDisk").get(name)
    earlier = field_row.get_plain("import", {}).get("renamed", []) if field_row else []
    keys = [key for key in earlier if key in (platform.fields if section == "fields" else platform.disk_fields)]
    otherwise = f"write `{keys[0]}`, its earlier name" if keys else "remove the key"
    return f"{hint}; otherwise {otherwise}" if hint else f"nothing would read it: {otherwise}"
