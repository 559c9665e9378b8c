"""What can be seen from a target: a value that came from it, a line of a template, an entry of the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from vmgen.explain.origins import find_rule_inputs
from vmgen.explain.target import LineContents, Target
from vmgen.problems import Place
from vmgen.read.located import Located
from vmgen.read.overlay import WRITTEN_LAYERS
from vmgen.read.platform import Platform

# Keys of a kind in platform.yaml that decide what its manifests are.
_TEMPLATE_KEYS = ("template", "folder")


@dataclass(frozen=True)
class TargetMatcher:
    """A target with what stands on it. All that came from `layers` is seen, too: the target names these files."""

    target: Target
    line_contents: LineContents
    layers: frozenset[str]
    platform: Platform

    def matches_value(self, value: Located) -> bool:
        """Whether a value came from the target: it stands there, or a rule made it of what does."""
        return any(self._matches_place(place) for place in _list_value_places(value))

    def _matches_place(self, place: Place) -> bool:
        if place.file in self.layers:
            return True
        whole = not self.target.line or not place.line  # some values are made of a file as a whole
        return place.file == self.target.file if whole else place in self.line_contents.places

    def matches_line(self, place: Place) -> bool:
        """Whether a line of a template is the target, or is in it."""
        return place.file == self.target.file and self.target.line in (0, place.line)

    def selects_template(self, kind: str) -> bool:
        """Whether the target chooses the templates of a kind: it names the platform, or the template."""
        if not self.target.line:
            place: Place = self.platform.content.data["kinds"].data[kind].place
            return place.file == self.target.file
        for way in self.line_contents.value_paths:
            if way == ("platform",) or way == ("kinds",):
                return True
            if way[:2] == ("kinds", kind) and (len(way) == 2 or way[2] in _TEMPLATE_KEYS):
                return True
        return False

    def matches_catalog_entry(self, entry: Place) -> bool:
        """Whether the target is an entry of the catalog, or a part of one. The place is that of the entry's key."""
        return entry in self._catalog_entry_places if self.target.line else entry.file == self.target.file

    @cached_property
    def _catalog_entry_places(self) -> frozenset[Place]:
        found = set()
        for section, *below in (way for way in self.line_contents.value_paths if way):
            entries = self.platform.catalog.content.get(str(section))
            for name, entry in (entries.mapping if entries else {}).items():
                if not below or below[0] == name:
                    found.add(entry.key_place or entry.place)
        return frozenset(found)


def _list_value_places(value: Located) -> Iterator[Place]:
    yield value.place
    if value.key_place and value.key_place.file != value.place.file:
        yield value.key_place
    if value.layer not in WRITTEN_LAYERS:
        yield from (taken.place for taken in find_rule_inputs(value))
