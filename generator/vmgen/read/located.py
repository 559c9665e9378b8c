"""A value that remembers where it was written, through every merge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.problems import Place

KeyPath = tuple[str | int, ...]


class Located(NamedTuple):
    """A scalar, a tuple or a mapping of located values, and its place.

    `place` is where the value stands and `key` where its key does. `layer` says which layer gave it: empty for a file,
    else `catalog`, `platform` or the rule that inferred it. `under` is the value of the lower layer that this one replaced;
    for an inferred value, what the rule took it from: a value, or a list of them.
    """

    data: Any
    place: Place
    key_place: Place | None = None
    layer: str = ""
    overrides: Located | None = None

    @property
    def mapping(self) -> Mapping[str, Located]:
        """The keys and values, or nothing where this is not a mapping."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def items(self) -> tuple[Located, ...]:
        """The items, or nothing where this is not a list."""
        return self.data if isinstance(self.data, tuple) else ()

    def get(self, name: str) -> Located | None:
        """The value of a key, or None where it is not written."""
        return self.mapping.get(name)

    def get_plain(self, name: str, otherwise: Any = None) -> Any:
        """The plain value of a key, or `otherwise`."""
        found = self.mapping.get(name)
        return otherwise if found is None else to_plain(found)


class AmbiguousScalar(str):
    """A plain scalar that YAML's versions read as different things, such as `no`, `014` or `22:22`."""

    __slots__ = ()


class InvalidValue:
    """Stands where a value was refused: it is written, so nothing calls it missing, and no rule looks at it again."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INVALID"


INVALID = InvalidValue()


def to_plain(value: Located) -> Any:
    """The value without its places."""
    data = value.data
    if isinstance(data, dict):
        return {key: to_plain(item) for key, item in data.items()}
    if isinstance(data, tuple):
        return [to_plain(item) for item in data]
    return data


def get_at_path(value: Located, path: list[str | int]) -> Located:
    """The value at a path of keys and indexes; the path exists."""
    for step in path:
        value = value.data[step]
    return value


def walk(value: Located, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Located]]:
    """Every value below and including this one, with its path."""
    yield path, value
    if isinstance(value.data, dict):
        for key, item in value.data.items():
            yield from walk(item, (*path, key))
    elif isinstance(value.data, tuple):
        for index, item in enumerate(value.data):
            yield from walk(item, (*path, index))


def format_path(path: list[str | int] | tuple[str | int, ...]) -> str:
    """A path as people write it: `vms.web.disks[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def serialize(value: Located) -> tuple[Any, ...]:
    """The value and all below it as plain tuples and mappings, to be kept; `unpacked` gives it back."""
    data: Any = value.data
    if type(data) is dict:
        data = {name: serialize(item) for name, item in data.items()}
    elif type(data) is tuple:
        data = tuple(serialize(item) for item in data)
    key = tuple(value.key_place) if value.key_place else None
    return data, tuple(value.place), key, value.layer, serialize(value.overrides) if value.overrides else None


def deserialize(row: tuple[Any, ...]) -> Located:
    """The value that was packed."""
    data, place, key, layer, under = row
    if type(data) is dict:
        data = {name: deserialize(item) for name, item in data.items()}
    elif type(data) is tuple:
        data = tuple(deserialize(item) for item in data)
    return Located(data, Place(*place), Place(*key) if key else None, layer, deserialize(under) if under else None)
