"""How others write a platform's objects: defaults of fields, ignored fields, other names.

They are in the rows of the platform's fields; templates/*/adopt.yaml has what belongs to no field.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from vmgen.merge.layers import merge
from vmgen.merge.platform import Platform, PlatformLoader, VersionHint, get_unset
from vmgen.read.located import Located, to_plain
from vmgen.read.schema import Schema, compile_schema

_TABLES_FILE = "{}/adopt.yaml"


def load_conventions(platform: Platform, platforms: PlatformLoader) -> PlatformConventions:
    """Load the conventions on the platform's fields, with the shared adopt.yaml and over it the platform's own, if it has one.

    Raises VmgenError if a file that one of them extends is missing, and ProblemsError if one does not fit its schema.
    """
    tables = platforms.load_data(_TABLES_FILE.format("shared"), "adoption")
    own_file = _TABLES_FILE.format(platform.name)
    if platforms.project.find_template(own_file) is not None:
        # Most of it is true of every platform: what kubectl and the engines write, and what Cozystack once named otherwise.
        tables = merge(tables, platforms.load_data(own_file, "adoption"), "data")
    return PlatformConventions(platform, to_plain(tables), platforms)


class PlatformConventions:
    """A platform and its conventions.

    `generated_annotations` has the annotations that vmgen gives a disk of itself, under `protected` and `unprotected`.
    """

    def __init__(self, platform: Platform, tables: Mapping[str, Any], platforms: PlatformLoader) -> None:
        self.platform = platform
        self.title: str = platform.get_section("title")
        self.release_title = platform.release_title
        order = platform.get_section("order")
        self.generated_annotations: Mapping[str, Mapping[str, str]] = {
            name: {**order, **annotations} for name, annotations in platform.get_section("protection").items()
        }
        self.size_field = "".join(platform.get_size_path("cpu")[:1])
        self._tables = tables
        self._server_fields: dict[str, frozenset[str]] = {}
        self._platforms = platforms
        self._schemas: dict[tuple[str, str], Schema] = {}
        self._tables_by_kind: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._valid_scalars: set[tuple[object, ...]] = set()

    def get_server_fields(self, section: str) -> frozenset[str]:
        """Return the keys in a section of an object that a server, kubectl or a sync engine writes."""
        if section not in self._server_fields:
            self._server_fields[section] = frozenset(self._tables.get("server", {}).get(section, ()))
        return self._server_fields[section]

    def get_table(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return a table of a kind: `defaults`, `ignored`, `renamed` or `twins`."""
        if (kind, name) not in self._tables_by_kind:
            self._tables_by_kind[kind, name] = self._merge_table(kind, name)
        return self._tables_by_kind[kind, name]

    def _merge_table(self, kind: str, name: str) -> Mapping[str, Any]:
        table = self._tables.get("kinds", {}).get(kind, {}).get(name, {})
        field_rows = self.platform.get_field_rows(kind)
        if name == "defaults":
            # The API's own value: what a live object means that leaves the field out.
            rows = {key: get_unset(row) for key, row in field_rows.items() if row.get("unset") or row.get("default")}
        else:
            rows = dict(_iter_spellings(field_rows, self.get_fields(kind), name))
        return {**rows, **table}

    def refuses_text(self, kind: str, field: str) -> bool:
        """Return whether the platform refuses a name in a list of the objects that the field has."""
        row = self.platform.get_field_rows(kind).get(field)
        return row is not None and row.get_plain("import", {}).get("text") == "refused"

    def get_default(self, kind: str, name: str) -> Any:
        """Return the API's value of a field that is left out; None if it is not known."""
        return self.get_table(kind, "defaults").get(name)

    def get_fields(self, kind: str) -> Mapping[str, Any]:
        """Return the fields of a kind's rendered spec, each with its JSON Schema."""
        return _get_spec_properties(self.platform, kind)

    def get_api_version(self, kind: str) -> str:
        """Return the apiVersion of a kind."""
        version: str = self.platform.kinds[kind].schema["properties"]["apiVersion"]["const"]
        return version

    def suggest_version(self, kind: str, field: str) -> str:
        """Return the remedy for a field that this version has not: the version that has, or that nothing reads it."""
        hint = self.platform.find_version_with(lambda platform: field in _get_spec_properties(platform, kind))
        return format_import_hint(hint)

    def suggest_version_for_key(self, key: str) -> str:
        """Return the remedy for a key of a disk that this version has not."""
        return format_import_hint(self.platform.find_version_with(lambda platform: key in platform.disk_fields))

    def get_key_schema(self, shape: str, name: str) -> Schema:
        """Return the schema of a key of an environment's `group` or `disk`."""
        if (shape, name) not in self._schemas:
            definitions = self.platform.release.environment_document["$defs"]
            node = definitions[shape]["properties"].get(name, {})
            if "$ref" in node:
                node = definitions[node["$ref"].rpartition("/")[2]]
            self._schemas[shape, name] = Schema({**node, "$defs": definitions})
        return self._schemas[shape, name]

    def accepts(self, kind: str, shape: str, name: str, value: Located) -> bool:
        """Return whether a field of a kind may hold a value, and the key of its name in a `shape` too; see `get_key_schema`."""
        # A list may have an ambiguous scalar in it, which is equal to a text.
        key = (kind, shape, name, type(value.data), None if isinstance(value.data, dict | tuple) else value.data)
        if key in self._valid_scalars:
            return True
        if self.get_key_schema(shape, name).find_problems(value):
            return False
        if not self.get_field_schema(kind, name).is_valid(to_plain(value)):
            return False
        if not isinstance(value.data, dict | tuple):
            self._valid_scalars.add(key)
        return True

    def get_field_schema(self, kind: str, name: str) -> Schema:
        """Return the schema of a rendered field; a key of an environment may take more, such as the file of an SSH key."""
        if (kind, name) not in self._schemas:
            self._schemas[kind, name] = compile_schema(self.get_fields(kind)[name], f"the schema of {kind}.spec.{name}")
        return self._schemas[kind, name]


def _get_spec_properties(platform: Platform, kind: str) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = platform.kinds[kind].schema["properties"]["spec"]["properties"]
    return properties


def format_import_hint(hint: VersionHint | None) -> str:
    """Return the end of a message that explains how to import a field that a version of the platform lacks."""
    if hint is None:
        return "; no version has it, and nothing reads it: remove it"
    return f"; it is in {hint.description}: if you run that, import with --platform-version {hint.version}"


def _iter_spellings(rows: Mapping[str, Located], fields: Container[str], table: str) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a table of other forms: why a field is ignored, and the names under which others write one."""
    for name, row in rows.items():
        forms = row.get_plain("import", {})
        if table == "ignored" and "ignored" in forms:
            yield name, forms["ignored"]
        elif name in fields and table == "renamed":
            yield from ((old, name) for old in forms.get("renamed", ()))
        elif name in fields and table == "twins":
            yield from ((other, {"field": name, "values": values}) for other, values in (forms.get("twins") or {}).items())
