"""Make the fleet that users have, of any size, as environments of vmgen and as values of its peers.

Two thirds of its groups have user data from a template, which writes the name of each VM; every tenth VM has a size of its own.
Groups have from 1 to 500 VMs, in three environments.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

ENVIRONMENTS = 3
GROUP_SIZES = (1, 50, 5, 200, 20, 2, 100, 500, 10, 30)
OWN_SIZE_EVERY = 10
TEMPLATE = "web.yaml.j2"
# The user data of one VM. Peers write the same text, with the name, number and group of the VM instead of these words.
USER_DATA = """\
#cloud-config
hostname: NAME
fqdn: NAME.example.com
packages:
  - chrony
  - nginx
write_files:
  - path: /etc/motd
    content: |
      NAME is number NUMBER of group GROUP.
  - path: /etc/nginx/conf.d/status.conf
    content: |
      server {
        listen 8080;
        server_name NAME;
        location /status { stub_status; }
      }
runcmd:
  - [systemctl, enable, --now, nginx]
"""
WORDS = {"NAME": "vm.name", "NUMBER": "vm.number", "GROUP": "vm.group"}


class Group(NamedTuple):
    """One group of a fleet; `before` VMs of the fleet are in earlier groups."""

    number: int
    before: int
    vms: int

    @property
    def environment(self) -> int:
        """The number of its environment, from 1."""
        return (self.number - 1) % ENVIRONMENTS + 1

    @property
    def is_exposed(self) -> bool:
        """Return whether its VMs are reachable from outside: those of every fourth group are."""
        return self.number % 4 == 0

    @property
    def has_user_data(self) -> bool:
        """Return whether its VMs have user data: in two of three groups of an environment they do."""
        return (self.number - 1) // ENVIRONMENTS % 3 != 2

    @property
    def own_sizes(self) -> tuple[int, ...]:
        """The numbers, from 1, of its VMs with a size of their own."""
        return tuple(number for number in range(1, self.vms + 1) if (self.before + number) % OWN_SIZE_EVERY == 0)


def build_groups(vms: int, sizes: tuple[int, ...] = GROUP_SIZES) -> Iterator[Group]:
    """Yield the groups of a fleet of so many VMs, their sizes in turn."""
    before = 0
    for number, size in enumerate(cycle(sizes), start=1):
        if before >= vms:
            return
        # A fleet of a few VMs has all three environments too.
        count = min(size, vms - before, max(1, vms // ENVIRONMENTS))
        yield Group(number, before, count)
        before += count


def build_files(vms: int, sizes: tuple[int, ...] = GROUP_SIZES) -> Mapping[str, str]:
    """Return the fleet as texts of environment files, and the template of user data, by their paths."""
    template = USER_DATA
    for word, variable in WORDS.items():
        template = template.replace(word, f"{{{{ {variable} }}}}")
    texts = {f"templates/cloud-init/{TEMPLATE}": template}
    for group in build_groups(vms, sizes):
        path = f"environments/e{group.environment}.yaml"
        head = f'namespace: {_get_namespace(group)}\npolicy: {{no-ssh-key: "off"}}\nvms:\n'
        texts[path] = texts.get(path, head) + _format_group(group)
    return texts


def write_fleet(vms: int, root: Path, sizes: tuple[int, ...] = GROUP_SIZES) -> None:
    """Write the fleet into an empty repository."""
    shutil.rmtree(root, ignore_errors=True)
    for path, text in build_files(vms, sizes).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def measure_input_kib(vms: int) -> float:
    """Return the size of the files that a fleet is rendered from, in KiB."""
    return sum(len(text.encode()) for text in build_files(vms).values()) / 1024


def change_one_vm(root: Path, generation: int) -> None:
    """Edit one line of the first environment: a VM of another size, each time another."""
    path = root / "environments" / "e1.yaml"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "# bench" not in line]
    size = ("m1.large", "u1.2xlarge")[generation % 2]
    # The first group of the first environment has one VM, without a size of its own.
    position = next(index for index, line in enumerate(lines) if line.startswith("    count: ")) + 1
    lines.insert(position, f"    instances: {{1: {{instanceType: {size}}}}}  # bench")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_values(vms: int, path: Path, sizes: tuple[int, ...] = GROUP_SIZES) -> None:
    """Write the fleet as values of the peers' programs: the same objects."""
    rows = [
        {
            "namespace": _get_namespace(group),
            "name": f"g{group.number}",
            "count": group.vms,
            "ports": [80, 443] if group.is_exposed else [],
            "cloudInit": USER_DATA if group.has_user_data else "",
            "ownSizes": group.own_sizes,
        }
        for group in build_groups(vms, sizes)
    ]
    path.write_text(json.dumps({"groups": rows}), encoding="utf-8")


def _get_namespace(group: Group) -> str:
    return f"tenant-t{group.environment}"


def _format_group(group: Group) -> str:
    lines = [
        f"  g{group.number}:",
        f"    count: {group.vms}",
        "    instanceType: u1.large",
        "    image: ubuntu-2404",
        "    disks: {data: 50Gi}",
    ]
    if group.is_exposed:
        lines.append("    externalPorts: [80, 443]")
    if group.has_user_data:
        lines.append(f"    cloudInit: {{template: {TEMPLATE}}}")
    if group.own_sizes:
        lines.append("    instances:")
        lines += [f"      {number}: {{instanceType: u1.xlarge}}" for number in group.own_sizes]
    return "".join(f"{line}\n" for line in lines)
