"""Order the restarts that VMs wait for, so that of each group all but one stay up."""

import shlex
from collections.abc import Iterable
from typing import NamedTuple

from vmgen.status.compare import MISSING, FleetStatus, ObjectStatus
from vmgen.status.health import NOT_RUNNING, RESTART


class HeldRestarts(NamedTuple):
    """Machines that must not be restarted yet, since other VMs of their group are down."""

    down: tuple[str, ...]
    machines: tuple[str, ...]


class RestartPlan(NamedTuple):
    """Machines to restart, each as `-n NAMESPACE NAME`; the name is that of the VirtualMachine.

    A round has at most one VM of a group, and the next one begins when its VMs run again.
    """

    rounds: tuple[tuple[str, ...], ...]
    held_restarts: tuple[HeldRestarts, ...]


def plan_restarts(fleet: FleetStatus, prefix: str) -> RestartPlan:
    """Plan the restarts. `prefix` is what the name of a VirtualMachine has before that of its VMInstance."""
    groups: dict[tuple[str, str], list[ObjectStatus]] = {}
    for status in fleet.objects:
        if status.key[0] == "VMInstance" and status.path:
            groups.setdefault((status.environment, status.group), []).append(status)
    queues, held_restarts = [], []
    for members in groups.values():
        down = {status.key: status for status in members if status.state == MISSING or _has(status, NOT_RUNNING)}
        waiting = [status for status in members if _has(status, RESTART)]
        up = _list_machines((status for status in waiting if status.key not in down), prefix)
        # A VM that is down takes nothing away by its restart; as long as it is down, no other of its group may go.
        if not down:
            queues.append(up)
            continue
        queues += [(machine,) for machine in _list_machines((status for status in waiting if status.key in down), prefix)]
        if up:
            held_restarts.append(HeldRestarts(tuple(name for _, _, name in down), up))
    longest = max(map(len, queues), default=0)
    rounds = tuple(tuple(queue[index] for queue in queues if index < len(queue)) for index in range(longest))
    return RestartPlan(rounds, tuple(held_restarts))


def _has(status: ObjectStatus, cause: str) -> bool:
    return any(finding.cause == cause for finding in status.findings)


def _list_machines(statuses: Iterable[ObjectStatus], prefix: str) -> tuple[str, ...]:
    return tuple(shlex.join(["-n", status.key[1], f"{prefix}{status.key[2]}"]) for status in statuses)
