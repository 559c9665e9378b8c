"""The effective settings of something, each with the place that wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from vmgen.problems import Place
from vmgen.read.located import INVALID, Located, to_plain


class Settings(NamedTuple):
    """A merged mapping. A value that was refused is there (`written`) and cannot be had (`get`)."""

    located: Located

    def get(self, name: str) -> Located | None:
        """The located value, or None where it is absent or was refused."""
        found = self.located.mapping.get(name)
        return None if found is None or found.data is INVALID else found

    def is_set(self, name: str) -> bool:
        """Whether the key is there at all."""
        return name in self.located.mapping

    def is_set_by_user(self, name: str) -> bool:
        """Whether a file of the user's wrote the key, rather than a default of the platform."""
        found = self.located.mapping.get(name)
        return found is not None and not found.layer

    def get_plain(self, name: str, otherwise: Any = None) -> Any:
        """The plain value, or `otherwise`."""
        found = self.get(name)
        return otherwise if found is None else to_plain(found)

    def get_items(self, name: str) -> tuple[Located, ...]:
        """The items of a list that were not refused."""
        found = self.get(name)
        return tuple(item for item in found.items if item.data is not INVALID) if found else ()

    def get_entries(self, name: str) -> Iterator[tuple[str, Located]]:
        """The keys and values of a mapping that were neither refused nor removed."""
        found = self.get(name)
        for key, value in (found.mapping if found else {}).items():
            if value.data is not INVALID and value.data is not None:
                yield key, value

    def find_place(self, name: str) -> Place:
        """Where the key's value was written, or the place of the whole."""
        found = self.located.mapping.get(name)
        return found.place if found else self.located.place

    def with_values(self, values: dict[str, Located]) -> Settings:
        """The same with some values put in their place, or appended."""
        whole = self.located
        return Settings(Located({**whole.mapping, **values}, whole.place, whole.key_place, whole.layer))


def with_layer(value: Located, layer: str) -> Located:
    """The value and all below it, said to come from a layer that is no file of the user's."""
    data = value.data
    if isinstance(data, dict):
        data = {name: with_layer(item, layer) for name, item in data.items()}
    elif isinstance(data, tuple):
        data = tuple(with_layer(item, layer) for item in data)
    return Located(data, value.place, value.key_place, layer)
