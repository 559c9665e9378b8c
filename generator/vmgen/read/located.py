"""Values that remember where they were written, through every merge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Union

from vmgen.problems import Place

# Keys of mappings and indexes of lists, from the outermost value inwards.
KeyPath = tuple[str | int, ...]


Scalar = str | int | float | bool | None
# What a file holds, by its YAML kind; a rejected value keeps its key.
Data = Union[Scalar, "InvalidValue", "tuple[Located, ...]", "dict[str, Located]"]


class Located(NamedTuple):
    """A scalar, a tuple or a dict of located values, and its place.

    `key_place` is the place of its key, or None for the root and for items of a list. `layer` names the layer that set the
    value: empty for a file, `catalog` or `platform`, else the text of the inference rule. `overrides` is the value of a lower
    layer that this one replaced; for an inferred value, the input of the rule: a value, or a tuple of values.
    """

    data: Data
    place: Place
    key_place: Place | None = None
    layer: str = ""
    overrides: Located | None = None

    @property
    def mapping(self) -> Mapping[str, Located]:
        """The keys and values; empty if this is not a mapping."""
        data = self.data
        return data if isinstance(data, dict) else {}

    @property
    def items(self) -> tuple[Located, ...]:
        """The items, without invalid ones; empty if this is not a list."""
        if not isinstance(self.data, tuple):
            return ()
        return tuple(item for item in self.data if item.data is not INVALID)

    def enumerate_items(self) -> Iterator[tuple[int, Located]]:
        """Yield the items as `items` has them, each with its index in the file, where invalid items count too."""
        data = self.data if isinstance(self.data, tuple) else ()
        return ((index, item) for index, item in enumerate(data) if item.data is not INVALID)

    @property
    def text(self) -> str:
        """The text; empty if this is not a text."""
        return self.data if isinstance(self.data, str) else ""

    def get(self, name: str) -> Located | None:
        """Return the value of a key, or None if the key is missing."""
        return self.mapping.get(name)

    def get_child(self, step: str | int) -> Located:
        """Return the value of a key, or an item with its index. Raises KeyError or IndexError if there is none."""
        if isinstance(step, str):
            return self.mapping[step]
        return self.data[step] if isinstance(self.data, tuple) else self.mapping[str(step)]

    def get_plain(self, name: str, default: Any = None) -> Any:
        """Return the plain value of a key, or `default` if the key is missing."""
        value = self.mapping.get(name)
        return default if value is None else to_plain(value)

    def with_data(self, data: Data) -> Located:
        """Return other data at the same place; layer and overridden value are not kept."""
        return Located(data, self.place, self.key_place)


class AmbiguousScalar(str):
    """A plain scalar that versions of YAML read differently, such as `no`, `014` or `22:22`."""

    __slots__ = ()


class InvalidValue:
    """The placeholder of a rejected value: its key is not missing, and no rule checks it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INVALID"


INVALID = InvalidValue()


def to_plain(value: Located) -> Any:
    """Return the value without places: a dict, a list or a scalar."""
    data = value.data
    if isinstance(data, dict):
        return {key: to_plain(item) for key, item in data.items()}
    if isinstance(data, tuple):
        return [to_plain(item) for item in data if item.data is not INVALID]
    return data


def walk(value: Located, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Located]]:
    """Iterate over a value and all values below it, each with its path."""
    yield path, value
    for key, item in value.mapping.items():
        yield from walk(item, (*path, key))
    for index, item in enumerate(value.data if isinstance(value.data, tuple) else ()):
        yield from walk(item, (*path, index))


def get_at_path(value: Located, path: Sequence[str | int]) -> Located:
    """Return the value at a path. Raises KeyError or IndexError if there is none."""
    for step in path:
        value = value.get_child(step)
    return value


def format_path(path: Sequence[str | int]) -> str:
    """Format a path for messages: `vms.web.disks[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
