"""The proof: the environment is rendered, and what comes out is compared with what went in, object by object, field by field.

It shares nothing with the translation but the notes: a field that is neither the same, nor noted, fails it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vmgen.importer.dialect import PlatformConventions
from vmgen.importer.inputs import ImportNote, SourceManifest
from vmgen.problems import Place, Problem
from vmgen.read.located import to_plain
from vmgen.read.manifests import parse_objects

_RULE_ID = "import-proof"


class RoundTripResult(NamedTuple):
    """What the comparison found: how many objects are rendered just as they were, how many with more fields and nothing
    else, and how many have something said otherwise. `explicit` counts, by kind and field, what is written out now.
    """

    equal: int
    completed: int
    normalised: int
    explicit_fields: Mapping[tuple[str, str], int]
    problems: tuple[Problem, ...]


def verify_round_trip(
    manifests: Iterable[SourceManifest], files: Mapping[str, bytes], notes: Iterable[ImportNote], dialect: PlatformConventions
) -> RoundTripResult:
    """The rendered files against the manifests that they are to replace."""
    rendered = {}
    for content in files.values():
        for found in parse_objects(content):
            if isinstance(found, dict) and found.get("kind") in dialect.platform.kinds:
                rendered[found["kind"], found["metadata"]["name"]] = found
    comparison = _RoundTripComparison(dialect, {(note.object, note.field): note for note in notes})
    for manifest in manifests:
        comparison.compare(manifest, rendered.pop((manifest.kind, manifest.name), None))
    for kind, name in rendered:
        comparison.problems.append(
            Problem(Place("environments/_defaults.yaml"), _RULE_ID, f"{kind} {name}", _EXTRA_OBJECT_MESSAGE)
        )
    counts = comparison.result_counts
    return RoundTripResult(
        counts["equal"], counts["completed"], counts["normalised"], comparison.explicit_fields, tuple(comparison.problems)
    )


_EXTRA_OBJECT_MESSAGE = "would be rendered, and is not among what is imported; remove it from the layers below"


@dataclass(slots=True)
class _RoundTripComparison:
    conventions: PlatformConventions
    notes: Mapping[tuple[str, str], ImportNote]
    result_counts: Counter[str] = field(default_factory=Counter)
    explicit_fields: Counter[tuple[str, str]] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def compare(self, manifest: SourceManifest, rendered: Mapping[str, Any] | None) -> None:
        """One object."""
        if rendered is None:
            self._add_problem(manifest.place, manifest, "", "would not be rendered")
            return
        explicit = sum(self.explicit_fields.values())
        metadata = rendered["metadata"]
        same = [
            self._compare_spec(manifest, rendered["spec"]),
            self._compare_texts(manifest, "labels", metadata.get("labels", {})),
            self._compare_texts(manifest, "annotations", metadata.get("annotations", {})),
        ]
        self._compare_namespace(manifest, metadata["namespace"])
        more = sum(self.explicit_fields.values()) > explicit
        self.result_counts["normalised" if not all(same) else "completed" if more else "equal"] += 1

    def _compare_spec(self, manifest: SourceManifest, rendered: Mapping[str, Any]) -> bool:
        """Whether each field that is there is rendered as it is."""
        same, said = True, set()
        for name, value in manifest.spec.items():
            written, note = to_plain(value), self.notes.get((manifest.display_name, f"spec.{name}"))
            if name in rendered and _is_equal(written, rendered[name]):
                continue
            same = False
            said |= set(note.replacement) if note else set()
            if name in rendered and name == "disks" and _normalise_disks(written) == _normalise_disks(rendered[name]):
                continue
            if note is None or not self._matches_note(note, name, manifest, rendered):
                self._add_problem(value.key_place or value.place, manifest, f"spec.{name}", "would not be rendered as it is")
        for name, value in rendered.items():
            if name not in manifest.spec and name not in said:
                self._count_explicit(manifest, name, value, rendered)
        return same

    def _matches_note(self, note: ImportNote, name: str, manifest: SourceManifest, rendered: Mapping[str, Any]) -> bool:
        """Whether the field is now what the note says: moved, or gone, and then at most the default stands in its place."""
        if note.replacement:
            return all(_is_equal(rendered.get(field), value) for field, value in note.replacement.items())
        return note.kind == "left out" and (
            name not in rendered or _is_equal(rendered[name], self.conventions.get_default(manifest.kind, name))
        )

    def _count_explicit(self, manifest: SourceManifest, name: str, value: Any, rendered: Mapping[str, Any]) -> None:
        """A field that was left out has to be written out as what the platform took it for."""
        unexposed = not rendered.get("external") or rendered.get("externalMethod") != "PortList"
        if _is_equal(value, self.conventions.get_default(manifest.kind, name)) or (
            name == "externalPorts" and unexposed and not value
        ):
            self.explicit_fields[manifest.kind, f"spec.{name}"] += 1
        else:
            self._add_problem(
                manifest.place, manifest, f"spec.{name}", "was left out, and would be rendered otherwise than the default"
            )

    def _compare_texts(self, manifest: SourceManifest, kind: str, rendered: Mapping[str, str]) -> bool:
        """Whether no label, or annotation, is added but those that guard disks."""
        written = getattr(manifest, kind)
        for name, value in written.items():
            if rendered.get(name) != value.data:
                self._add_problem(
                    value.key_place or value.place, manifest, f"metadata.{kind}.{name}", "would not be rendered as it is"
                )
        same = True
        for name in rendered.keys() - written.keys():
            path = f"metadata.{kind}.{name}"
            if (
                kind == "annotations"
                and manifest.kind == "VMDisk"
                and name in self.conventions.generated_annotations["protected"]
            ):
                self.explicit_fields[manifest.kind, path] += 1
            elif (manifest.display_name, path) in self.notes:
                same = False
            else:
                self._add_problem(manifest.place, manifest, path, "would be added")
        return same

    def _compare_namespace(self, manifest: SourceManifest, rendered: str) -> None:
        if not manifest.namespace:
            self.explicit_fields[manifest.kind, "metadata.namespace"] += 1
        elif manifest.namespace != rendered:
            self._add_problem(manifest.place, manifest, "metadata.namespace", f"would be {rendered}")

    def _add_problem(self, place: Place, manifest: SourceManifest, path: str, message: str) -> None:
        subject = f"{manifest.display_name}: {path}" if path else manifest.display_name
        self.problems.append(Problem(place, _RULE_ID, subject, message))


def _is_equal(one: Any, other: Any) -> bool:
    """Equal in type too: `true` is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _normalise_disks(written: Any) -> list[tuple[Any, Any]]:
    """The disks of a VM whichever way they are written."""
    items = written if isinstance(written, list) else []
    return [(item.get("name"), item.get("bus") or "") if isinstance(item, dict) else (item, "") for item in items]
