"""The proof: the environment is rendered, and what comes out is compared with what went in, object by object, field by field.

It shares nothing with the translation but the notes: a field that is neither the same, nor noted, fails it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vmgen.adopt.dialect import Dialect
from vmgen.adopt.inputs import Manifest
from vmgen.adopt.notes import Note
from vmgen.problems import Place, Problem
from vmgen.read.located import plain
from vmgen.read.manifests import objects

_RULE = "import-proof"


class Proof(NamedTuple):
    """What the comparison found: how many objects are rendered just as they were, how many with more fields and nothing
    else, and how many have something said otherwise. `explicit` counts, by kind and field, what is written out now.
    """

    equal: int
    completed: int
    normalised: int
    explicit: Mapping[tuple[str, str], int]
    problems: tuple[Problem, ...]


def proved(manifests: Iterable[Manifest], files: Mapping[str, bytes], notes: Iterable[Note], dialect: Dialect) -> Proof:
    """The rendered files against the manifests that they are to replace."""
    rendered = {}
    for content in files.values():
        for found in objects(content):
            if isinstance(found, dict) and found.get("kind") in dialect.platform.kinds:
                rendered[found["kind"], found["metadata"]["name"]] = found
    comparison = _Comparison(dialect, {(note.object, note.field): note for note in notes})
    for manifest in manifests:
        comparison.compare(manifest, rendered.pop((manifest.kind, manifest.name), None))
    for kind, name in rendered:
        comparison.problems.append(Problem(Place("environments/_defaults.yaml"), _RULE, f"{kind} {name}", _EXTRA))
    counts = comparison.objects
    return Proof(counts["equal"], counts["completed"], counts["normalised"], comparison.explicit, tuple(comparison.problems))


_EXTRA = "would be rendered, and is not among what is imported; remove it from the layers below"


@dataclass(slots=True)
class _Comparison:
    dialect: Dialect
    notes: Mapping[tuple[str, str], Note]
    objects: Counter[str] = field(default_factory=Counter)
    explicit: Counter[tuple[str, str]] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def compare(self, manifest: Manifest, rendered: Mapping[str, Any] | None) -> None:
        """One object."""
        if rendered is None:
            self._fail(manifest.place, manifest, "", "would not be rendered")
            return
        explicit = sum(self.explicit.values())
        metadata = rendered["metadata"]
        same = [
            self._spec(manifest, rendered["spec"]),
            self._texts(manifest, "labels", metadata.get("labels", {})),
            self._texts(manifest, "annotations", metadata.get("annotations", {})),
        ]
        self._namespace(manifest, metadata["namespace"])
        more = sum(self.explicit.values()) > explicit
        self.objects["normalised" if not all(same) else "completed" if more else "equal"] += 1

    def _spec(self, manifest: Manifest, rendered: Mapping[str, Any]) -> bool:
        """Whether each field that is there is rendered as it is."""
        same, said = True, set()
        for name, value in manifest.spec.items():
            written, note = plain(value), self.notes.get((manifest.label, f"spec.{name}"))
            if name in rendered and _same(written, rendered[name]):
                continue
            same = False
            said |= set(note.becomes) if note else set()
            if name in rendered and name == "disks" and _disks(written) == _disks(rendered[name]):
                continue
            if note is None or not self._as_noted(note, name, manifest, rendered):
                self._fail(value.key or value.place, manifest, f"spec.{name}", "would not be rendered as it is")
        for name, value in rendered.items():
            if name not in manifest.spec and name not in said:
                self._made_explicit(manifest, name, value, rendered)
        return same

    def _as_noted(self, note: Note, name: str, manifest: Manifest, rendered: Mapping[str, Any]) -> bool:
        """Whether the field is now what the note says: moved, or gone, and then at most the default stands in its place."""
        if note.becomes:
            return all(_same(rendered.get(field), value) for field, value in note.becomes.items())
        return note.what == "left out" and (
            name not in rendered or _same(rendered[name], self.dialect.default(manifest.kind, name))
        )

    def _made_explicit(self, manifest: Manifest, name: str, value: Any, rendered: Mapping[str, Any]) -> None:
        """A field that was left out has to be written out as what the platform took it for."""
        unexposed = not rendered.get("external") or rendered.get("externalMethod") != "PortList"
        if _same(value, self.dialect.default(manifest.kind, name)) or (name == "externalPorts" and unexposed and not value):
            self.explicit[manifest.kind, f"spec.{name}"] += 1
        else:
            self._fail(
                manifest.place, manifest, f"spec.{name}", "was left out, and would be rendered otherwise than the default"
            )

    def _texts(self, manifest: Manifest, kind: str, rendered: Mapping[str, str]) -> bool:
        """Whether no label, or annotation, is added but those that guard disks."""
        written = getattr(manifest, kind)
        for name, value in written.items():
            if rendered.get(name) != value.data:
                self._fail(value.key or value.place, manifest, f"metadata.{kind}.{name}", "would not be rendered as it is")
        same = True
        for name in rendered.keys() - written.keys():
            path = f"metadata.{kind}.{name}"
            if kind == "annotations" and manifest.kind == "VMDisk" and name in self.dialect.generated["protected"]:
                self.explicit[manifest.kind, path] += 1
            elif (manifest.label, path) in self.notes:
                same = False
            else:
                self._fail(manifest.place, manifest, path, "would be added")
        return same

    def _namespace(self, manifest: Manifest, rendered: str) -> None:
        if not manifest.namespace:
            self.explicit[manifest.kind, "metadata.namespace"] += 1
        elif manifest.namespace != rendered:
            self._fail(manifest.place, manifest, "metadata.namespace", f"would be {rendered}")

    def _fail(self, place: Place, manifest: Manifest, path: str, message: str) -> None:
        subject = f"{manifest.label}: {path}" if path else manifest.label
        self.problems.append(Problem(place, _RULE, subject, message))


def _same(one: Any, other: Any) -> bool:
    """Equal in type too: `true` is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _disks(written: Any) -> list[tuple[Any, Any]]:
    """The disks of a VM whichever way they are written."""
    items = written if isinstance(written, list) else []
    return [(item.get("name"), item.get("bus") or "") if isinstance(item, dict) else (item, "") for item in items]
