"""Verify an import: render the environment, and compare the result with the manifests, object by object, field by field.

Nothing is shared with the translation but its notes: a field that neither is the same nor has a note fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.importer.conventions import PlatformConventions
from vmgen.importer.manifests import ImportNote, SourceManifest
from vmgen.nameless import fill, fill_value
from vmgen.plan.matching import ManifestParser
from vmgen.problems import Place, Problem
from vmgen.read.located import to_plain
from vmgen.render.manifests import is_manifest
from vmgen.rules import IMPORT_PROOF

_RULE_ID = IMPORT_PROOF.id


class RoundTripResult(NamedTuple):
    """Counts of objects: rendered the same, the same but for fields written out (`completed_count`), or with a note.

    `explicit_fields` counts the fields that are written out now, by kind and field.
    """

    equal: int
    completed_count: int
    normalised_count: int
    explicit_fields: Mapping[tuple[str, str], int]
    problems: tuple[Problem, ...]


class _RenderedObject(NamedTuple):
    """A document with placeholders for `names`, which it shares with objects that differ in these only."""

    document: Mapping[str, Any]
    names: tuple[str, ...]


def verify_round_trip(
    manifests: Iterable[SourceManifest],
    files: Mapping[str, bytes],
    notes: Iterable[ImportNote],
    conventions: PlatformConventions,
) -> RoundTripResult:
    """Compare rendered files with the manifests that they replace."""
    documents: dict[tuple[str, str], _RenderedObject] = {}
    parser = ManifestParser()
    # The lists of resources are long, and hold no object.
    for path, content in ((path, content) for path, content in files.items() if is_manifest(path)):
        items, names = parser.parse_nameless(path, content)
        for item in items:
            if isinstance(item, dict) and item.get("kind") in conventions.platform.kinds:
                documents[item["kind"], fill(item["metadata"]["name"], names)] = _RenderedObject(item, names)
    comparison = _RoundTripComparison(conventions, notes)
    for manifest in manifests:
        comparison.compare(manifest, documents.pop((manifest.kind, manifest.name), None))
    # Whatever is left was in no manifest: a layer such as `_defaults.yaml` made it.
    for kind, name in documents:
        message = "would be rendered but is not imported; remove it from the layers below"
        comparison.problems.append(Problem(Place("environments/_defaults.yaml"), _RULE_ID, f"{kind} {name}", message))
    counts, explicit_fields = comparison.sum_counts()
    return RoundTripResult(
        counts["equal"], counts["completed"], counts["normalised"], explicit_fields, tuple(comparison.problems)
    )


class _RoundTripComparison:
    def __init__(self, conventions: PlatformConventions, notes: Iterable[ImportNote]) -> None:
        self.conventions = conventions
        self.notes = {(note.object, note.field): note for note in notes}
        self._noted_objects = {name for name, _ in self.notes}
        self._nameless_comparisons: dict[tuple[int, int], _RoundTripComparison | None] = {}
        self._alike_counts: Counter[int] = Counter()
        self.counts: Counter[str] = Counter()
        self.explicit_fields: Counter[tuple[str, str]] = Counter()
        self.problems: list[Problem] = []

    def compare(self, manifest: SourceManifest, rendered_object: _RenderedObject | None) -> None:
        """Compare one object; `rendered_object` is None if nothing is rendered for it."""
        if rendered_object is None:
            self._add_problem(manifest.place, manifest, "", "would not be rendered")
            return
        alike = self._compare_nameless(manifest, rendered_object)
        if alike:
            self._alike_counts[id(alike)] += 1
        else:
            self._compare(manifest, fill_value(rendered_object.document, rendered_object.names))

    def sum_counts(self) -> tuple[Counter[str], Counter[tuple[str, str]]]:
        """Return the counts of objects and of explicit fields, with those of objects that are alike."""
        counts, explicit_fields = self.counts.copy(), self.explicit_fields.copy()
        for comparison in filter(None, self._nameless_comparisons.values()):
            number = self._alike_counts[id(comparison)]
            counts.update({name: number * count for name, count in comparison.counts.items()})
            explicit_fields.update({name: number * count for name, count in comparison.explicit_fields.items()})
        return counts, explicit_fields

    def _compare_nameless(self, manifest: SourceManifest, rendered_object: _RenderedObject) -> _RoundTripComparison | None:
        """Return the comparison of all objects that differ from these two in the same names only; None if it is not clean."""
        nameless = manifest.nameless
        if nameless is None or manifest.names != rendered_object.names:
            return None
        if self._noted_objects and manifest.display_name in self._noted_objects:
            return None
        pair = (id(nameless), id(rendered_object.document))
        if pair not in self._nameless_comparisons:
            comparison = _RoundTripComparison(self.conventions, ())
            comparison._compare(nameless, rendered_object.document)
            self._nameless_comparisons[pair] = None if comparison.problems else comparison
        return self._nameless_comparisons[pair]

    def _compare(self, manifest: SourceManifest, document: Mapping[str, Any]) -> None:
        explicit_before = self.explicit_fields.total()
        metadata = document["metadata"]
        is_same = [
            self._compare_spec(manifest, document["spec"]),
            self._compare_metadata(manifest, "labels", metadata.get("labels", {})),
            self._compare_metadata(manifest, "annotations", metadata.get("annotations", {})),
        ]
        # `kubectl apply -n` gave it one, which an environment always writes.
        if not manifest.namespace:
            self.explicit_fields[manifest.kind, "metadata.namespace"] += 1
        elif manifest.namespace != metadata["namespace"]:
            self._add_problem(manifest.place, manifest, "metadata.namespace", f"would be {metadata['namespace']}")
        is_completed = self.explicit_fields.total() > explicit_before
        self.counts["normalised" if not all(is_same) else "completed" if is_completed else "equal"] += 1

    def _compare_spec(self, manifest: SourceManifest, spec: Mapping[str, Any]) -> bool:
        """Return True if each field of the manifest is rendered with its own value."""
        is_same, replaced_fields = True, set[str]()
        for name, located in manifest.spec.items():
            value, note = to_plain(located), self.notes.get((manifest.display_name, f"spec.{name}"))
            if name in spec and _is_equal(value, spec[name]):
                continue
            is_same = False
            replaced_fields |= set(note.replacement) if note else set()
            if name == "disks" and name in spec:
                bus_name = self.conventions.platform.roles.disk_bus
                if _normalise_disks(value, bus_name) == _normalise_disks(spec[name], bus_name):
                    continue
            if note is None or not self._matches_note(note, name, manifest, spec):
                place = located.key_place or located.place
                self._add_problem(place, manifest, f"spec.{name}", "would not be rendered as it is")
        for name, value in spec.items():
            if name not in manifest.spec and name not in replaced_fields:
                self._count_explicit(manifest, name, value, spec)
        return is_same

    def _matches_note(self, note: ImportNote, name: str, manifest: SourceManifest, spec: Mapping[str, Any]) -> bool:
        """Return True if a field is replaced according to its note, or left out; then the default may be rendered."""
        if note.replacement:
            return all(_is_equal(spec.get(field), value) for field, value in note.replacement.items())
        default = self.conventions.get_default(manifest.kind, name)
        return note.kind == "left out" and (name not in spec or _is_equal(spec[name], default))

    def _count_explicit(self, manifest: SourceManifest, name: str, value: Any, spec: Mapping[str, Any]) -> None:
        """Count a field that was left out; it must be written out with the value that the platform takes for it."""
        # Ports that nothing exposes have no effect, so an empty list for the API's [22] changes nothing.
        is_unexposed = not spec.get("external") or spec.get("externalMethod") != "PortList"
        has_no_effect = name == "externalPorts" and is_unexposed and not value
        if has_no_effect or _is_equal(value, self.conventions.get_default(manifest.kind, name)):
            self.explicit_fields[manifest.kind, f"spec.{name}"] += 1
        else:
            message = "was omitted, and would be rendered with another value than the default"
            self._add_problem(manifest.place, manifest, f"spec.{name}", message)

    def _compare_metadata(self, manifest: SourceManifest, key: str, entries: Mapping[str, str]) -> bool:
        """Return True if no label, or annotation, is added but those that protect disks."""
        original = getattr(manifest, key)
        for name, value in original.items():
            if entries.get(name) != value.data:
                place = value.key_place or value.place
                self._add_problem(place, manifest, f"metadata.{key}.{name}", "would not be rendered as it is")
        # Annotations that protect a disk are the one addition that import makes by itself.
        protection = self.conventions.generated_annotations["protected"]
        is_same = True
        for name in entries.keys() - original.keys():
            path = f"metadata.{key}.{name}"
            if key == "annotations" and manifest.kind == "VMDisk" and name in protection:
                self.explicit_fields[manifest.kind, path] += 1
            elif (manifest.display_name, path) in self.notes:
                is_same = False
            else:
                self._add_problem(manifest.place, manifest, path, "would be added")
        return is_same

    def _add_problem(self, place: Place, manifest: SourceManifest, path: str, message: str) -> None:
        subject = f"{manifest.display_name}: {path}" if path else manifest.display_name
        self.problems.append(Problem(place, _RULE_ID, subject, message))


def _is_equal(left: Any, right: Any) -> bool:
    """Return True if two values are equal in type too: `true` is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_is_equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_is_equal, left, right))
    # In Python True == 1, and to the API they are a boolean and a number.
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _normalise_disks(disks: Any, bus_name: str) -> list[tuple[Any, Any]]:
    """Return name and bus of each disk, whether it is written as a mapping or as a name."""
    items = disks if isinstance(disks, list) else []
    return [(item.get("name"), item.get(bus_name) or "") if isinstance(item, dict) else (item, "") for item in items]
