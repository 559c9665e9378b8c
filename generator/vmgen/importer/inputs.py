"""Read the manifests to import from files, folders and standard input, down to single objects."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from vmgen.filesystem.reader import (
    MAX_YAML_BYTES,
    FolderReader,
    find_work_tree,
    list_files,
    read_named_file,
    read_stream,
)
from vmgen.importer.alike import AlikeManifests
from vmgen.importer.conventions import PlatformConventions
from vmgen.importer.manifests import Diagnostics, SourceManifest, SourceParser
from vmgen.problems import VmgenError
from vmgen.read.located import Located
from vmgen.read.yaml_reader import read_documents

STDIN = "-"
_SUFFIXES = (".yaml", ".yml", ".json")


def read_manifests(
    paths: Iterable[str], stdin: BinaryIO, conventions: PlatformConventions, diagnostics: Diagnostics
) -> Iterator[SourceManifest]:
    """Yield each object of the platform's kinds; other objects are skipped with a note.

    Raises VmgenError if a path cannot be read, or a folder has no manifests.
    """
    parser = SourceParser(conventions, diagnostics)
    alike = AlikeManifests(conventions)
    for content, display_path in _read_inputs(paths, stdin):
        manifest = alike.find(content, display_path)
        if manifest:
            yield manifest
            continue
        documents, problems = read_documents(content, display_path)
        diagnostics.problems.extend(problems)
        for item in (item for document in documents for item in _flatten_list(document, display_path)):
            manifest = parser.parse(item)
            if manifest:
                yield manifest


def _read_inputs(paths: Iterable[str], stdin: BinaryIO) -> Iterator[tuple[bytes, str]]:
    for argument in paths:
        if argument == STDIN:
            yield read_stream(stdin, "<stdin>"), "<stdin>"
            continue
        try:
            yield from (
                _read_folder(Path(argument))
                if os.path.isdir(argument)
                else [(read_named_file(argument), Path(argument).as_posix())]
            )
        except OSError as error:
            raise VmgenError(f"cannot read {argument}: {error.strerror}") from None


def _read_folder(folder: Path) -> Iterator[tuple[bytes, str]]:
    """Yield the manifests below a folder. A link in it is followed inside of the folder, and of the work tree that holds it."""
    top = find_work_tree(str(folder))
    # Without `./`, as paths are in messages.
    start = "" if folder == Path() else os.path.join(folder.as_posix(), "")
    paths = [f"{start}{name}" for name in list_files(str(folder), top) if name.endswith(_SUFFIXES)]
    if not paths:
        raise VmgenError(f"no {' or '.join(_SUFFIXES)} file in {folder}")
    with FolderReader(top, MAX_YAML_BYTES) as reader:
        for path in paths:
            try:
                yield reader.read(path), path
            except OSError as error:
                raise VmgenError(f"cannot read {path}: {error.strerror}") from None


def _flatten_list(document: Located, file: str) -> Iterator[Located]:
    """Yield the objects of a List, those of a bare list of objects, or the document itself.

    Raises VmgenError for one page of a longer list: the objects of the other pages would be missing.
    """
    kind = "List" if document.items else document.get_plain("kind")
    items = document if document.items else document.get("items")
    # `kubectl get -o yaml` prints a List of several objects, and a list of one kind names it: VMDiskList.
    if not isinstance(kind, str) or not kind.endswith("List") or items is None:
        yield document
        return
    metadata = document.get("metadata")
    if metadata and (metadata.get_plain("continue") or metadata.get_plain("remainingItemCount")):
        raise VmgenError(f"{file} is one page of a longer list; export it with kubectl get vminstances,vmdisks -o yaml")
    for item in items.items:
        yield from _flatten_list(_add_kind(item, document, kind.removesuffix("List")), file)


def _add_kind(item: Located, document: Located, kind: str) -> Located:
    """Return an item of a list with its kind, which the API server leaves out where the list has it: VMDiskList."""
    version = document.get("apiVersion")
    if not kind or version is None or not item.mapping or "kind" in item.mapping:
        return item
    return item.with_data({"apiVersion": version, "kind": Located(kind, item.place), **item.mapping})
