"""Renames: an object that is gone beside a new one, in the same environment, that is the same in all but its name.

Many manifests read fast: objects that differ in nothing but their names are parsed once.

Which object of the baseline is which of those that are wanted: by kind, namespace and name, wherever they lie.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from vmgen.plan.baseline import Baseline
from vmgen.plan.desired import KIND_BY_KEY, DesiredState, Identity
from vmgen.problems import Place, Problem
from vmgen.read.manifests import InvalidYamlError, parse_objects


class HasManifest(Protocol):
    """An object with what its manifest says of it."""

    @property
    def identity(self) -> Identity: ...

    @property
    def environment(self) -> str: ...

    @property
    def document(self) -> Mapping[str, Any]: ...


def find_rename_candidates(vanished: Sequence[HasManifest], created: Sequence[HasManifest]) -> Mapping[Identity, Identity]:
    """For each object that looks renamed its other half, both ways.

    Of several that look the same those are joined whose names end alike: web-2-data with shop-2-data.
    """
    if not vanished or not created:
        return {}
    old, new = _group_by_likeness(vanished), _group_by_likeness(created)
    joined: dict[Identity, Identity] = {}
    for likeness in old.keys() & new.keys():
        for one, other in _pair_by_ending(old[likeness], new[likeness]):
            joined[one], joined[other] = other, one
    return _drop_implausible(joined, [each.identity for each in vanished])


def _drop_implausible(joined: Mapping[Identity, Identity], vanished: Iterable[Identity]) -> Mapping[Identity, Identity]:
    """Without the disks of a VM that is gone for good: system disks all look the same, so one alone is no rename."""
    gone = list(vanished)
    machines = {(each.namespace, each.name): joined.get(each) for each in gone if each.kind == "VMInstance"}
    kept = dict(joined)
    for one in gone:
        parts = one.name.split("-")
        owners = [(one.namespace, "-".join(parts[:length])) for length in range(1, len(parts))] if one in joined else []
        for owner in owners:
            if one.kind == "VMDisk" and owner in machines and not _belongs_to(joined[one], machines[owner]):
                del kept[joined[one]], kept[one]
                break
    return kept


def _belongs_to(disk: Identity, machine: Identity | None) -> bool:
    return machine is not None and disk.name.startswith(f"{machine.name}-")


def _group_by_likeness(found: Iterable[HasManifest]) -> dict[str, list[Identity]]:
    """The objects by what they are, but for their names and what is called after them."""
    groups: dict[str, list[Identity]] = defaultdict(list)
    for each in found:
        name = each.identity.name
        groups[f"{each.environment} {each.identity.kind} {_serialize_without_name(each.document.get('spec'), name)}"].append(
            each.identity
        )
    return groups


def _serialize_without_name(spec: Any, name: str) -> str:
    """A spec with its own name taken out of it: `web-1-data` on the disks of web-1 becomes `-data`."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(item) for key, item in value.items()}
        if isinstance(value, list):
            return [without(item) for item in value]
        if isinstance(value, str) and (value == name or value.startswith(f"{name}-")):
            return f"<name>{value[len(name) :]}"
        return value

    return json.dumps(without(spec), sort_keys=True, default=str)


def _pair_by_ending(old: list[Identity], new: list[Identity]) -> Iterator[tuple[Identity, Identity]]:
    """Pairs by the longest ending that two names share, whole parts of it; what is left is joined in order."""
    waiting, free = sorted(old), dict.fromkeys(sorted(new))
    deepest = max(identity.name.count("-") for identity in waiting)
    for skipped in range(deepest + 1):
        by_ending = _index_by_ending(free)
        left = []
        for one in waiting:
            candidates = by_ending.get(_drop_leading_parts(one.name, skipped), [])
            while candidates and candidates[-1] not in free:
                candidates.pop()
            if candidates:
                del free[candidates[-1]]
                yield one, candidates.pop()
            else:
                left.append(one)
        waiting = left
    yield from zip(waiting, free)


def _index_by_ending(identities: Iterable[Identity]) -> dict[str, list[Identity]]:
    """The names by each of their endings, the first of them last in its list."""
    found: dict[str, list[Identity]] = defaultdict(list)
    for identity in reversed(list(identities)):
        for skipped in range(identity.name.count("-") + 1):
            found[_drop_leading_parts(identity.name, skipped)].append(identity)
    return found


def _drop_leading_parts(name: str, skipped: int) -> str:
    """A name without its first parts; nothing where it has no more than those."""
    return name.split("-", skipped)[skipped] if skipped <= name.count("-") else ""


def find_old_base_name(old: str, new: str) -> str:
    """What the old name begins with, without the ending that it shares with the new one: `web` of web-1-data, shop-1-data."""
    one, other = old.split("-"), new.split("-")
    while len(one) > 1 and len(other) > 1 and one[-1] == other[-1]:
        one.pop()
        other.pop()
    return "-".join(one)


# Stands where a name was; no YAML text holds it.
_NAME_PLACEHOLDER = b"\0"


class ManifestParser:
    """Reads manifests by their paths. A name is the stem of the path, and stands in the text wherever it stands in the object.

    So the object of a text that is known but for the name is the known object with the other name put in: a name is lower-case
    letters, digits and dashes, which mean nothing to YAML, and those that are words of it stand in quotes.
    """

    def __init__(self) -> None:
        self._cache: dict[bytes, tuple[str, list[Any]]] = {}

    def parse(self, path: str, content: bytes) -> list[Any]:
        """The documents of a manifest. NotYaml where it cannot be read."""
        name = path.rpartition("/")[2].partition(".")[0]
        shape = content.replace(name.encode(errors="surrogateescape"), _NAME_PLACEHOLDER) if name else content
        known = self._cache.get(shape)
        if known is None:
            found = parse_objects(content)
            self._cache[shape] = (name, found)
            return found
        return [_replace_name(document, known[0], name) for document in known[1]]


def _replace_name(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new) if old in value else value
    if isinstance(value, dict):
        return {_replace_name(key, old, new): _replace_name(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace_name(item, old, new) for item in value]
    return value


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
