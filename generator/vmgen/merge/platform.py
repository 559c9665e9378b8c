"""Platforms: folders of templates whose data files are read, merged and validated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from vmgen.merge.catalog import Catalog
from vmgen.merge.layers import DEFAULT_PLATFORM, merge
from vmgen.merge.roles import FieldRoles, read_roles
from vmgen.merge.settings import with_layer
from vmgen.merge.versions import UnknownVersionError, Versions
from vmgen.problems import ProblemsError, VmgenError, did_you_mean, sort_problems
from vmgen.read.located import INVALID, Located, to_plain
from vmgen.read.own_keys import build_environment_document
from vmgen.read.repository import Project
from vmgen.read.schema import Schema, compile_schema, load_builtin_schema
from vmgen.read.source_file import read_json_file, read_yaml_file
from vmgen.rules import UNKNOWN_PLATFORM, UNKNOWN_PLATFORM_VERSION

# The section of platform.yaml with the fields of each kind.
FIELD_SECTIONS = {"VMInstance": "fields", "VMDisk": "diskFields"}
# The fields that platforms have in common.
FIELDS_FILE = "shared/fields.yaml"


class Kind(NamedTuple):
    """A kind of object: its template, the schema of its manifests, its folder, and the length of its names.

    The API refuses names longer than `max_name_length`;
    longer than `safe_name_length`, the platform's own jobs fail later.
    """

    name: str
    template: str
    schema: Mapping[str, Any]
    folder: str
    max_name_length: int
    safe_name_length: int


class Platform(NamedTuple):
    """A platform at one of its versions: kinds, catalog, and the content of platform.yaml.

    `version` is empty on a platform without versions. `release` is the source that builds its other versions. `defaults` and
    `disk_defaults` are the lowest layers of each VM group and of each disk, with the defaults of the platform's fields.
    """

    name: str
    version: str
    kinds: Mapping[str, Kind]
    catalog: Catalog
    content: Located
    release: PlatformRelease
    defaults: Located
    disk_defaults: Located

    @property
    def release_title(self) -> str:
        """The name for people, with the version: `Cozystack 1.6`."""
        return f"{self.get_section('title')} {self.version}".rstrip()

    @property
    def system_disk_storage(self) -> Located:
        """The least size of a system disk."""
        size: Located = self.content.mapping["systemDiskStorage"]
        return size

    @property
    def fields(self) -> frozenset[str]:
        """The keys of a group that come from a field of the platform."""
        return _find_keys(self.content, "fields")

    @property
    def disk_fields(self) -> frozenset[str]:
        """The keys of a disk that come from a field of the platform."""
        return _find_keys(self.content, "diskFields")

    @property
    def roles(self) -> FieldRoles:
        """The names of the fields that the program knows by their role."""
        return self.release.load_roles(self.content)

    def get_size_path(self, part: str) -> list[str]:
        """Return the key path of `cores`, `cpu` or `memory` of a VM without an instance type; empty if there is none."""
        path: list[str] = self.content.get_plain("sizeWithoutType", {}).get(part, [])
        return path

    def get_section(self, name: str) -> Any:
        """Return a section of platform.yaml as plain data."""
        return to_plain(self.content.mapping[name])

    def get_constraints(self, kind: str) -> list[dict[str, Any]]:
        """Return what must hold for an object of a kind: the platform's own rows, and those of its fields."""
        section = "constraints" if kind == "VMInstance" else "diskConstraints"
        rows = self.content.mapping[FIELD_SECTIONS[kind]].mapping.values()
        own = self.content.get_plain(section, [])
        return [*own, *(constraint for row in rows for constraint in row.get_plain("constraints", []))]

    def get_field_rows(self, kind: str) -> Mapping[str, Located]:
        """Return what is known of each field of a kind's spec, those included that this version has not."""
        rows: Located = self.release.merge_known_fields(self.content).mapping[FIELD_SECTIONS[kind]]
        return rows.mapping

    def find_version_with(self, condition: Callable[[Platform], bool]) -> VersionHint | None:
        """Return the words for the versions that meet a condition; None if no version does."""
        matches = tuple(version for version in self.release.versions.names if condition(self.release.build(version)))
        if not matches:
            return None
        versions = self.release.versions
        # A platform is upgraded and not set back, so a newer version comes first.
        newer = [version for version in matches if versions.is_older(self.version, version)]
        nearest = newer[0] if newer else matches[-1]
        return VersionHint(f"{self.get_section('title')} {versions.describe(matches)}", nearest)


