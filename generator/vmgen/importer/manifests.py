"""The manifests to import, parsed from documents.

Each field that is not simply carried over gets a note with its place, so that nothing is lost in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from vmgen.importer.conventions import PlatformConventions
from vmgen.problems import Place, Problem
from vmgen.read.located import Located
from vmgen.rules import IMPORT_INVALID_FIELD, IMPORT_WITHOUT_NAME

NoteKind = Literal["normalised", "left out", "server field", "skipped"]


class ImportNote(NamedTuple):
    """A note on one field (`spec.size`) of one object (`VMDisk web-1-data`); `field` is empty for the object as a whole.

    `replacement` has the fields of the rendered spec that hold the value now, each with the value it must have.
    """

    place: Place
    kind: NoteKind
    object: str
    field: str
    text: str
    replacement: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """The notes and problems of an import. A problem keeps its environment from being written."""

    notes: list[ImportNote] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add_error(self, place: Place, rule: str, subject: str, message: str) -> None:
        """Add a problem of a manifest; `subject` names the object and its field."""
        self.problems.append(Problem(place, rule, subject, message))


class SourceManifest(NamedTuple):
    """A VMInstance or VMDisk to import. `notes` name the omitted parts; `namespace` is empty if it has none.

    `nameless` is the manifest with placeholders for `names`, which it shares with manifests that differ in these only; None
    if it was read by itself.
    """

    kind: str
    name: str
    namespace: str
    labels: Mapping[str, Located]
    annotations: Mapping[str, Located]
    spec: Mapping[str, Located]
    place: Place
    notes: tuple[ImportNote, ...] = ()
    nameless: SourceManifest | None = None
    names: tuple[str, ...] = ()

    @property
    def display_name(self) -> str:
        """The name of the object in messages."""
        return f"{self.kind} {self.name}"


class SourceParser:
    """Parses documents to manifests of a platform's kinds, and notes what it leaves out."""

    def __init__(self, conventions: PlatformConventions, diagnostics: Diagnostics) -> None:
        self.conventions = conventions
        self.diagnostics = diagnostics

    def parse(self, document: Located) -> SourceManifest | None:
        """Return the manifest of a document; None if it is of another kind or has no name."""
        kind, version = document.get_plain("kind"), document.get_plain("apiVersion")
        metadata = document.get("metadata")
        name = metadata.get("name") if metadata else None
        kinds = self.conventions.platform.kinds
        if not isinstance(kind, str) or kind not in kinds or version != self.conventions.get_api_version(kind):
            label = "document" if not isinstance(kind, str) else f"{kind} {name.data}" if name else kind
            text = f"vmgen makes {' and '.join(sorted(kinds))} of {self.conventions.get_api_version('VMInstance')} only"
            self.diagnostics.notes.append(ImportNote(document.place, "skipped", label, "", text))
            return None
        if metadata is None or name is None or not isinstance(name.data, str):
            message = "the object has no metadata.name; write one"
            self.diagnostics.add_error(document.place, IMPORT_WITHOUT_NAME.id, kind, message)
            return None
        return self._build_manifest(document, kind, name, metadata)

    def _build_manifest(self, document: Located, kind: str, name: Located, metadata: Located) -> SourceManifest:
        label = f"{kind} {name.data}"
        notes: list[ImportNote] = []
        for prefix, section, carried_keys, server_section in (
            ("", document, {"apiVersion", "kind", "metadata", "spec"}, "object"),
            ("metadata.", metadata, {"name", "namespace", "labels", "annotations"}, "metadata"),
        ):
            server_fields = self.conventions.get_server_fields(server_section)
            for key, value in section.mapping.items():
                if key not in carried_keys:
                    notes.append(_build_dropped_note(value, label, f"{prefix}{key}", by_server=key in server_fields))
        namespace = metadata.get("namespace")
        if namespace and not isinstance(namespace.data, str | None):
            self.diagnostics.add_error(namespace.place, IMPORT_INVALID_FIELD.id, f"{label}: metadata.namespace", "must be text")
        spec = document.get("spec")
        if spec is not None and spec.data is not None and not isinstance(spec.data, dict):
            self.diagnostics.add_error(spec.place, IMPORT_INVALID_FIELD.id, f"{label}: spec", "must be a mapping")
        labels = self._filter_metadata(metadata, "labels", label, notes)
        annotations = self._filter_metadata(metadata, "annotations", label, notes)
        fields = spec.mapping if spec else {}
        return SourceManifest(
            kind, name.text, namespace.text if namespace else "", labels, annotations, fields, name.place, tuple(notes)
        )

    def _filter_metadata(self, metadata: Located, key: str, label: str, notes: list[ImportNote]) -> dict[str, Located]:
        """Return the labels or annotations without those of servers and tools, which get a note."""
        # `labels:` without a value is null, which the API takes for no labels.
        section = metadata.get(key)
        if section is None or section.data is None:
            return {}
        for _, problem in self.conventions.get_key_schema("group", key).find_problems(section):
            self.diagnostics.add_error(problem.place, IMPORT_INVALID_FIELD.id, f"{label}: metadata.{key}", problem.message)
        entries: dict[str, Located] = {}
        for name, value in section.mapping.items():
            if name in self.conventions.get_server_fields(key):
                notes.append(_build_dropped_note(value, label, f"metadata.{key}.{name}", by_server=True))
            elif isinstance(value.data, str):
                entries[name] = value
        return entries


def _build_dropped_note(value: Located, label: str, path: str, *, by_server: bool) -> ImportNote:
    place = value.key_place or value.place
    if by_server:
        return ImportNote(place, "server field", label, path, "written by a server or a tool")
    return ImportNote(place, "left out", label, path, "no field that an environment supports")
