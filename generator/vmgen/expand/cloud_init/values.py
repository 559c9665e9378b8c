"""The values in a template of user data: how they are reached, what a `{{ … }}` may be, and the filters for the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vmgen.quoting import to_flow


class AttrMapping(Mapping[str, Any]):
    """A mapping whose keys come before its methods, so that `vars.update` or `vars.items` is what the user wrote."""

    __slots__ = ("_data",)

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__
        if name.startswith("_") or name not in found(self, "_data"):
            return found(self, name)
        return self._data[name]

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


def wrap_mappings(value: Any) -> Any:
    """A plain value, its mappings reachable by their keys."""
    if isinstance(value, dict):
        return AttrMapping({str(key): wrap_mappings(item) for key, item in value.items()})
    return [wrap_mappings(item) for item in value] if isinstance(value, list) else value


def _unwrap_mappings(value: Any) -> Any:
    """The value without names, for those that walk through it."""
    if isinstance(value, AttrMapping):
        return {key: _unwrap_mappings(value[key]) for key in iter(value)}
    return [_unwrap_mappings(item) for item in value] if isinstance(value, list | tuple) else value


def finalize_user_data(value: Any) -> str:
    """A text, a whole number or a boolean as text. Anything else is refused: its form would be Python's, not cloud-init's."""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if not isinstance(value, AttrMapping):
        str(value)  # an undefined variable names itself here
    kinds = {
        list: "a list",
        tuple: "a list",
        dict: "a mapping",
        AttrMapping: "a mapping",
        float: "a decimal number",
        type(None): "empty",
    }
    kind = kinds.get(type(value), f"a {type(value).__name__}")
    if isinstance(value, float):
        raise TypeError(f"writes {kind}, of which digits may be lost; put the value in quotes where it is written")
    remedy = "ask `is none` first" if value is None else "use `| yaml`, `| tojson` or `| join(', ')`"
    raise TypeError(f"writes {kind}; {remedy}")


def _to_yaml(value: Any) -> str:
    """Any value as YAML on one line."""
    return to_flow(_unwrap_mappings(value))


def _to_json(value: Any) -> str:
    """Any value as JSON on one line."""
    return json.dumps(_unwrap_mappings(value), ensure_ascii=False, default=_refuse_json)


def _refuse_json(value: Any) -> Any:
    str(value)  # an undefined variable names itself here
    raise TypeError(f"cannot write a {type(value).__name__} as JSON")


USER_DATA_FILTERS: Mapping[str, Callable[..., Any]] = {"yaml": _to_yaml, "tojson": _to_json}
