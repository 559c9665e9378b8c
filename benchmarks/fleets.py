"""Makes fleets of virtual machines in mixed shapes, as environments of vmgen and as values of a Helm chart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VMS_PER_ENVIRONMENT = 500
VMS_PER_GROUP = 50


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a fleet. Every third is exposed, every fourth has cloud-init and one VM of another size."""

    environment: int
    number: int
    count: int

    @property
    def exposed(self) -> bool:
        return self.number % 3 == 0

    @property
    def configured(self) -> bool:
        return self.number % 4 == 0


def groups(vms: int) -> Iterator[Group]:
    """The groups of a fleet of so many VMs."""
    number = 0
    while vms > 0:
        count = min(VMS_PER_GROUP, vms)
        yield Group(number // (VMS_PER_ENVIRONMENT // VMS_PER_GROUP) + 1, number + 1, count)
        vms -= count
        number += 1


def write_environments(vms: int, root: Path) -> None:
    """The fleet as environment files in an empty repository."""
    shutil.rmtree(root, ignore_errors=True)
    folder = root / "environments"
    folder.mkdir(parents=True)
    texts: dict[int, list[str]] = {}
    for group in groups(vms):
        lines = texts.setdefault(group.environment, [f"namespace: tenant-t{group.environment}", "vms:"])
        lines += [
            f"  g{group.number}:",
            f"    count: {group.count}",
            "    instanceType: u1.large",
            "    image: ubuntu-2404",
            "    disks: {data: 50Gi}",
        ]
        if group.exposed:
            lines.append("    externalPorts: [80, 443]")
        if group.configured:
            lines.append("    cloudInit: {packages: [nginx]}")
            lines.append("    instances: {1: {instanceType: u1.xlarge}}")
    for environment, lines in texts.items():
        (folder / f"e{environment:03}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def change_one_vm(root: Path, generation: int) -> None:
    """Edit one line of the first environment: a VM of another size, each time another."""
    path = root / "environments" / "e001.yaml"
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if "# bench" not in line]
    at = kept.index("    count: 3" if "    count: 3" in kept else f"    count: {VMS_PER_GROUP}") + 1
    size = ("m1.large", "u1.2xlarge")[generation % 2]
    kept.insert(at, f"    instances: {{2: {{instanceType: {size}}}}}  # bench")
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


def write_values(vms: int, path: Path) -> None:
    """The fleet as values of the Helm chart in this folder: the same objects."""
    rows = [
        {
            "namespace": f"tenant-t{group.environment}",
            "name": f"g{group.number}",
            "count": group.count,
            "ports": [80, 443] if group.exposed else [],
            "cloudInit": "#cloud-config\npackages:\n  - nginx\n" if group.configured else "",
            "first": "u1.xlarge" if group.configured else "u1.large",
        }
        for group in groups(vms)
    ]
    path.write_text(json.dumps({"groups": rows}), encoding="utf-8")
