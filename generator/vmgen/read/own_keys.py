"""The schema of an environment in a repository whose own platforms have fields that environment.schema.json does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from vmgen.read.located import to_plain
from vmgen.read.repository import Project, read_schema_text
from vmgen.read.schema import Schema, SchemaError, load_builtin_schema
from vmgen.read.source_file import read_yaml_file

# Sections of platform.yaml with fields, and the definitions of the schema that take a key for each.
_DEFINITIONS = {"fields": ("group", "defaults", "instance"), "diskFields": ("disk", "ownDisk", "previousDisk")}


def load_environment_schema(project: Project) -> Schema:
    """Return the schema of an environment, with the keys of fields that only files below the repository's templates/ have."""
    document, builtin = build_environment_document(project), load_builtin_schema("environment")
    return builtin if document is builtin.document else Schema(document)


def build_environment_document(project: Project) -> Mapping[str, Any]:
    """Return the JSON Schema of an environment; the built-in one itself, if the repository adds no key."""
    builtin = load_builtin_schema("environment").document
    document: dict[str, Any] = {}
    for section, name, row in _iter_rows(project):
        key_schema = build_key_schema(row)
        if name not in builtin["$defs"][_DEFINITIONS[section][0]]["properties"] and _is_schema(key_schema):
            document = document or json.loads(read_schema_text("environment"))
            for definition in list_definitions(section, row):
                document["$defs"][definition]["properties"].setdefault(name, key_schema)
    return document or builtin


def _is_schema(document: Mapping[str, Any]) -> bool:
    """Return whether a row is a JSON Schema by itself; the platform's own validation reports one that is not."""
    try:
        return bool(Schema(document).document)
    except (SchemaError, ValueError):
        return False


def list_definitions(section: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the definitions of the schema that have a key for a field. One that is on no disk itself is a VM's to set."""
    names = _DEFINITIONS[section] if row.get("key", True) else ()
    return names if section == "fields" or _find_spec(row) else names[:-1]


def build_key_schema(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of the key of a field: its `schema`, or its rendered form; a list of objects is one of names."""
    own_schema = row["schema"] if isinstance(row.get("schema"), dict) else _find_spec(row)
    items = own_schema.get("items")
    properties = items.get("properties") if isinstance(items, dict) else None
    if own_schema.get("type") == "array" and isinstance(properties, dict) and "name" in properties:
        own_schema = {"type": "array", "items": {"type": "string", "minLength": 1}}
    schema = {"description": "A field of the platform.", **own_schema, "x-platform-field": True}
    if "type" in own_schema:
        types = own_schema["type"] if isinstance(own_schema["type"], list) else [own_schema["type"]]
        # Null removes the value of a lower layer. https://www.rfc-editor.org/rfc/rfc7396#section-2
        schema["type"] = [*types, "null"]
    if isinstance(own_schema.get("enum"), list):
        schema["enum"] = [*own_schema["enum"], None]
    if "default" in row:
        schema["default"] = row["default"]
    return schema


def _find_spec(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the rendered form of a field, or that of the first version that has one."""
    changes = row.get("changes")
    later = changes.values() if isinstance(changes, dict) else ()
    forms = [row.get("spec"), *(change.get("spec") for change in later if isinstance(change, dict))]
    return next((form for form in forms if isinstance(form, dict)), {})


def _iter_rows(project: Project) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield the section, the name and the row of each field with a key, from the repository's own files."""
    # The last folder is the built-in one, whose keys are in the schema already.
    own_folders = project.template_folders[:-1]
    for path in (path for folder in own_folders for path in sorted(folder.glob("*/*.yaml"))):
        content, _ = read_yaml_file(path, project)  # the platform reports what is wrong with it, if it reads the file
        for section in _DEFINITIONS if content else ():
            rows = content.get(section) if content else None
            for name, row in rows.mapping.items() if rows else ():
                if row.mapping and row.get_plain("key", True) is True:
                    yield section, name, to_plain(row)
