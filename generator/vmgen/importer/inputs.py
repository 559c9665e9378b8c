"""What import did to an object that was not simply carried: each with its place, so that nothing is lost in silence.

What is to be imported: files, folders and standard input, down to the single objects in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import field as _default
from pathlib import Path
from typing import Any, BinaryIO, Literal

from vmgen.importer.dialect import PlatformConventions
from vmgen.problems import Place, Problem, VmgenError
from vmgen.read.located import Located
from vmgen.read.yaml_reader import read_documents

NoteKind = Literal["normalised", "left out", "server field", "skipped"]


@dataclass(frozen=True, slots=True)
class ImportNote:
    """One field of one object (`VMDisk web-1-data`, `spec.size`) and what became of it.

    `becomes` is the field of the rendered spec that holds the value now, with the value that it must have there.
    """

    place: Place
    kind: NoteKind
    object: str
    field: str
    text: str
    replacement: Mapping[str, Any] = _default(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What is said in the course of an import. `problems` keep an environment from being written."""

    notes: list[ImportNote] = _default(default_factory=list)
    problems: list[Problem] = _default(default_factory=list)

    def add_error(self, place: Place, rule: str, subject: str, message: str) -> None:
        """A problem of a manifest; `subject` names the object and its field."""
        self.problems.append(Problem(place, rule, subject, message))


STDIN = "-"
_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class SourceManifest:
    """A VMInstance or a VMDisk as it was found, without what a server wrote on it."""

    kind: str
    name: str
    namespace: str
    labels: Mapping[str, Located]
    annotations: Mapping[str, Located]
    spec: Mapping[str, Located]
    place: Place
    notes: tuple[ImportNote, ...] = field(default=(), repr=False)

    @property
    def display_name(self) -> str:
        """How messages name the object."""
        return f"{self.kind} {self.name}"


def read_manifests(
    paths: Iterable[str], stdin: BinaryIO, dialect: PlatformConventions, findings: Diagnostics
) -> Iterator[SourceManifest]:
    """Each object of the kinds that vmgen makes; the others are skipped, and said."""
    for content, shown in _read_inputs(paths, stdin):
        documents, problems = read_documents(content, shown)
        findings.problems.extend(problems)
        for document in documents:
            for item in _flatten_list(document):
                found = _parse_manifest(item, dialect, findings)
                if found:
                    yield found


def _read_inputs(paths: Iterable[str], stdin: BinaryIO) -> Iterator[tuple[bytes, str]]:
    for written in paths:
        if written == STDIN:
            yield stdin.read(), "<stdin>"
            continue
        path = Path(written)
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
            if not files:
                raise VmgenError(f"no {' or '.join(_SUFFIXES)} file in {written}")
        else:
            files = [path]
        for file in files:
            try:
                yield file.read_bytes(), file.as_posix()
            except OSError as error:
                raise VmgenError(f"cannot read {file}: {error.strerror}") from None


def _flatten_list(document: Located) -> Iterator[Located]:
    """The objects of a List, one by one; any other document as it is."""
    kind = document.get_plain("kind")
    items = document.get("items")
    if isinstance(kind, str) and kind.endswith("List") and items is not None:
        for item in items.items:
            yield from _flatten_list(item)
    else:
        yield document


def _parse_manifest(document: Located, dialect: PlatformConventions, findings: Diagnostics) -> SourceManifest | None:
    kind, version = document.get_plain("kind"), document.get_plain("apiVersion")
    metadata = document.get("metadata")
    name = metadata.get("name") if metadata else None
    if not isinstance(kind, str) or kind not in dialect.platform.kinds or version != dialect.get_api_version(kind):
        shown = f"{kind} {name.data}" if name and isinstance(kind, str) else kind if isinstance(kind, str) else "document"
        wanted = " and ".join(sorted(dialect.platform.kinds))
        text = f"vmgen makes {wanted} of {dialect.get_api_version('VMInstance')} only"
        findings.notes.append(ImportNote(document.place, "skipped", shown, "", text))
        return None
    if metadata is None or name is None or not isinstance(name.data, str):
        message = "the object has no metadata.name; write one"
        findings.add_error(document.place, "import-without-name", kind, message)
        return None
    return _strip_server_fields(document, kind, name, metadata, dialect, findings)


def _strip_server_fields(
    document: Located, kind: str, name: Located, metadata: Located, dialect: PlatformConventions, findings: Diagnostics
) -> SourceManifest:
    label = f"{kind} {name.data}"
    notes: list[ImportNote] = []
    for part, whole, known, server in (
        ("", document, {"apiVersion", "kind", "metadata", "spec"}, "object"),
        ("metadata.", metadata, {"name", "namespace", "labels", "annotations"}, "metadata"),
    ):
        for key, value in whole.mapping.items():
            if key not in known:
                notes.append(
                    _build_dropped_note(value, label, f"{part}{key}", by_server=key in dialect.get_server_fields(server))
                )
    namespace = metadata.get("namespace")
    spec = document.get("spec")
    if spec is not None and spec.data is not None and not isinstance(spec.data, dict):
        findings.add_error(spec.place, "import-invalid-field", f"{label}: spec", "must be a mapping")
    texts = {}
    for part in ("labels", "annotations"):
        texts[part], dropped = _filter_metadata(metadata, part, label, dialect, findings)
        notes.extend(dropped)
    return SourceManifest(
        kind,
        name.data,
        namespace.data if namespace and isinstance(namespace.data, str) else "",
        texts["labels"],
        texts["annotations"],
        spec.mapping if spec else {},
        name.place,
        tuple(notes),
    )


def _filter_metadata(
    metadata: Located, name: str, label: str, dialect: PlatformConventions, findings: Diagnostics
) -> tuple[dict[str, Located], list[ImportNote]]:
    """Labels or annotations, and what was dropped of them."""
    found = metadata.get(name)
    kept: dict[str, Located] = {}
    dropped: list[ImportNote] = []
    if found is None or found.data is None:
        return kept, dropped
    for _, problem in dialect.get_key_schema("group", name).find_problems(found):
        findings.add_error(problem.place, "import-invalid-field", f"{label}: metadata.{name}", problem.message)
    for key, value in found.mapping.items():
        if key in dialect.get_server_fields(name):
            dropped.append(_build_dropped_note(value, label, f"metadata.{name}.{key}", by_server=True))
        elif isinstance(value.data, str):
            kept[key] = value
    return kept, dropped


def _build_dropped_note(value: Located, label: str, path: str, *, by_server: bool) -> ImportNote:
    if by_server:
        return ImportNote(value.key_place or value.place, "server field", label, path, "written by a server or a tool")
    return ImportNote(value.key_place or value.place, "left out", label, path, "no field that an environment can carry")