class VersionHint(NamedTuple):
    """Versions of a platform that have something: their description for a message, and the one nearest to that in use."""

    description: str
    version: str

    @property
    def remedy(self) -> str:
        """What to write in an environment: `it is in Hikube 2: if you run that, write ...`."""
        return f'it is in {self.description}: if you run that, write `platformVersion: "{self.version}"`'


def _merge_field_defaults(content: Located, defaults: str, fields: str) -> Located:
    common = content.mapping[defaults]
    # What platform.yaml writes below `defaults:` wins over the default of a row, which platforms share.
    own = {name: row.mapping["default"] for name, row in content.mapping[fields].mapping.items() if row.get("default")}
    return with_layer(Located({**own, **common.mapping}, common.place), "platform")


def get_unset(row: Located) -> Any:
    """Return what the platform takes for a field that a manifest leaves out; None if it is not known."""
    return row.get_plain("unset", row.get_plain("default"))


def _find_keys(content: Located, section: str) -> frozenset[str]:
    return frozenset(name for name, row in content.mapping[section].mapping.items() if row.get_plain("key", True))


class PlatformRelease:
    """The files of a platform with all of its versions, each of which is built once."""

    def __init__(self, name: str, project: Project) -> None:
        self.name = name
        self.project = project
        self._files: dict[Path, Located] = {}
        self._content = self._validate(load_extended(f"{name}/platform.yaml", project, files=self._files), "platform")
        self._catalog = load_extended(f"{name}/catalog.yaml", project, files=self._files)
        self._own_catalog: Located | None = None
        if os.path.lexists(project.own_catalog):
            self._own_catalog = _read_content(project.own_catalog, project)
        if self._own_catalog:
            validate(merge(self._catalog, self._own_catalog), "catalog")
        else:
            self._validate(self._catalog, "catalog")
        self.versions = Versions(
            tuple(self._content.get_plain("versions", [])),
            self._content.get_plain("defaultVersion", ""),
            self._content.get_plain("versionQuestion", ""),
        )
        self._platforms: dict[str, Platform] = {}
        self._shared_fields: Located | None = None
        self._known_fields: dict[int, Located] = {}
        self._roles: dict[int, FieldRoles] = {}
        self._schemas: dict[int, Schema] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what cannot be pickled: the result of a worker holds its platform."""
        return {**self.__dict__, "_schemas": {}}

    @cached_property
    def environment_document(self) -> Mapping[str, Any]:
        """The JSON Schema of an environment, with the keys that the repository's own platforms add."""
        return build_environment_document(self.project)

    def merge_known_fields(self, content: Located) -> Located:
        """Return the fields of a version over those that any platform has, of which it may lack some."""
        if self._shared_fields is None:
            self._shared_fields = load_extended(FIELDS_FILE, self.project, files=self._files)
        # `content` is that of a version, which is kept in `_platforms`, so that its id stays its own.
        if id(content) not in self._known_fields:
            own = Located({key: content.mapping[key] for key in FIELD_SECTIONS.values()}, content.place)
            self._known_fields[id(content)] = merge(self._shared_fields, own, "data")
        return self._known_fields[id(content)]

    def load_roles(self, content: Located) -> FieldRoles:
        """Return the roles of the fields that any version of the platform has."""
        if id(content) not in self._roles:
            sections = self.merge_known_fields(content).mapping
            self._roles[id(content)] = read_roles(sections["fields"].mapping, sections["diskFields"].mapping)
        return self._roles[id(content)]

    def compile_schema(self, kind: Kind) -> Schema:
        """Return the schema of a kind of one of the versions. Raises VmgenError if it is not a JSON Schema."""
        if id(kind) not in self._schemas:  # as above, kept in `_platforms`
            self._schemas[id(kind)] = compile_schema(kind.schema, f"the schema of {kind.name}")
        return self._schemas[id(kind)]

    def list_fields(self, section: str) -> tuple[str, ...]:
        """Return the names of all fields that some version has, of a section of platform.yaml."""
        return tuple(self._content.mapping[section].mapping)

    def list_builtin_catalogs(self) -> tuple[Located, ...]:
        """Return the catalog of each version, newest first, without what the repository adds."""
        return tuple(self.versions.select(self._catalog, version) for version in reversed(self.versions.names or ("",)))

    def build(self, version: str) -> Platform:
        """Return the platform at one of the known versions.

        Raises VmgenError if one of its files is missing, and ProblemsError if what a version changes does not fit its schema.
        """
        if version not in self._platforms:
            content = self._select(self._content, version, "platform")
            catalog = self._select(self._catalog, version, "catalog")
            if self._own_catalog:  # an entry of the repository exists, also if the platform's own catalog lacks it
                catalog = merge(catalog, self._select(self._own_catalog, version, "catalog"))
            kinds = {kind: self._load_kind(kind, entry, content) for kind, entry in content.mapping["kinds"].mapping.items()}
            defaults = _merge_field_defaults(content, "defaults", "fields")
            disk_defaults = _merge_field_defaults(content, "diskDefaults", "diskFields")
            self._platforms[version] = Platform(
                self.name, version, kinds, Catalog(catalog), content, self, defaults, disk_defaults
            )
        return self._platforms[version]

    def _select(self, content: Located, version: str, schema: str) -> Located:
        """Return the part of a data file that applies to a version. What `changes` writes is checked where it has its place."""
        part = self.versions.select(content, version)
        if part is content:
            return part
        return validate(part, schema) if content is self._own_catalog else self._validate(part, schema)

    def _validate(self, content: Located, schema: str) -> Located:
        """Validate what was read. The program's own files are valid at each version, as its tests show."""
        return content if all(map(self.project.is_trusted, self._files)) else validate(content, schema)

    def find(self, version: str) -> str:
        """Return the known version whose rules hold for a written one; empty if there is none."""
        try:
            return self.resolve(version)
        except UnknownVersionError:
            return ""

    def resolve(self, version: str | None) -> str:
        """Return the known version whose rules hold for a written one; the default of the platform for None.

        Raises UnknownVersionError, whose text is the message with its remedy.
        """
        if version is None:
            return self.versions.default
        if not self.versions.names:
            raise UnknownVersionError(f"the platform {self.name} has no versions; remove this")
        try:
            return self.versions.resolve(version)
        except UnknownVersionError as error:
            raise UnknownVersionError(
                f"{self._content.get_plain('title')} {version or repr(version)} {error}; write one of them"
            ) from None

    def _load_kind(self, kind: str, entry: Located, content: Located) -> Kind:
        values = to_plain(entry)
        path = _require_template(f"{self.name}/{values['schema']}", self.project)
        section = FIELD_SECTIONS[kind]
        rows = content.mapping[section].mapping
        # A chart ignores a field that it does not know, in silence, so a field of another version must not be in a manifest.
        absent = self._content.mapping[section].mapping.keys() - {name for name, row in rows.items() if row.get("spec")}
        document = read_json_file(path, self.project)
        errors = load_builtin_schema("kind").find_errors(document)
        if errors:
            error_path, message = errors[0]
            subject = ".".join(map(str, error_path)) or "it"
            raise VmgenError(f"{self.project.display_path(path)} is not the schema of a kind; {subject}: {message}")
        schema = _add_fields(document, rows, absent)
        lengths = values["nameLength"]
        template = f"{self.name}/{values['template']}"
        return Kind(kind, template, schema, values["folder"], lengths["most"], lengths["safe"])


