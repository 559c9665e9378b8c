"""`vmgen status --restarts`: the order keeps all but one VM of each group up."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.status.cluster import RESTART, Cluster

PAUSE = "# Continue when the VMs above are running again."


def read_rounds(text: str) -> list[list[str]]:
    """The VMs of each round, without what is only a comment."""
    rounds = text.split(PAUSE)
    return [sorted(re.findall(r"^virtctl restart -n tenant-acme vm-instance-(\S+)$", part, re.MULTILINE)) for part in rounds]


def test_one_of_a_group_at_a_time(cluster: Cluster) -> None:
    """Several groups go at once, each with one VM a round."""
    for name in ("web-1", "web-2", "web-3", "db"):
        cluster.add_machine(name, "Running", RestartRequired=RESTART)
    result = cluster.run("--restarts")
    assert result.code == 0
    assert read_rounds(result.stdout) == [["db", "web-1"], ["web-2"], ["web-3"]]


DOWN: list[tuple[str, Callable[[Cluster], Any]]] = [
    ("stopped", lambda c: c.add_machine("web-3", "Stopped")),
    ("starting", lambda c: c.add_machine("web-3", "Starting")),
    ("failed", lambda c: c.add_machine("web-3", "CrashLoopBackOff")),
    ("paused", lambda c: c.add_machine("web-3", "Paused")),
    ("gone", lambda c: c.objects.pop(("VMInstance", "web-3"))),
]


@pytest.mark.parametrize("change", [row[1] for row in DOWN], ids=[row[0] for row in DOWN])
def test_group_with_one_down_waits(cluster: Cluster, change: Callable[[Cluster], Any]) -> None:
    """While a VM of the group is down no other is restarted; its commands are there as comments."""
    for name in ("web-1", "web-2", "db"):
        cluster.add_machine(name, "Running", RestartRequired=RESTART)
    change(cluster)
    text = cluster.run("--restarts").stdout
    assert read_rounds(text) == [["db"]]
    assert "# web-3 does not run: restart the others of the group afterwards.\n" in text
    assert [line for line in text.splitlines() if not line.startswith("#")] == ["virtctl restart -n tenant-acme vm-instance-db"]
    assert "# virtctl restart -n tenant-acme vm-instance-web-1\n# virtctl restart -n tenant-acme vm-instance-web-2\n" in text


def test_what_is_down_and_waits_itself_may_go(cluster: Cluster) -> None:
    """A restart of a VM that is down takes nothing away."""
    cluster.add_machine("web-1", "Running", RestartRequired=RESTART)
    cluster.add_machine("web-3", "CrashLoopBackOff", RestartRequired=RESTART)
    assert read_rounds(cluster.run("--restarts").stdout) == [["web-3"]]


def test_vm_that_git_wants_stopped_holds_nobody(cluster: Cluster) -> None:
    """It is no VM of the group that could be down."""
    cluster.add_machine("db", "Stopped")
    cluster.add_machine("web-1", "Running", RestartRequired=RESTART)
    assert read_rounds(cluster.run("--restarts").stdout) == [["web-1"]]


def test_nothing_waits(cluster: Cluster) -> None:
    """Then nothing is printed."""
    assert cluster.run("--restarts").stdout == ""
