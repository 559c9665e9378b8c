"""The variables of templates of user data (`vm`, `env`, `vars`), and how a template may write them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from vmgen.merge.environment import Environment, Group, Instance
from vmgen.merge.layers import merge
from vmgen.merge.settings import Settings
from vmgen.nameless import find_trailing_number
from vmgen.problems import Place
from vmgen.read.located import Located, to_plain
from vmgen.yaml_text import to_flow

_NO_PLACE = Place("")


class TemplateVariables:
    """Builds the variables of templates for the VMs of an environment."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._vars: dict[int, Mapping[str, Any]] = {}
        self._intern_table: dict[str, Mapping[str, Any]] = {}
        self._env = wrap_mappings(
            {
                "name": environment.name,
                "namespace": environment.settings.get_plain("namespace"),
                "platform": environment.platform.name,
                "labels": {name: value.data for name, value in environment.settings.get_entries("labels")},
            }
        )

    def build(self, group: Group, index: int, disks: Sequence[str]) -> dict[str, Any]:
        """Return `vm`, `env` and `vars` of one VM of a group; `index` counts from 0.

        `vm` has a `number` only if the VM's name ends in one: 1 for `web-01`.
        """
        instance = group.instances[index]
        vm = {
            "name": instance.name,
            "index": index,
            "group": group.key,
            "disks": list(disks),
            "namespace": self._env["namespace"],
        }
        number = find_number(instance)
        if number is not None:
            vm["number"] = number
        return {"vm": wrap_mappings(vm), "env": self._env, "vars": self.build_vars(instance.settings.values)}

    def build_vars(self, settings: Settings) -> Mapping[str, Any]:
        """Return `vars` of the VMs with these settings: one object for equal variables."""
        if id(settings) not in self._vars:
            values = to_plain(merge_vars(self._environment, settings))
            # VMs that share them may share a rendered text.
            self._vars[id(settings)] = self._intern_table.setdefault(repr(values), wrap_mappings(values))
        return self._vars[id(settings)]


def find_number(instance: Instance) -> int | None:
    """Return the number of a VM in its group, or the one that its name ends in; None if there is none."""
    if instance.number is not None:
        return instance.number
    digits = find_trailing_number(instance.name)
    return int(digits) if digits else None


def merge_vars(environment: Environment, settings: Settings) -> Located:
    """Merge the `vars` of the environment, and over them those of the defaults, the group and the instance."""
    variables = Located({}, _NO_PLACE)
    for layer in (environment.settings.get("vars"), settings.get("vars")):
        variables = merge(variables, layer) if layer and layer.mapping else variables
    return variables


class AttrMapping(Mapping[str, Any]):
    """A mapping whose keys hide its methods, so that `vars.update` and `vars.items` are keys of the user's.

    See docs/decisions.md#names-before-methods-in-templates.
    """

    __slots__ = ("_data",)

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data

    def __getattribute__(self, name: str) -> Any:
        get_attribute = object.__getattribute__
        if name.startswith("_") or name not in get_attribute(self, "_data"):
            return get_attribute(self, name)
        return self._data[name]

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


def wrap_mappings(value: Any) -> Any:
    """Return a plain value with each mapping in it as an AttrMapping."""
    if isinstance(value, dict):
        return AttrMapping({str(key): wrap_mappings(item) for key, item in value.items()})
    return [wrap_mappings(item) for item in value] if isinstance(value, list) else value


def _unwrap_mappings(value: Any) -> Any:
    if isinstance(value, AttrMapping):
        return {key: _unwrap_mappings(value[key]) for key in iter(value)}
    return [_unwrap_mappings(item) for item in value] if isinstance(value, list | tuple) else value


_TYPE_NAMES: Mapping[type, str] = {
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
    AttrMapping: "a mapping",
    float: "a decimal number",
    type(None): "empty",
}


def finalize_user_data(value: Any) -> str:
    """Return the text of a `{{ ... }}`: a text, a whole number or a boolean.

    Raises TypeError for anything else, which Jinja would write in Python's form.
    """
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if not isinstance(value, AttrMapping):
        str(value)  # an undefined variable raises its own error here
    kind = _TYPE_NAMES.get(type(value), f"a {type(value).__name__}")
    if isinstance(value, float):
        raise TypeError(f"writes {kind}, which may lose digits; quote the value at its source")
    remedy = "test `is none` first" if value is None else "use `| yaml`, `| tojson` or `| join(', ')`"
    raise TypeError(f"writes {kind}; {remedy}")


def _refuse_json(value: Any) -> Any:
    str(value)  # an undefined variable raises its own error here
    raise TypeError(f"cannot write a {type(value).__name__} as JSON")


# Any value as YAML, or as JSON, on one line.
USER_DATA_FILTERS: Mapping[str, Callable[..., Any]] = {
    "yaml": lambda value: to_flow(_unwrap_mappings(value)),
    "tojson": lambda value: json.dumps(_unwrap_mappings(value), ensure_ascii=False, default=_refuse_json),
}
