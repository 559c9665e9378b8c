"""The totals that a plan changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

NAMESAKES = """\
namespace: tenant-acme
disks:
  local: {storage: 5Gi, storageClass: local}
  replicated: {storage: 5Gi, storageClass: replicated}
vms:
  u1: {instanceType: u1.large, instanceProfile: ubuntu, attach: [local]}
  m1: {instanceType: m1.large, instanceProfile: ubuntu, attach: [replicated]}
"""


def test_object_is_not_taken_for_one_of_another_name(repository: Callable[..., Any]) -> None:
    """A disk named as its class, and a VM named as the series of its type, count as what they are."""
    totals = json.loads(repository(NAMESAKES).run("plan", "-o", "json").stdout)["totals"]
    assert totals["storageMiB"] == {"local": 5 * 1024, "replicated": 5 * 1024}
    assert totals["memoryMiB"] == (8 + 16) * 1024
