"""Compare two versions of a platform for a repository: the rows that change, and the objects that are rendered otherwise.

Rows are fields, constraints, catalog entries, settings and verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.check.catalog_references import find_references
from vmgen.merge.platform import FIELD_SECTIONS, Platform, PlatformLoader
from vmgen.plan.verdicts import load_verdicts
from vmgen.problems import Problem, has_errors
from vmgen.read.located import to_plain
from vmgen.read.manifests import parse_objects
from vmgen.read.repository import Project
from vmgen.renderer import Renderer, RenderResult

# Parts of platform.yaml that are compared as rows of their own, or that tell nothing of one version.
_COMPARED_APART = {"constraints", "diskConstraints", "extends", "versions", "defaultVersion", "versionQuestion", "title"}
# Parts of the row of a field that are compared apart, or are no matter of the platform.
_ROW_PARTS = {"verdicts", "constraints", "import"}


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


class RowChange(NamedTuple):
    """A row that two versions have not alike: `part` is field, constraint, catalog, setting or verdict.

    `section` is the kind of object, or the section of the catalog; `change` is added, removed or changed, and `detail` what
    of it changes.
    """

    part: str
    section: str
    name: str
    change: str
    detail: str = ""


def compute_changes(before: Platform, after: Platform, platforms: PlatformLoader) -> tuple[RowChange, ...]:
    """Return the rows that change between two versions of a platform. Raises as `load_verdicts` does."""
    changes: list[RowChange] = []
    for kind, section in FIELD_SECTIONS.items():
        tables = [platform.content.mapping[section].mapping for platform in (before, after)]
        fields = [
            {name: {key: value for key, value in to_plain(row).items() if key not in _ROW_PARTS} for name, row in table.items()}
            for table in tables
        ]
        changes += _compare("field", kind, *fields)
        rows = [{row["id"]: row for row in platform.get_constraints(kind)} for platform in (before, after)]
        changes += _compare("constraint", kind, *rows)
    catalogs = [to_plain(platform.catalog.content) for platform in (before, after)]
    for section in dict.fromkeys(key for catalog in catalogs for key in catalog if key != "extends"):
        entries = [catalog.get(section) or {} for catalog in catalogs]
        changes += _compare("catalog", section, *entries)
    skipped_keys = {*_COMPARED_APART, *FIELD_SECTIONS.values()}
    contents = [to_plain(platform.content) for platform in (before, after)]
    settings = [{key: value for key, value in content.items() if key not in skipped_keys} for content in contents]
    changes += _compare("setting", "", *settings)
    return (*changes, *_compare_verdicts(before, after, platforms))


def _compare(part: str, section: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[RowChange]:
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            yield RowChange(part, section, name, "added")
        elif name not in after:
            yield RowChange(part, section, name, "removed")
        elif before[name] != after[name]:
            yield RowChange(part, section, name, "changed", _describe(before[name], after[name]))


def _describe(before: Any, after: Any) -> str:
    """Return the keys that differ, with short values: `profile: linux -> ubuntu, spec`."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    differing = [key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key)]
    return ", ".join(
        f"{key}: {before[key]} -> {after[key]}" if _is_short(before.get(key)) and _is_short(after.get(key)) else str(key)
        for key in differing
    )


def _is_short(value: Any) -> bool:
    return isinstance(value, (str, int, bool)) and value != "" and len(str(value)) <= 40


def _compare_verdicts(before: Platform, after: Platform, platforms: PlatformLoader) -> Iterator[RowChange]:
    """Yield the fields that both versions know and whose changes have other effects."""
    tables = [load_verdicts(platform, platforms) for platform in (before, after)]
    for kind in sorted(tables[0].keys() & tables[1].keys()):
        old, new = (table[kind] for table in tables)
        rows = [
            {"created": each.created, "deleted": each.deletion_rows, "moved": each.move_rows, **each.fields}
            for each in (old, new)
        ]
        for name in rows[0]:
            if name in rows[1] and rows[0][name] != rows[1][name]:
                before_words, after_words = (", ".join(dict.fromkeys(row.verdict.value for row in each[name])) for each in rows)
                is_same_verdict = before_words == after_words
                detail = "the text or the conditions" if is_same_verdict else f"{before_words} -> {after_words}"
                yield RowChange("verdict", kind, name, "changed", detail)
