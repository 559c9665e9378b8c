"""What a template of user data is given: `vm`, `env` and `vars`, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vmgen.expand.cloud_init.values import wrap_mappings
from vmgen.merge.environment import Environment, Group
from vmgen.merge.settings import Settings
from vmgen.problems import Place
from vmgen.read.located import Located, to_plain
from vmgen.read.overlay import merge

_NO_PLACE = Place("")


class TemplateVariables:
    """The facts about the VMs of an environment."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._vars: dict[int, Mapping[str, Any]] = {}
        self._env = wrap_mappings(
            {
                "name": environment.name,
                "namespace": environment.settings.get_plain("namespace"),
                "platform": environment.platform.name,
                "labels": {name: value.data for name, value in environment.settings.get_entries("labels")},
            }
        )

    def build(self, group: Group, index: int, disks: Sequence[str]) -> dict[str, Any]:
        """The facts about one VM of a group. It has a `number` only where its name has one; `index` counts from 0."""
        instance = group.instances[index]
        vm = {
            "name": instance.name,
            "index": index,
            "group": group.key,
            "disks": list(disks),
            "namespace": self._env["namespace"],
        }
        if instance.number is not None:
            vm["number"] = instance.number
        return {"vm": wrap_mappings(vm), "env": self._env, "vars": self._get_vars(instance.settings.values)}

    def _get_vars(self, settings: Settings) -> Mapping[str, Any]:
        """The variables of the environment, and over them those of the defaults, the group and the instance."""
        if id(settings) not in self._vars:
            self._vars[id(settings)] = wrap_mappings(to_plain(merge_vars(self._environment, settings)))
        return self._vars[id(settings)]


def merge_vars(environment: Environment, settings: Settings) -> Located:
    """The same, each still with its place."""
    whole = Located({}, _NO_PLACE)
    for layer in (environment.settings.get("vars"), settings.get("vars")):
        whole = merge(whole, layer) if layer and layer.mapping else whole
    return whole
