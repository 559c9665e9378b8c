"""How a platform's objects are written by others: what a left-out field means, what is ignored, what has two names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from vmgen.problems import Place, Refused, in_order
from vmgen.read.located import Located, plain
from vmgen.read.overlay import overlaid
from vmgen.read.platform import Platform, Platforms
from vmgen.read.project import Project
from vmgen.read.schema import Schema, own_schema
from vmgen.read.yaml_reader import read_yaml


@dataclass(frozen=True)
class Dialect:
    """A platform, with the tables of templates/shared/adopt.yaml and the platform's own adopt.yaml over them."""

    platform: Platform
    tables: Mapping[str, Any] = field(repr=False)
    platforms: Platforms = field(repr=False)

    @property
    def title(self) -> str:
        """The platform's name, for people."""
        title: str = self.platform.data("title")
        return title

    @property
    def disks_as_text_refused(self) -> bool:
        """Whether the platform refuses a VM whose disks are bare names."""
        return self.tables.get("disksAsText") == "refused"

    def server(self, section: str) -> frozenset[str]:
        """The keys in a part of an object that a server, kubectl or a sync engine wrote."""
        return frozenset(self.tables["server"][section])

    def table(self, kind: str, name: str) -> Mapping[str, Any]:
        """One of the tables of a kind: defaults, ignored, renamed, twins."""
        found: Mapping[str, Any] = self.tables["kinds"][kind][name]
        return found

    def default(self, kind: str, name: str) -> Any:
        """What the API takes for a field that is left out; None where nothing is known."""
        return self.table(kind, "defaults").get(name)

    def fields(self, kind: str) -> Mapping[str, Any]:
        """The fields of a kind's spec, each with the JSON Schema of what is rendered."""
        found: Mapping[str, Any] = self.platform.kinds[kind].schema["properties"]["spec"]["properties"]
        return found

    def api_version(self, kind: str) -> str:
        """The apiVersion of a kind."""
        found: str = self.platform.kinds[kind].schema["properties"]["apiVersion"]["const"]
        return found

    def platform_with(self, kind: str, name: str) -> str | None:
        """Another platform that has a field, or None."""
        for other in self.platforms.project.platforms:
            kinds = self.platforms.named(other).kinds
            if kind in kinds and name in kinds[kind].schema["properties"]["spec"]["properties"]:
                return other
        return None

    def platform_with_image(self, name: str) -> str | None:
        """A platform that calls one of its images so, or None."""
        platforms = self.platforms.project.platforms
        return next((each for each in platforms if name in self.platforms.named(each).catalog.images), None)

    @cached_property
    def generated(self) -> Mapping[str, Mapping[str, str]]:
        """The annotations that a disk gets of itself, `protected` and `unprotected`."""
        order = self.platform.data("order")
        return {name: {**order, **values} for name, values in self.platform.data("protection").items()}

    def key_schema(self, shape: str, name: str) -> Schema:
        """The schema of one key of an environment's `group` or `disk`."""
        key = (shape, name)
        if key not in self._schemas:
            definitions = own_schema("environment").document["$defs"]
            known = definitions[shape]["properties"].get(name, {})  # a platform may have keys of its own
            if "$ref" in known:
                known = definitions[known["$ref"].rpartition("/")[2]]
            self._schemas[key] = Schema({**known, "$defs": definitions})
        return self._schemas[key]

    def field_schema(self, kind: str, name: str) -> Schema:
        """The schema of a field of a kind's spec: an environment may write more, such as the file of a key."""
        key = (kind, name)
        if key not in self._schemas:
            self._schemas[key] = Schema(dict(self.fields(kind)[name]))
        return self._schemas[key]

    @cached_property
    def _schemas(self) -> dict[tuple[str, str], Schema]:
        return {}


def dialect(platform: Platform, platforms: Platforms) -> Dialect:
    """The dialect of a platform; one without an adopt.yaml of its own has the shared one."""
    project = platforms.project
    content = Located({}, platform.content.place)
    for name in ("shared/adopt.yaml", f"{platform.name}/adopt.yaml"):
        content = overlaid(content, _table(name, project))
    return Dialect(platform, plain(content), platforms)


def _table(name: str, project: Project) -> Located:
    path = project.template(name)
    if path is None:
        return Located({}, Place(f"templates/{name}"))
    content, problems = read_yaml(path.read_bytes(), project.shown(path))
    if content is None or problems:
        raise Refused(in_order(problems))
    return content
