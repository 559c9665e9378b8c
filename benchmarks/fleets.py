"""Makes fleets of virtual machines in mixed shapes, as environments of vmgen and as values of its peers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
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


def groups(vms: int, vms_per_group: int = VMS_PER_GROUP) -> Iterator[Group]:
    """The groups of a fleet of so many VMs."""
    for before in range(0, vms, vms_per_group):
        yield Group(before // VMS_PER_ENVIRONMENT + 1, before // vms_per_group + 1, min(vms_per_group, vms - before))


def environments(vms: int, vms_per_group: int = VMS_PER_GROUP) -> Mapping[str, str]:
    """The fleet as texts of environment files, by their names."""
    texts: dict[str, str] = {}
    for group in groups(vms, vms_per_group):
        name = f"e{group.environment:03}.yaml"
        texts[name] = texts.get(name, f"namespace: {_namespace(group)}\nvms:\n") + _group_text(group)
    return texts


def write_environments(vms: int, root: Path, vms_per_group: int = VMS_PER_GROUP) -> None:
    """The fleet as environment files in an empty repository."""
    shutil.rmtree(root, ignore_errors=True)
    folder = root / "environments"
    folder.mkdir(parents=True)
    for name, text in environments(vms, vms_per_group).items():
        (folder / name).write_text(text, encoding="utf-8")


def input_kib(vms: int) -> float:
    """The size of the environment files of a fleet, in KiB."""
    return sum(len(text.encode()) for text in environments(vms).values()) / 1024


def change_one_vm(root: Path, generation: int) -> None:
    """Edit one line of the first environment: a VM of another size, each time another."""
    path = root / "environments" / "e001.yaml"
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if "# bench" not in line]
    size = ("m1.large", "u1.2xlarge")[generation % 2]
    at = next(index for index, line in enumerate(kept) if line.startswith("    count: ")) + 1
    kept.insert(at, f"    instances: {{2: {{instanceType: {size}}}}}  # bench")
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


def write_values(vms: int, path: Path, vms_per_group: int = VMS_PER_GROUP) -> None:
    """The fleet as values of the peers' programs: the same objects."""
    rows = [
        {
            "namespace": _namespace(group),
            "name": f"g{group.number}",
            "count": group.count,
            "ports": [80, 443] if group.exposed else [],
            "cloudInit": "#cloud-config\npackages:\n  - nginx\n" if group.configured else "",
            "first": "u1.xlarge" if group.configured else "u1.large",
        }
        for group in groups(vms, vms_per_group)
    ]
    path.write_text(json.dumps({"groups": rows}), encoding="utf-8")


def _namespace(group: Group) -> str:
    return f"tenant-t{group.environment}"


def _group_text(group: Group) -> str:
    lines = [
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
    return "".join(f"{line}\n" for line in lines)
