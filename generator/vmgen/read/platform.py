"""A platform is a folder of templates: its data files read, laid over each other, and made into values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

from vmgen.digests import digest
from vmgen.listing import listing
from vmgen.problems import Refused, VmgenError, in_order
from vmgen.read.catalog import Catalog
from vmgen.read.located import Located, packed, plain, unpacked
from vmgen.read.overlay import overlaid
from vmgen.read.prepared import Prepared
from vmgen.read.project import Project
from vmgen.read.schema import own_schema
from vmgen.read.yaml_reader import read_yaml

DEFAULT_PLATFORM = "hikube"


class Kind(NamedTuple):
    """A kind of object: its template, the schema of what comes out, its folder, and how long its names may be.

    `built_in` says that the schema is the program's own, not one of the repository.
    """

    name: str
    template: str
    schema: Mapping[str, Any]
    built_in: bool
    folder: str
    longest_name: int
    longest_safe_name: int


class Platform(NamedTuple):
    """Everything that the program knows about a platform. `built_in` says that its platform.yaml is the program's own."""

    name: str
    kinds: Mapping[str, Kind]
    catalog: Catalog
    content: Located
    built_in: bool

    @property
    def defaults(self) -> Located:
        """The lowest layer of every VM group, the platform's own fields included."""
        return _with_fields(self.content, "defaults", "fields")

    @property
    def disk_defaults(self) -> Located:
        """The lowest layer of every disk."""
        return _with_fields(self.content, "diskDefaults", "diskFields")

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

    def data(self, name: str) -> Any:
        """A section of platform.yaml as plain data."""
        return plain(self.content.data[name])


def _with_fields(content: Located, defaults: str, fields: str) -> Located:
    written = content.data[defaults]
    own = {name: entry.data["default"] for name, entry in content.data[fields].data.items()}
    return Located({**written.data, **own}, written.place, layer="platform")


class Platforms:
    """Reads each platform once in a run, or, with `prepared`, once for the files that it is read from."""

    def __init__(self, project: Project, prepared: Prepared | None = None) -> None:
        self.project = project
        self._prepared = prepared or Prepared()
        self._read: dict[str, Platform] = {}

    def named(self, name: str) -> Platform:
        """The platform of a name; the name is one of `project.platforms`."""
        if name not in self._read:
            entry = f"platform {name} {self.project.template_folders[0]} {self._own or ''}"
            read = partial(_platform, name, self.project)
            self._read[name] = self._prepared.kept(entry, self._key, read, _packed, _unpacked)
        return self._read[name]

    def data(self, name: str, schema: str) -> Located:
        """A data file of the templates (`hikube/verdicts.yaml`) over those that it extends, in the shape of a schema."""
        entry = f"{name} {self.project.template_folders[0]}"
        return self._prepared.kept(entry, self._key, lambda: shaped(layered_data(name, self.project), schema), packed, unpacked)

    def with_those(self, known: Iterable[Platform]) -> Platforms:
        """The same, some platforms of which need not be read."""
        self._read |= {platform.name: platform for platform in known}
        return self

    @cached_property
    def _own(self) -> Path | None:
        own = self.project.own_catalog
        return own if own.is_file() else None

    @cached_property
    def _key(self) -> str:
        """What all platforms are read from, beside the program's own files: those of the repository."""
        *own, _ = self.project.template_folders
        lines = [line for folder in own for line in (str(folder), *listing(str(folder), links=True))]
        return digest([*lines, self._own.read_bytes() if self._own else ""])


def _packed(platform: Platform) -> tuple[Any, ...]:
    kinds = [tuple(kind) for kind in platform.kinds.values()]
    return platform.name, kinds, packed(platform.catalog.content), packed(platform.content), platform.built_in


def _unpacked(row: tuple[Any, ...]) -> Platform:
    name, kinds, catalog, content, built_in = row
    return Platform(name, {kind[0]: Kind(*kind) for kind in kinds}, Catalog(unpacked(catalog)), unpacked(content), built_in)


def _platform(name: str, project: Project) -> Platform:
    content = shaped(layered_data(f"{name}/platform.yaml", project), "platform")
    catalog = layered_data(f"{name}/catalog.yaml", project)
    own = project.own_catalog
    if own.is_file():
        catalog = overlaid(catalog, _content(own, project))
    kinds = {kind: _kind(kind, entry, name, project) for kind, entry in content.data["kinds"].data.items()}
    built_in = project.is_built_in(_template_file(f"{name}/platform.yaml", project))
    return Platform(name, kinds, Catalog(shaped(catalog, "catalog")), content, built_in)


def _kind(kind: str, entry: Located, platform: str, project: Project) -> Kind:
    values = plain(entry)
    path = _template_file(f"{platform}/{values['schema']}", project)
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise VmgenError(f"{project.shown(path)} is not JSON: {error}") from None
    lengths = values["nameLength"]
    template = f"{platform}/{values['template']}"
    return Kind(kind, template, schema, project.is_built_in(path), values["folder"], lengths["most"], lengths["safe"])


def _template_file(name: str, project: Project) -> Path:
    path = project.template(name)
    if path is None:
        raise VmgenError(f"the platform is incomplete: templates/{name} is missing")
    return path


def layered_data(name: str, project: Project, above: tuple[str, ...] = ()) -> Located:
    """A data file of the templates over the files that it extends."""
    content = _content(_template_file(name, project), project)
    if name in above:
        raise VmgenError(f"templates/{name} extends itself, by way of {', '.join(above)}")
    lower = Located({}, content.place)
    for base in content.value("extends") or []:
        lower = overlaid(lower, layered_data(str(base), project, (*above, name)))
    return overlaid(lower, content)


def _content(path: Path, project: Project) -> Located:
    content, problems = read_yaml(path.read_bytes(), project.shown(path))
    if content is None or problems:
        raise Refused(in_order(problems))
    return content


def shaped(content: Located, schema: str) -> Located:
    """The merged content, which has the shape of its schema; refused where it has not."""
    problems = [problem for _, problem in own_schema(schema).problems(content)]
    if problems:
        raise Refused(in_order(problems))
    return content
