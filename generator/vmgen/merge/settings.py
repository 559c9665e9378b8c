"""Effective settings: a merged mapping whose values know the place that set them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from vmgen.problems import Place
from vmgen.read.located import INVALID, Located, to_plain, walk


class Settings(NamedTuple):
    """The settings of an environment, a VM or a disk.

    A value that failed the schema is set (`is_set`), and no method returns it: it has been reported.
    """

    located: Located

    def get(self, name: str) -> Located | None:
        """Return a value, or None if the key is not set or its value is invalid."""
        data = self.located.data
        value = data.get(name) if isinstance(data, dict) else None
        return None if value is None or value.data is INVALID else value

    def is_set(self, name: str) -> bool:
        """Return whether a key is set, to an invalid value included."""
        return name in self.located.mapping

    def is_set_by_user(self, name: str) -> bool:
        """Return whether a file of the user sets a key, rather than a default of the platform or an inference rule."""
        value = self.located.mapping.get(name)
        return value is not None and not value.layer

    def is_invalid(self, *names: str) -> bool:
        """Return whether any of the keys holds something invalid, so that the intended value is unknown."""
        mapping = self.located.mapping
        return any(contains_invalid(mapping[name]) for name in names if name in mapping)

    def get_plain(self, name: str, otherwise: Any = None) -> Any:
        """Return a value without its places; `otherwise` if `get` returns None."""
        value = self.get(name)
        return otherwise if value is None else to_plain(value)

    def get_items(self, name: str) -> tuple[Located, ...]:
        """Return the valid items of a list; none if the key is not set."""
        value = self.get(name)
        return value.items if value else ()

    def enumerate_items(self, name: str) -> Iterator[tuple[int, Located]]:
        """Yield the valid items of a list, each with its index in the file, where invalid items count too."""
        value = self.get(name)
        return value.enumerate_items() if value else iter(())

    def get_entries(self, name: str) -> Iterator[tuple[str, Located]]:
        """Yield the entries of a mapping that are neither invalid nor null; none if the key is not set."""
        mapping = self.get(name)
        for key, value in (mapping.mapping if mapping else {}).items():
            if value.data is not INVALID and value.data is not None:
                yield key, value

    def find_place(self, name: str) -> Place:
        """Return the place of a value, or of the whole mapping if the key is not set."""
        value = self.located.mapping.get(name)
        return value.place if value else self.located.place

    def with_values(self, values: dict[str, Located]) -> Settings:
        """Return a copy with some values replaced or appended."""
        # Without what a lower layer had: the new values have layers of their own.
        return Settings(self.located._replace(data={**self.located.mapping, **values}, overrides=None))


def contains_invalid(value: Located) -> bool:
    """Return whether the value, or one below it, failed the schema."""
    return any(item.data is INVALID for _, item in walk(value))


def with_layer(value: Located, layer: str) -> Located:
    """Return a copy of the value, and of all below it, that comes from a layer which is no file of the user."""
    data = value.data
    if isinstance(data, dict):
        data = {name: with_layer(item, layer) for name, item in data.items()}
    elif isinstance(data, tuple):
        data = tuple(with_layer(item, layer) for item in data)
    return Located(data, value.place, value.key_place, layer)
