"""Build the `environments/_catalog.yaml` that adds to a platform's catalog how a cluster differs from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.importer.catalog_dump import CatalogListing, SectionListing, Values
from vmgen.merge.platform import PlatformRelease
from vmgen.problems import ProblemsError
from vmgen.read.located import to_plain
from vmgen.read.repository import Project
from vmgen.read.source_file import describe_unreadable, read_yaml_file
from vmgen.yaml_text import HEADER_PREFIX, to_flow, to_scalar

_FIRST_LINE = f"{HEADER_PREFIX}a dump of the cluster. vmgen catalog import refreshes it and keeps what a dump lacks.\n"
SECTIONS = ("instanceTypes", "profiles", "images", "storageClasses", "gpus")
_REQUIRED = {"instanceTypes": ("cpu", "memory"), "images": ("minStorage",), "storageClasses": ("replicated",)}
# A difference in these alone is none: they are for display.
_DISPLAY_KEYS = {"series", "os"}
_VERSION_KEYS = ("since", "until", "changes")
_Section = Mapping[str, Mapping[str, Any] | None]


class OwnCatalog(NamedTuple):
    """The repository's catalog as it is: its text, None without a file, and its content."""

    text: bytes | None
    content: Mapping[str, Any]

    @property
    def is_foreign(self) -> bool:
        """Whether somebody wrote it, so that it is not overwritten."""
        return self.text is not None and not self.text.startswith(HEADER_PREFIX.encode())


class CatalogUpdate(NamedTuple):
    """The catalog that a repository should have, the entries that vanished, and those that the dump tells too little of.

    Each is a section and a name; an incomplete entry has the keys that are missing.
    """

    content: Mapping[str, Any]
    vanished_entries: tuple[tuple[str, str], ...]
    incomplete: tuple[tuple[str, str, tuple[str, ...]], ...]


def read_own_catalog(project: Project) -> OwnCatalog:
    """Read the repository's catalog, which may not exist. Raises ProblemsError if it cannot be read."""
    path = project.own_catalog
    if not path.exists() and not path.is_symlink():
        return OwnCatalog(None, {})
    try:
        text = project.read_source(path)
    except OSError as error:
        raise ProblemsError((describe_unreadable(project.display_path(path), error),)) from None
    located, problems = read_yaml_file(path, project)
    if located is None or problems:
        raise ProblemsError(tuple(problems))
    return OwnCatalog(text, to_plain(located))


def compute_update(release: PlatformRelease, own: Mapping[str, Any], listing: CatalogListing) -> CatalogUpdate:
    """Return what the repository's catalog has to be for a platform to have what a cluster has.

    Sections that the dump does not contain stay.
    """
    builtin = [to_plain(catalog) for catalog in release.list_builtin_catalogs()]
    content: dict[str, Any] = {key: value for key, value in own.items() if key not in SECTIONS}
    vanished_entries: list[tuple[str, str]] = []
    incomplete: list[tuple[str, str, tuple[str, ...]]] = []
    for section in SECTIONS:
        current: _Section = own.get(section) or {}
        if section not in listing.sections:
            entries: _Section = current
        else:
            catalogs = [catalog.get(section) or {} for catalog in builtin]
            part = listing.sections[section]
            entries = dict(_iter_entries(catalogs, current, part, _REQUIRED.get(section, ())))
            incomplete += ((section, name, keys) for name, keys in _find_incomplete(catalogs, current, part, section))
            vanished_entries += ((section, name) for name in _find_vanished(catalogs, current, part))
        if entries:
            content[section] = dict(sorted(entries.items()))
    return CatalogUpdate(content, tuple(vanished_entries), tuple(incomplete))


def _iter_entries(
    catalogs: list[_Section], own: _Section, listing: SectionListing, required_keys: tuple[str, ...]
) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Yield the entries to write: those that differ from the built-in ones, and null for those that are not in the cluster."""
    for name, values in listing.entries.items():
        entry = _merge_entry(catalogs, own, name, values)
        # An entry that lacks a required key would break every environment, so it is only reported.
        if all(entry.get(key) is not None for key in required_keys) and _differs(catalogs, own, name, values):
            yield name, entry
    for name in dict.fromkeys((*own, *(name for catalog in catalogs for name in catalog))):
        if name in listing.entries:
            continue
        if not listing.is_whole:
            if name in own:
                yield name, own[name]
        # Null takes a built-in entry away; one of the repository alone is left out.
        elif any(name in catalog for catalog in catalogs):
            yield name, None


def _merge_entry(catalogs: list[_Section], own: _Section, name: str, values: Values) -> dict[str, Any]:
    """Return an entry in full: the values of the newest version that has it, of the repository, and of the dump."""
    # The repository's catalog counts for every version, so an entry in it has to be complete.
    newest = next((catalog[name] for catalog in catalogs if catalog.get(name)), None) or {}
    lower = {key: value for key, value in newest.items() if key not in _VERSION_KEYS}
    entry = {**lower, **(own.get(name) or {}), **values}
    # Of a value that the built-in entry has and the cluster has not, null has to be written.
    return {key: value for key, value in entry.items() if value is not None or newest.get(key) is not None}


def _differs(catalogs: list[_Section], own: _Section, name: str, values: Values) -> bool:
    """Return whether some version has not the entry, or not as it is."""
    addition = {**(own.get(name) or {}), **values}
    return not all(
        catalog.get(name) is not None
        and all((catalog[name] or {}).get(key) == value for key, value in addition.items() if key not in _DISPLAY_KEYS)
        for catalog in catalogs
    )


def _find_incomplete(
    catalogs: list[_Section], own: _Section, listing: SectionListing, section: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, values in listing.entries.items():
        entry = _merge_entry(catalogs, own, name, values)
        missing = tuple(key for key in _REQUIRED.get(section, ()) if entry.get(key) is None)
        if missing:
            yield name, missing


def _find_vanished(catalogs: list[_Section], own: _Section, listing: SectionListing) -> Iterator[str]:
    if not listing.is_whole:
        return
    for name in dict.fromkeys((*own, *(name for catalog in catalogs for name in catalog))):
        is_removed = name in own and own[name] is None
        if name not in listing.entries and not is_removed:
            yield name


def format_catalog(content: Mapping[str, Any]) -> bytes:
    """Return the text of a generated catalog: one line for each entry."""
    lines = [_FIRST_LINE]
    for section, entries in content.items():
        if not isinstance(entries, Mapping):
            lines.append(f"{section}: {to_flow(entries)}\n")
            continue
        lines.append(f"{section}:\n")
        lines += (f"  {to_scalar(name)}: {to_flow(entry)}\n" for name, entry in entries.items())
    return "".join(lines if content else [*lines, "{}\n"]).encode()
