"""Platforms: folders of templates whose data files are read, merged and validated."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vmgen.merge.catalog import Catalog
from vmgen.merge.layers import merge
from vmgen.problems import ProblemsError, VmgenError, sort_problems
from vmgen.read.located import Located, to_plain
from vmgen.read.repository import Project
from vmgen.read.schema import load_builtin_schema
from vmgen.read.source_file import read_json_file, read_yaml_file

DEFAULT_PLATFORM = "hikube"


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
    """A platform: kinds, catalog, and the content of platform.yaml."""

    name: str
    kinds: Mapping[str, Kind]
    catalog: Catalog
    content: Located

    @property
    def defaults(self) -> Located:
        """The lowest layer of each VM group, with the defaults of the platform's own fields."""
        return _merge_field_defaults(self.content, "defaults", "fields")

    @property
    def disk_defaults(self) -> Located:
        """The lowest layer of each disk, with the defaults of the platform's own fields."""
        return _merge_field_defaults(self.content, "diskDefaults", "diskFields")

    @property
    def system_disk_storage(self) -> Located:
        """The least size of a system disk."""
        size: Located = self.content.mapping["systemDiskStorage"]
        return size

    @property
    def fields(self) -> frozenset[str]:
        """The keys of a group that only this platform has."""
        return frozenset(self.content.mapping["fields"].mapping)

    @property
    def disk_fields(self) -> frozenset[str]:
        """The keys of a disk that only this platform has."""
        return frozenset(self.content.mapping["diskFields"].mapping)

    def get_section(self, name: str) -> Any:
        """Return a section of platform.yaml as plain data."""
        return to_plain(self.content.mapping[name])


def _merge_field_defaults(content: Located, defaults: str, fields: str) -> Located:
    common = content.mapping[defaults]
    own = {name: field.mapping["default"] for name, field in content.mapping[fields].mapping.items()}
    return Located({**common.mapping, **own}, common.place, layer="platform")


class PlatformLoader:
    """Loads each platform once in a run."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._platforms: dict[str, Platform] = {}

    def load(self, name: str) -> Platform:
        """Return a platform by its name, one of `project.platform_names`.

        Raises VmgenError if one of its files is missing, and ProblemsError if one is invalid.
        """
        if name not in self._platforms:
            self._platforms[name] = _load_platform(name, self.project)
        return self._platforms[name]

    def load_data(self, name: str, schema: str) -> Located:
        """Return a data file of the templates (`hikube/verdicts.yaml`), merged over those that it extends.

        Raises VmgenError if a file is missing, and ProblemsError if one does not fit the built-in schema named `schema`.
        """
        return validate(load_extended(name, self.project), schema)

    def preload(self, platforms: Iterable[Platform]) -> PlatformLoader:
        """Take over platforms that are loaded already; returns self."""
        self._platforms |= {platform.name: platform for platform in platforms}
        return self


def _load_platform(name: str, project: Project) -> Platform:
    content = validate(load_extended(f"{name}/platform.yaml", project), "platform")
    catalog = load_extended(f"{name}/catalog.yaml", project)
    if os.path.lexists(project.own_catalog):
        catalog = merge(catalog, _read_content(project.own_catalog, project))
    kinds = {kind: _load_kind(kind, entry, name, project) for kind, entry in content.mapping["kinds"].mapping.items()}
    return Platform(name, kinds, Catalog(validate(catalog, "catalog")), content)


def _load_kind(kind: str, entry: Located, platform: str, project: Project) -> Kind:
    values = to_plain(entry)
    path = _require_template(f"{platform}/{values['schema']}", project)
    schema = read_json_file(path, project)
    lengths = values["nameLength"]
    template = f"{platform}/{values['template']}"
    return Kind(kind, template, schema, values["folder"], lengths["most"], lengths["safe"])


def _require_template(name: str, project: Project) -> Path:
    path = project.find_template(name)
    if path is None:
        raise VmgenError(f"the platform is incomplete: templates/{name} is missing")
    return path


def load_extended(name: str, project: Project, extending: tuple[str, ...] = ()) -> Located:
    """Return a data file of the templates, merged over the files that it extends. `extending` are those that led here.

    Raises VmgenError if a file is missing or extends itself, and ProblemsError if one is not YAML.
    """
    content = _read_content(_require_template(name, project), project)
    if name in extending:
        raise VmgenError(f"templates/{name} extends itself, by way of {', '.join(extending)}")
    lower = Located({}, content.place)
    for base in content.get_plain("extends") or []:
        lower = merge(lower, load_extended(str(base), project, (*extending, name)))
    return merge(lower, content)


def _read_content(path: Path, project: Project) -> Located:
    content, problems = read_yaml_file(path, project)
    if content is None or problems:
        raise ProblemsError(sort_problems(problems))
    return content


def validate(content: Located, schema: str) -> Located:
    """Return the content. Raises ProblemsError if it does not fit the built-in schema of that name."""
    problems = [problem for _, problem in load_builtin_schema(schema).find_problems(content)]
    if problems:
        raise ProblemsError(sort_problems(problems))
    return content
