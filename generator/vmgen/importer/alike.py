"""Read manifests that differ only in their names, and in the numbers of these, once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import TypeVar

from vmgen.importer.conventions import PlatformConventions
from vmgen.importer.manifests import Diagnostics, SourceManifest, SourceParser
from vmgen.nameless import abstract_object, fill, has_whole_words, is_text_for_any_number
from vmgen.problems import Place
from vmgen.read.located import Located, walk
from vmgen.read.yaml_reader import read_documents
from vmgen.yaml_text import is_plain

Key = TypeVar("Key")
Value = TypeVar("Value")
# The likely place of the name. Any word will do: files that differ in more than this word are read by themselves.
_NAME_KEY = "\n  name: "


class AlikeManifests:
    """Reads files that differ in the name of their one object only, and in the number in it, once for all of them.

    It returns manifests without notes and problems only, so that each place in a message comes from its own file.
    """

    def __init__(self, conventions: PlatformConventions) -> None:
        self._conventions = conventions
        self._manifests: dict[str, SourceManifest | None] = {}
        self._single_texts: set[str] = set()

    def find(self, content: bytes, file: str) -> SourceManifest | None:
        """Return the manifest of a file; None if the file has to be read by itself, as the first of its kind is."""
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return None
        start = text.find(_NAME_KEY)
        name = text[start + len(_NAME_KEY) : text.find("\n", start + 1)] if start >= 0 else ""
        for nameless, names in abstract_object(text, name) if is_plain([name]) and "\r" not in text else ():
            if nameless not in self._manifests:
                # A dump of live objects has no two alike, and would be read twice.
                if nameless not in self._single_texts:
                    self._single_texts.add(nameless)
                    return None
                self._manifests[nameless] = self._read(nameless)
            manifest = self._manifests[nameless]
            if manifest:
                return _add_names(manifest, names, file)
        return None

    def _read(self, nameless: str) -> SourceManifest | None:
        """Return the manifest of a text with placeholders; None unless it is one that the names can change nothing else in."""
        documents, problems = read_documents(nameless.encode(), "") if has_whole_words(nameless) else ([], [])
        if len(documents) != 1 or problems or not _has_places_before_names(documents[0], nameless.split("\n")):
            return None
        diagnostics = Diagnostics()
        manifest = SourceParser(self._conventions, diagnostics).parse(documents[0])
        return None if manifest is None or manifest.notes or diagnostics.notes or diagnostics.problems else manifest


def _has_places_before_names(document: Located, lines: Sequence[str]) -> bool:
    """Return True if no name moves a value within its line, and no number changes the type of one."""
    for path, value in walk(document):
        texts = [text for text in (value.data, path[-1] if path else "") if isinstance(text, str)]
        places = [place for place in (value.place, value.key_place) if place]
        if any(not lines[place.line - 1][: place.column - 1].isascii() for place in places) or not all(
            map(is_text_for_any_number, texts)
        ):
            return False
    return True


def _add_names(manifest: SourceManifest, names: tuple[str, ...], file: str) -> SourceManifest:
    kind, name, namespace, labels, annotations, spec, place, *_ = manifest
    return SourceManifest(
        kind,
        fill(name, names),
        fill(namespace, names),
        LazyMapping(partial(_fill_section, labels, names, file)) if labels else labels,
        LazyMapping(partial(_fill_section, annotations, names, file)) if annotations else annotations,
        LazyMapping(partial(_fill_section, spec, names, file)),
        Place(file, place.line, place.column),
        (),
        manifest,
        names,
    )


def _fill_section(section: Mapping[str, Located], names: tuple[str, ...], file: str) -> Mapping[str, Located]:
    return {fill(key, names): fill_located(value, names, file) for key, value in section.items()}


def fill_located(value: Located, names: tuple[str, ...], file: str) -> Located:
    """Return a value with names instead of their placeholders, at its place in the file with these names."""
    data, place, key_place = value.data, value.place, value.key_place
    if isinstance(data, str):
        data = type(data)(fill(data, names))
    elif isinstance(data, dict):
        data = dict(_fill_section(data, names, file))
    elif isinstance(data, tuple):
        data = tuple(fill_located(item, names, file) for item in data)
    key_place = key_place and Place(file, key_place.line, key_place.column)
    return Located(data, Place(file, place.line, place.column), key_place)


class LazyMapping(Mapping[Key, Value]):
    """A mapping that is built when somebody looks into it. Most of those that objects alike would have never are."""

    def __init__(self, build: Callable[[], Mapping[Key, Value]]) -> None:
        self._build = build

    @cached_property
    def _mapping(self) -> Mapping[Key, Value]:
        return self._build()

    def __getitem__(self, key: Key) -> Value:
        return self._mapping[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._mapping)

    def __len__(self) -> int:
        return len(self._mapping)
