"""A platform is a folder of templates: its data files read, laid over each other, and made into values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vmgen.merge.catalog import Catalog
from vmgen.merge.layers import merge
from vmgen.problems import ProblemsError, VmgenError, sort_problems
from vmgen.read.located import Located, to_plain
from vmgen.read.repository import Project
from vmgen.read.schema import load_builtin_schema
from vmgen.read.yaml_reader import read_yaml

DEFAULT_PLATFORM = "hikube"


class Kind(NamedTuple):
    """A kind of object: its template, the schema of what comes out, its folder, and how long its names may be."""

    name: str
    template: str
    schema: Mapping[str, Any]
    folder: str
    max_name_length: int
    safe_name_length: int


class Platform(NamedTuple):
    """Everything that the program knows about a platform."""

    name: str
    kinds: Mapping[str, Kind]
    catalog: Catalog
    content: Located

    @property
    def defaults(self) -> Located:
        """The lowest layer of every VM group, the platform's own fields included."""
        return _merge_field_defaults(self.content, "defaults", "fields")

    @property
    def disk_defaults(self) -> Located:
        """The lowest layer of every disk."""
        return _merge_field_defaults(self.content, "diskDefaults", "diskFields")

    @property
    def system_disk_storage(self) -> Located:
        """The least size of a system disk."""
        found: Located = self.content.data["systemDiskStorage"]
        return found

    @property
    def fields(self) -> frozenset[str]:
        """Keys of a group that only this platform has."""
        return frozenset(self.content.data["fields"].data)

    @property
    def disk_fields(self) -> frozenset[str]:
        """Keys of a disk that only this platform has."""
        return frozenset(self.content.data["diskFields"].data)

    def get_section(self, name: str) -> Any:
        """A section of platform.yaml as plain data."""
        return to_plain(self.content.data[name])


def _merge_field_defaults(content: Located, defaults: str, fields: str) -> Located:
    written = content.data[defaults]
    own = {name: entry.data["default"] for name, entry in content.data[fields].data.items()}
    return Located({**written.data, **own}, written.place, layer="platform")


class PlatformLoader:
    """Reads each platform once in a run."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._platforms: dict[str, Platform] = {}

    def load(self, name: str) -> Platform:
        """The platform of a name; the name is one of `project.platforms`."""
        if name not in self._platforms:
            self._platforms[name] = _load_platform(name, self.project)
        return self._platforms[name]

    def load_data(self, name: str, schema: str) -> Located:
        """A data file of the templates (`hikube/verdicts.yaml`) over those that it extends, in the shape of a schema."""
        return validate(load_extended(name, self.project), schema)

    def preload(self, known: Iterable[Platform]) -> PlatformLoader:
        """The same, some platforms of which need not be read."""
        self._platforms |= {platform.name: platform for platform in known}
        return self


def _load_platform(name: str, project: Project) -> Platform:
    content = validate(load_extended(f"{name}/platform.yaml", project), "platform")
    catalog = load_extended(f"{name}/catalog.yaml", project)
    own = project.own_catalog
    if own.is_file():
        catalog = merge(catalog, _read_content(own, project))
    kinds = {kind: _load_kind(kind, entry, name, project) for kind, entry in content.data["kinds"].data.items()}
    return Platform(name, kinds, Catalog(validate(catalog, "catalog")), content)


def _load_kind(kind: str, entry: Located, platform: str, project: Project) -> Kind:
    values = to_plain(entry)
    path = _require_template(f"{platform}/{values['schema']}", project)
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise VmgenError(f"{project.display_path(path)} is not JSON: {error}") from None
    lengths = values["nameLength"]
    template = f"{platform}/{values['template']}"
    return Kind(kind, template, schema, values["folder"], lengths["most"], lengths["safe"])


def _require_template(name: str, project: Project) -> Path:
    path = project.find_template(name)
    if path is None:
        raise VmgenError(f"the platform is incomplete: templates/{name} is missing")
    return path


def load_extended(name: str, project: Project, above: tuple[str, ...] = ()) -> Located:
    """A data file of the templates over the files that it extends."""
    content = _read_content(_require_template(name, project), project)
    if name in above:
        raise VmgenError(f"templates/{name} extends itself, by way of {', '.join(above)}")
    lower = Located({}, content.place)
    for base in content.get_plain("extends") or []:
        lower = merge(lower, load_extended(str(base), project, (*above, name)))
    return merge(lower, content)


def _read_content(path: Path, project: Project) -> Located:
    content, problems = read_yaml(path.read_bytes(), project.display_path(path))
    if content is None or problems:
        raise ProblemsError(sort_problems(problems))
    return content


def validate(content: Located, schema: str) -> Located:
    """The merged content, which has the shape of its schema; refused where it has not."""
    problems = [problem for _, problem in load_builtin_schema(schema).find_problems(content)]
    if problems:
        raise ProblemsError(sort_problems(problems))
    return content
