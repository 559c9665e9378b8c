"""Compare two versions of a platform for a repository: the rows that change, and the objects that are rendered otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.check.rules.catalog import find_references
from vmgen.merge.platform import Platform, PlatformLoader
from vmgen.pipeline import Renderer, RenderResult
from vmgen.plan.version_changes import RowChange, compute_changes
from vmgen.problems import Problem, has_errors
from vmgen.read.manifests import parse_objects
from vmgen.read.repository import Project


class DifferingObject(NamedTuple):
    """An object whose manifest changes, with the fields that do; `change` is added, removed or changed."""

    kind: str
    name: str
    change: str
    fields: tuple[str, ...]


class EnvironmentComparison(NamedTuple):
    """What a change of version does to an environment: `problems` are those that only the new version has.

    `uses` are the changed catalog entries that it names. `is_rendered` is False if one version could not render it.
    """

    name: str
    objects: tuple[DifferingObject, ...]
    uses: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]
    is_rendered: bool

    @property
    def is_refused(self) -> bool:
        """Whether the new version has an error that the old one has not, or one of them cannot render the environment."""
        return has_errors(self.problems) or not self.is_rendered


class Upgrade(NamedTuple):
    """The comparison of two versions of a platform."""

    before: Platform
    after: Platform
    changes: tuple[RowChange, ...]
    environments: tuple[EnvironmentComparison, ...]


def compare_versions(project: Project, platform: str, before: str, after: str, names: Iterable[str]) -> Upgrade:
    """Compare two known versions, and render the environments at both. Raises VmgenError or ProblemsError as loading does."""
    loader = PlatformLoader(project)
    versions = (loader.load(platform, before), loader.load(platform, after))
    changes = compute_changes(*versions, loader)
    renderers = [Renderer(project) for _ in versions]
    for renderer, version in zip(renderers, versions):
        renderer.platform_loader.pin(version)
    entries = {(change.section, change.name) for change in changes if change.part == "catalog"}
    environments = tuple(_compare_environment(name, renderers, entries) for name in names)
    return Upgrade(*versions, changes, environments)


def _compare_environment(name: str, renderers: list[Renderer], entries: set[tuple[str, str]]) -> EnvironmentComparison:
    old, new = (renderer.render(name) for renderer in renderers)
    known_problems = {(each.place, each.rule, each.subject) for each in old.problems}  # a message may name the version
    problems = tuple(each for each in new.problems if (each.place, each.rule, each.subject) not in known_problems)
    is_rendered = old.desired is not None and new.desired is not None
    objects = _compare_objects(old, new) if is_rendered else ()
    return EnvironmentComparison(name, objects, _find_uses(old, entries), problems, is_rendered)


def _find_uses(result: RenderResult, entries: set[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    if result.environment is None:
        return ()
    names = result.environment.platform.catalog.image_names
    uses = find_references(
        result.environment, {section for section, _ in entries}, lambda section, name: bool(section and name)
    )
    references = {
        (use.section, names.get(use.value.text, use.value.text) if use.section == "images" else use.value.text) for use in uses
    }
    return tuple(sorted(references & entries))


def _compare_objects(old: RenderResult, new: RenderResult) -> tuple[DifferingObject, ...]:
    before, after = _collect_objects(old), _collect_objects(new)
    affected = []
    for key in sorted(before.keys() | after.keys()):
        if key not in before or key not in after:
            affected.append(DifferingObject(*key, "added" if key in after else "removed", ()))
            continue
        fields = tuple(_find_differing(before[key], after[key]))
        if fields:
            affected.append(DifferingObject(*key, "changed", fields))
    return tuple(affected)


def _collect_objects(result: RenderResult) -> dict[tuple[str, str], Mapping[str, Any]]:
    objects = (each for path, content in result.files.items() for each in parse_objects(content) if isinstance(each, dict))
    return {
        (str(each.get("kind")), str(each["metadata"]["name"])): each for each in objects if "name" in each.get("metadata", {})
    }


def _find_differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[str]:
    for part in dict.fromkeys((*before, *after)):
        old, new = before.get(part), after.get(part)
        if part in ("spec", "metadata") and isinstance(old, dict) and isinstance(new, dict):
            missing = object()
            yield from (
                f"{part}.{key}" for key in dict.fromkeys((*old, *new)) if old.get(key, missing) != new.get(key, missing)
            )
        elif old != new:
            yield part
