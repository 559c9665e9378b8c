"""Fields that the program knows by their role: what they are called is in the rows of the platform's fields."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from vmgen.read.located import Located


class Role(StrEnum):
    """What a field is to the program, as the `role` of its row says."""

    POWER_SWITCH = "power-switch"
    RUN_STRATEGY = "run-strategy"
    GPU_DEVICES = "gpu-devices"
    DISK_BUS = "disk-bus"


class FieldRoles(NamedTuple):
    """The names of the fields with a role, of those that any version of a platform has; empty if none has it.

    `strategies` are the run strategies that switch a VM on (True) and off, and `states` the words of reports for strategies.
    """

    power_switch: str
    run_strategy: str
    gpu_devices: str
    disk_bus: str
    strategies: Mapping[bool, str]
    states: Mapping[str, str]

    def find_strategy(self, values: Mapping[str, Any]) -> str:
        """Return the run strategy of a VM: the one that is set, or the one that its switch means; empty if it has neither."""
        return str(values.get(self.run_strategy) or self.strategies.get(values.get(self.power_switch) is not False, ""))

    def is_switched_off(self, strategy: object) -> bool:
        """Return whether a run strategy means that the VM is switched off."""
        return strategy == self.strategies.get(False)


def read_roles(rows: Mapping[str, Located], disk_rows: Mapping[str, Located]) -> FieldRoles:
    """Read the roles of the fields of a VM and of a disk."""
    names = {row.get_plain("role", ""): name for name, row in (*disk_rows.items(), *rows.items())}
    strategy = rows.get(names.get(Role.RUN_STRATEGY, ""))
    strategies = strategy.get_plain("strategies", {}) if strategy else {}
    return FieldRoles(
        power_switch=names.get(Role.POWER_SWITCH, ""),
        run_strategy=names.get(Role.RUN_STRATEGY, ""),
        gpu_devices=names.get(Role.GPU_DEVICES, ""),
        disk_bus=names.get(Role.DISK_BUS, ""),
        strategies={word == "on": value for word, value in strategies.items()},
        states=strategy.get_plain("states", {}) if strategy else {},
    )
