"""How a platform's objects are written by others: what a left-out field means, what is ignored, what has two names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from vmgen.merge.layers import merge
from vmgen.merge.platform import Platform, PlatformLoader
from vmgen.problems import Place, ProblemsError, sort_problems
from vmgen.read.located import Located, to_plain
from vmgen.read.repository import Project
from vmgen.read.schema import Schema, load_builtin_schema
from vmgen.read.yaml_reader import read_yaml


@dataclass(frozen=True)
class PlatformConventions:
    """A platform, with the tables of templates/shared/adopt.yaml and the platform's own adopt.yaml over them."""

    platform: Platform
    tables: Mapping[str, Any] = field(repr=False)
    platforms: PlatformLoader = field(repr=False)

    @property
    def title(self) -> str:
        """The platform's name, for people."""
        title: str = self.platform.get_section("title")
        return title

    @property
    def refuses_disks_as_text(self) -> bool:
        """Whether the platform refuses a VM whose disks are bare names."""
        return self.tables.get("disksAsText") == "refused"

    def get_server_fields(self, section: str) -> frozenset[str]:
        """The keys in a part of an object that a server, kubectl or a sync engine wrote."""
        return frozenset(self.tables["server"][section])

    def get_table(self, kind: str, name: str) -> Mapping[str, Any]:
        """One of the tables of a kind: defaults, ignored, renamed, twins."""
        found: Mapping[str, Any] = self.tables["kinds"][kind][name]
        return found

    def get_default(self, kind: str, name: str) -> Any:
        """What the API takes for a field that is left out; None where nothing is known."""
        return self.get_table(kind, "defaults").get(name)

    def get_fields(self, kind: str) -> Mapping[str, Any]:
        """The fields of a kind's spec, each with the JSON Schema of what is rendered."""
        found: Mapping[str, Any] = self.platform.kinds[kind].schema["properties"]["spec"]["properties"]
        return found

    def get_api_version(self, kind: str) -> str:
        """The apiVersion of a kind."""
        found: str = self.platform.kinds[kind].schema["properties"]["apiVersion"]["const"]
        return found

    def find_platform_with_field(self, kind: str, name: str) -> str | None:
        """Another platform that has a field, or None."""
        for other in self.platforms.project.platform_names:
            kinds = self.platforms.load(other).kinds
            if kind in kinds and name in kinds[kind].schema["properties"]["spec"]["properties"]:
                return other
        return None

    def find_platform_with_image(self, name: str) -> str | None:
        """A platform that calls one of its images so, or None."""
        platforms = self.platforms.project.platform_names
        return next((each for each in platforms if name in self.platforms.load(each).catalog.images), None)

    @cached_property
    def generated_annotations(self) -> Mapping[str, Mapping[str, str]]:
        """The annotations that a disk gets of itself, `protected` and `unprotected`."""
        order = self.platform.get_section("order")
        return {name: {**order, **values} for name, values in self.platform.get_section("protection").items()}

    def get_key_schema(self, shape: str, name: str) -> Schema:
        """The schema of one key of an environment's `group` or `disk`."""
        key = (shape, name)
        if key not in self._schemas:
            definitions = load_builtin_schema("environment").document["$defs"]
            known = definitions[shape]["properties"].get(name, {})  # a platform may have keys of its own
            if "$ref" in known:
                known = definitions[known["$ref"].rpartition("/")[2]]
            self._schemas[key] = Schema({**known, "$defs": definitions})
        return self._schemas[key]

    def get_field_schema(self, kind: str, name: str) -> Schema:
        """The schema of a field of a kind's spec: an environment may write more, such as the file of a key."""
        key = (kind, name)
        if key not in self._schemas:
            self._schemas[key] = Schema(dict(self.get_fields(kind)[name]))
        return self._schemas[key]

    @cached_property
    def _schemas(self) -> dict[tuple[str, str], Schema]:
        return {}


def load_conventions(platform: Platform, platforms: PlatformLoader) -> PlatformConventions:
    """The dialect of a platform; one without an adopt.yaml of its own has the shared one."""
    project = platforms.project
    content = Located({}, platform.content.place)
    for name in ("shared/adopt.yaml", f"{platform.name}/adopt.yaml"):
        content = merge(content, _load_table(name, project))
    return PlatformConventions(platform, to_plain(content), platforms)


def _load_table(name: str, project: Project) -> Located:
    path = project.find_template(name)
    if path is None:
        return Located({}, Place(f"templates/{name}"))
    content, problems = read_yaml(path.read_bytes(), project.display_path(path))
    if content is None or problems:
        raise ProblemsError(sort_problems(problems))
    return content