def _add_fields(document: Any, rows: Mapping[str, Located], absent: Iterable[str]) -> Mapping[str, Any]:
    """Return the schema of a kind with the fields of its spec, each of which has to be written, and without absent ones."""
    spec = document["properties"]["spec"]
    fields = {name: to_plain(row.mapping["spec"]) for name, row in rows.items() if row.get("spec")}
    properties = {name: field for name, field in spec.get("properties", {}).items() if name not in absent}
    required_keys = [name for name in spec.get("required", []) if name not in absent]
    spec = {
        **spec,
        "required": list(dict.fromkeys((*required_keys, *fields))),
        "properties": fields | properties,
    }
    return {**document, "properties": {**document["properties"], "spec": spec}}


class PlatformLoader:
    """Loads each platform once in a run."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._releases: dict[str, PlatformRelease] = {}
        self._pins: dict[str, Platform] = {}

    def pin(self, platform: Platform) -> None:
        """Return this version of a platform for every environment of it, whatever version the environment names."""
        self._pins[platform.name] = platform

    def load(self, name: str, version: str = "") -> Platform:
        """Return a platform by its name, one of `project.platform_names`, at a known version or at its default one.

        Raises VmgenError if one of its files is missing, and ProblemsError if one is invalid.
        """
        release = self.load_release(name)
        return release.build(version or release.versions.default)

    def load_release(self, name: str) -> PlatformRelease:
        """Return a platform with all of its versions. Raises as `load` does."""
        if name not in self._releases:
            self._releases[name] = PlatformRelease(name, self.project)
        return self._releases[name]

    def load_written(self, content: Located) -> Platform:
        """Return the platform that the merged layers of an environment name.

        Raises ProblemsError if there is none of that name or version, and as `load` does.
        """
        value = content.get("platform")
        name = value.text if value else DEFAULT_PLATFORM
        if value and value.data is INVALID:  # already a problem of the layer, and nothing can be checked without a platform
            raise ProblemsError(())
        if value and name not in self.project.platform_names:
            platforms = self.project.platform_names
            hint = did_you_mean(name, platforms) or f"; available: {', '.join(platforms)}"
            raise ProblemsError((UNKNOWN_PLATFORM.build_problem(value.place, "platform", f"no platform '{name}'{hint}"),))
        version = content.get("platformVersion")
        if version is not None and version.data is INVALID:
            raise ProblemsError(())
        # `vmgen upgrade` and `platform compare` render every environment at a version that none of them names.
        if name in self._pins:
            return self._pins[name]
        try:
            return self.load(name, self.load_release(name).resolve(version.text if version else None))
        except UnknownVersionError as error:
            place = version.place if version else content.place
            raise ProblemsError((UNKNOWN_PLATFORM_VERSION.build_problem(place, "platformVersion", str(error)),)) from None

    def load_data(self, name: str, schema: str) -> Located:
        """Return a data file of the templates (`hikube/verdicts.yaml`), merged over those that it extends.

        Raises VmgenError if a file is missing, and ProblemsError if one does not fit the built-in schema named `schema`.
        """
        return validate(load_extended(name, self.project), schema)

    def preload(self, platforms: Iterable[Platform]) -> PlatformLoader:
        """Take over platforms that are loaded already; returns self."""
        self._releases |= {platform.name: platform.release for platform in platforms}
        return self


def _require_template(name: str, project: Project) -> Path:
    path = project.find_template(name)
    if path is None:
        raise VmgenError(f"the platform is incomplete: templates/{name} is missing")
    return path


def load_extended(
    name: str, project: Project, extending: tuple[str, ...] = (), files: dict[Path, Located] | None = None
) -> Located:
    """Return a data file of the templates, merged over the files that it extends. `extending` are those that led here.

    The contents of `files` are not read again, and those that are read are added to them. Raises VmgenError if a file is
    missing or extends itself, and ProblemsError if one is not YAML, or its `extends` no list.
    """
    path = _require_template(name, project)
    files = {} if files is None else files
    if path not in files:
        content = _read_content(path, project)
        files[path] = content if project.is_trusted(path) else validate(content, "extends")
    content = files[path]
    if name in extending:
        raise VmgenError(f"templates/{name} extends itself, by way of {', '.join(extending)}")
    lower = Located({}, content.place)
    for base in content.get_plain("extends") or []:
        lower = merge(lower, load_extended(str(base), project, (*extending, name), files), "data")
    return merge(lower, content, "data")


def _read_content(path: Path, project: Project) -> Located:
    content, problems = read_yaml_file(path, project)
    if content is None or problems:
        raise ProblemsError(sort_problems(problems))
    return content


def validate(content: Located, schema: str) -> Located:
    """Return the content. Raises ProblemsError if it does not fit the built-in schema of that name."""
    problems = load_builtin_schema(schema).list_problems(content)
    if problems:
        raise ProblemsError(sort_problems(problems))
    return content
