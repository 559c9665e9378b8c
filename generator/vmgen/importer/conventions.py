"""How others write a platform's objects: defaults of fields, ignored fields, other names (templates/*/adopt.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vmgen.merge.layers import merge
from vmgen.merge.platform import Platform, PlatformLoader
from vmgen.problems import Place, ProblemsError, VmgenError, sort_problems
from vmgen.read.located import Located, to_plain
from vmgen.read.repository import Project
from vmgen.read.schema import Schema, load_builtin_schema
from vmgen.read.source_file import read_yaml_file


def load_conventions(platform: Platform, platforms: PlatformLoader) -> PlatformConventions:
    """Load the shared adopt.yaml, and over it the platform's own, if it has one.

    Raises ProblemsError if one of them is not valid YAML.
    """
    tables = Located({}, platform.content.place)
    for name in ("shared/adopt.yaml", f"{platform.name}/adopt.yaml"):
        tables = merge(tables, _load_tables(name, platforms.project))
    return PlatformConventions(platform, to_plain(tables), platforms)


def _load_tables(name: str, project: Project) -> Located:
    path = project.find_template(name)
    if path is None:
        return Located({}, Place(f"templates/{name}"))
    content, problems = read_yaml_file(path, project)
    if content is None or problems:
        raise ProblemsError(sort_problems(problems))
    return content


class PlatformConventions:
    """A platform and its conventions.

    `generated_annotations` has the annotations that vmgen gives a disk of itself, under `protected` and `unprotected`.
    """

    def __init__(self, platform: Platform, tables: Mapping[str, Any], platforms: PlatformLoader) -> None:
        self.platform = platform
        self.title: str = platform.get_section("title")
        self.refuses_disks_as_text: bool = tables.get("disksAsText") == "refused"
        order = platform.get_section("order")
        self.generated_annotations: Mapping[str, Mapping[str, str]] = {
            name: {**order, **annotations} for name, annotations in platform.get_section("protection").items()
        }
        self._tables = tables
        self._platforms = platforms
        self._schemas: dict[tuple[str, str], Schema] = {}

    def get_server_fields(self, section: str) -> frozenset[str]:
        """Return the keys in a section of an object that a server, kubectl or a sync engine writes."""
        return frozenset(self._tables["server"][section])

    def get_table(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return a table of a kind: `defaults`, `ignored`, `renamed` or `twins`."""
        table = self._tables
        for key in ("kinds", kind, name):  # a repository's own tables may lack any of them
            table = table.get(key) or {}
            if not isinstance(table, dict):
                raise VmgenError(f"adopt.yaml: {key} of {kind} must be a mapping, as in the built-in file")
        return table

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

    def find_platform_with_field(self, kind: str, field: str) -> str | None:
        """Return the first platform that has a field, or None."""
        for name in self._platforms.project.platform_names:
            platform = self._platforms.load(name)
            if kind in platform.kinds and field in _get_spec_properties(platform, kind):
                return name
        return None

    def find_platform_with_image(self, image: str) -> str | None:
        """Return the first platform whose own name of an image this is, or None."""
        names = self._platforms.project.platform_names
        return next((name for name in names if image in self._platforms.load(name).catalog.images), None)

    def get_key_schema(self, shape: str, name: str) -> Schema:
        """Return the schema of a key of an environment's `group` or `disk`."""
        if (shape, name) not in self._schemas:
            definitions = load_builtin_schema("environment").document["$defs"]
            node = definitions[shape]["properties"].get(name, {})  # a platform may have keys of its own
            if "$ref" in node:
                node = definitions[node["$ref"].rpartition("/")[2]]
            self._schemas[shape, name] = Schema({**node, "$defs": definitions})
        return self._schemas[shape, name]

    def get_field_schema(self, kind: str, name: str) -> Schema:
        """Return the schema of a rendered field; a key of an environment may take more, such as the file of an SSH key."""
        if (kind, name) not in self._schemas:
            self._schemas[kind, name] = Schema(dict(self.get_fields(kind)[name]))
        return self._schemas[kind, name]


def _get_spec_properties(platform: Platform, kind: str) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = platform.kinds[kind].schema["properties"]["spec"]["properties"]
    return properties
