"""What is to be imported: files, folders and standard input, down to the single objects in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vmgen.adopt.dialect import Dialect
from vmgen.adopt.notes import Findings, Note
from vmgen.problems import Place, VmgenError
from vmgen.read.located import Located
from vmgen.read.yaml_reader import read_documents

STDIN = "-"
_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A VMInstance or a VMDisk as it was found, without what a server wrote on it."""

    kind: str
    name: str
    namespace: str
    labels: Mapping[str, Located]
    annotations: Mapping[str, Located]
    spec: Mapping[str, Located]
    place: Place
    notes: tuple[Note, ...] = field(default=(), repr=False)

    @property
    def label(self) -> str:
        """How messages name the object."""
        return f"{self.kind} {self.name}"


def manifests(paths: Iterable[str], stdin: BinaryIO, dialect: Dialect, findings: Findings) -> Iterator[Manifest]:
    """Each object of the kinds that vmgen makes; the others are skipped, and said."""
    for content, shown in _texts(paths, stdin):
        documents, problems = read_documents(content, shown)
        findings.problems.extend(problems)
        for document in documents:
            for item in _unpacked(document):
                found = _manifest(item, dialect, findings)
                if found:
                    yield found


def _texts(paths: Iterable[str], stdin: BinaryIO) -> Iterator[tuple[bytes, str]]:
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


def _unpacked(document: Located) -> Iterator[Located]:
    """The objects of a List, one by one; any other document as it is."""
    kind = document.value("kind")
    items = document.get("items")
    if isinstance(kind, str) and kind.endswith("List") and items is not None:
        for item in items.items:
            yield from _unpacked(item)
    else:
        yield document


def _manifest(document: Located, dialect: Dialect, findings: Findings) -> Manifest | None:
    kind, version = document.value("kind"), document.value("apiVersion")
    metadata = document.get("metadata")
    name = metadata.get("name") if metadata else None
    if not isinstance(kind, str) or kind not in dialect.platform.kinds or version != dialect.api_version(kind):
        shown = f"{kind} {name.data}" if name and isinstance(kind, str) else kind if isinstance(kind, str) else "document"
        wanted = " and ".join(sorted(dialect.platform.kinds))
        text = f"vmgen makes {wanted} of {dialect.api_version('VMInstance')} only"
        findings.notes.append(Note(document.place, "skipped", shown, "", text))
        return None
    if metadata is None or name is None or not isinstance(name.data, str):
        message = "the object has no metadata.name; write one"
        findings.refuse(document.place, "import-without-name", kind, message)
        return None
    return _cleaned(document, kind, name, metadata, dialect, findings)


def _cleaned(document: Located, kind: str, name: Located, metadata: Located, dialect: Dialect, findings: Findings) -> Manifest:
    label = f"{kind} {name.data}"
    notes: list[Note] = []
    for part, whole, known, server in (
        ("", document, {"apiVersion", "kind", "metadata", "spec"}, "object"),
        ("metadata.", metadata, {"name", "namespace", "labels", "annotations"}, "metadata"),
    ):
        for key, value in whole.mapping.items():
            if key not in known:
                notes.append(_dropped(value, label, f"{part}{key}", by_server=key in dialect.server(server)))
    namespace = metadata.get("namespace")
    spec = document.get("spec")
    if spec is not None and spec.data is not None and not isinstance(spec.data, dict):
        findings.refuse(spec.place, "import-invalid-field", f"{label}: spec", "must be a mapping")
    texts = {}
    for part in ("labels", "annotations"):
        texts[part], dropped = _texts_of(metadata, part, label, dialect, findings)
        notes.extend(dropped)
    return Manifest(
        kind,
        name.data,
        namespace.data if namespace and isinstance(namespace.data, str) else "",
        texts["labels"],
        texts["annotations"],
        spec.mapping if spec else {},
        name.place,
        tuple(notes),
    )


def _texts_of(
    metadata: Located, name: str, label: str, dialect: Dialect, findings: Findings
) -> tuple[dict[str, Located], list[Note]]:
    """Labels or annotations, and what was dropped of them."""
    found = metadata.get(name)
    kept: dict[str, Located] = {}
    dropped: list[Note] = []
    if found is None or found.data is None:
        return kept, dropped
    for _, problem in dialect.key_schema("group", name).problems(found):
        findings.refuse(problem.place, "import-invalid-field", f"{label}: metadata.{name}", problem.message)
    for key, value in found.mapping.items():
        if key in dialect.server(name):
            dropped.append(_dropped(value, label, f"metadata.{name}.{key}", by_server=True))
        elif isinstance(value.data, str):
            kept[key] = value
    return kept, dropped


def _dropped(value: Located, label: str, path: str, *, by_server: bool) -> Note:
    if by_server:
        return Note(value.key or value.place, "server field", label, path, "written by a server or a tool")
    return Note(value.key or value.place, "left out", label, path, "no field that an environment can carry")
