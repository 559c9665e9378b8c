"""Which object of the baseline is which of those that are wanted: by kind, namespace and name, wherever they lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from vmgen.compare.baseline import Baseline
from vmgen.compare.reading import ManifestParser
from vmgen.compare.renames import find_rename_candidates
from vmgen.compare.tombstones import KIND_BY_KEY
from vmgen.compare.wanted import DesiredState, Identity
from vmgen.problems import Place, Problem
from vmgen.read.manifests import InvalidYamlError


class ExistingObject(NamedTuple):
    """An object of the baseline."""

    identity: Identity
    environment: str
    path: str
    document: Mapping[str, Any]


class _PlannedFields(NamedTuple):
    identity: Identity
    environment: str
    path: str
    content: bytes
    parser: ManifestParser


class PlannedObject(_PlannedFields):
    """An object that is wanted, its manifest read only when it is compared."""

    @cached_property
    def document(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.parser.parse(self.path, self.content)[0]
        return found


class Matching(NamedTuple):
    """The objects that are there before and after, those that are new, and those that are gone.

    `twins` joins an object that is gone to one that is new and looks the same, in both directions.
    """

    pairs: tuple[tuple[ExistingObject, PlannedObject], ...]
    created: tuple[PlannedObject, ...]
    removed: tuple[ExistingObject, ...]
    rename_candidates: Mapping[Identity, Identity]
    problems: tuple[Problem, ...]


def match_objects(
    environments: tuple[DesiredState, ...],
    baseline: Baseline,
    names: Iterable[str],
    differing: Mapping[str, bytes] | None = None,
) -> Matching:
    """What is wanted joined to the baseline; only manifests that differ in bytes are read."""
    if differing is None:
        files = {path: content for each in environments for path, content in each.files.items()}
        differing = baseline.find_differing(names, files)
    reader = ManifestParser()
    existing, problems = _parse_existing(differing, baseline, reader)
    new = _find_planned(environments, baseline, differing, reader)
    # An object whose manifest is the same in another file of the run has only moved.
    still = {identity for each in environments for identity in each.objects.values()} if existing else set()
    pairs, vanished = [], []
    for old in existing:
        candidates = new.get(old.identity)
        if candidates:
            same = next((each for each in candidates if each.environment == old.environment), candidates[0])
            candidates.remove(same)
            pairs.append((old, same))
        elif old.identity not in still:
            vanished.append(old)
    created = tuple(each for candidates in new.values() for each in candidates)
    return Matching(tuple(pairs), created, tuple(vanished), find_rename_candidates(vanished, created), problems)


def _find_planned(
    environments: tuple[DesiredState, ...], baseline: Baseline, differing: Mapping[str, bytes], reader: ManifestParser
) -> dict[Identity, list[PlannedObject]]:
    found: dict[Identity, list[PlannedObject]] = {}
    for each in environments:
        for path, identity in each.objects.items():
            if path in differing or not baseline.contains(path):
                found.setdefault(identity, []).append(PlannedObject(identity, each.environment, path, each.files[path], reader))
    return found


def _parse_existing(
    contents: Mapping[str, bytes], baseline: Baseline, reader: ManifestParser
) -> tuple[list[ExistingObject], tuple[Problem, ...]]:
    found: list[ExistingObject] = []
    problems = []
    for path, content in contents.items():
        try:
            documents = reader.parse(path, content) if path.endswith((".yaml", ".yml")) else []
        except InvalidYamlError:
            at = f"at {baseline.ref} " if baseline.ref else ""
            message = f"what the file holds {at}is not YAML, so the plan cannot say what becomes of it"
            place = Place(baseline.project.display_path(baseline.project.manifests / path))
            problems.append(Problem(place, "unreadable-baseline", "", message, "warning"))
            continue
        for document in documents:
            identity = _identify(document)
            if identity:
                found.append(ExistingObject(identity, path.partition("/")[0], path, document))
    return found, tuple(problems)


def _identify(document: Any) -> Identity | None:
    """The identity of an object of a kind that holds a VM or a disk; None of anything else."""
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(metadata, dict) or document.get("kind") not in KIND_BY_KEY.values():
        return None
    return Identity(document["kind"], str(metadata.get("namespace", "")), str(metadata.get("name", "")))
