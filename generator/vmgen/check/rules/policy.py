"""Policies on exposure and on disks: advice of the reference page, and those that `policy:` turns on (docs/policy.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from vmgen.check.rule import Finding, policy
from vmgen.merge.environment import Environment
from vmgen.merge.own_disks import VmSettings
from vmgen.merge.settings import Settings, contains_invalid
from vmgen.problems import Place
from vmgen.read.located import to_plain

_SSH_PORT = 22
# Services that give control over a machine, at the ports that IANA or their projects assign.
# https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xhtml
_ADMIN_PORTS: Mapping[int, str] = {
    23: "Telnet",
    2375: "Docker",
    2379: "etcd",
    3389: "remote desktop",
    5900: "VNC",
    5985: "WinRM",
    5986: "WinRM",
    6443: "the Kubernetes API",
    10250: "the kubelet",
}


@policy("open-ssh")
def open_ssh(environment: Environment) -> Iterator[Finding]:
    """Port 22 of a VM is open to the Internet.

    Connect through one bastion, a VPN or `virtctl ssh`, and waive the policy for the bastion.
    """
    message = "SSH is open to the whole Internet; remove port 22, and go through a bastion, a VPN or `virtctl ssh`"
    for port, place, subject in _find_open_ports(environment):
        if port in (_SSH_PORT, None):
            yield Finding(place, subject, message)


@policy("open-admin-port")
def open_admin_port(environment: Environment) -> Iterator[Finding]:
    """An administration port that is open to the Internet: remote desktop, WinRM, VNC, Telnet, Docker, etcd, the kubelet.

    Remove the port, and use a bastion or a VPN.
    """
    for port, place, subject in _find_open_ports(environment):
        if port is not None and port in _ADMIN_PORTS:
            message = f"{_ADMIN_PORTS[port]} (port {port}) is open to the whole Internet; remove the port, or use a VPN"
            yield Finding(place, subject, message)


@policy("local-storage", "advice")
def local_storage(environment: Environment) -> Iterator[Finding]:
    """A data disk on a storage class that is not replicated: data is lost if its node fails. The system disk of a VM counts
    as a data disk if the VM has no other. The reference page of the platform recommends replicated storage in production.

    Use a replicated class (`vmgen catalog classes`), unless the application replicates its data itself, as databases may.
    """
    for disk, path in _iter_data_disks(environment):
        name = disk.get("storageClass")
        storage_class = environment.platform.catalog.storage_classes.get(name.text) if name else None
        if name and storage_class and not storage_class.replicated:
            message = f"storage class '{storage_class.name}' is not replicated; use a replicated class"
            yield Finding(name.place, f"{path}.storageClass", message)


@policy("unprotected-disk")
def unprotected_disk(environment: Environment) -> Iterator[Finding]:
    """A disk with `protect: false`. If a commit removes it, Argo CD or Flux deletes it with its data, without a question.

    Remove the line. To delete one disk, name it under `retire:`.
    """
    for disk, path, _ in environment.all_disk_settings:
        # An optical disk holds no data that could be lost.
        if disk.get_plain("protect") is False and not disk.get_plain("optical"):
            message = "nothing stops Argo CD or Flux from deleting this disk; remove `protect: false`"
            yield Finding(disk.find_place("protect"), f"{path}.protect", message)


@policy("single-disk-vm", "advice")
def single_disk_vm(environment: Environment) -> Iterator[Finding]:
    """A VM with only a system disk, so that its data cannot outlive the system. The reference page of the platform
    recommends two disks in production.

    Add a data disk (`disks: {data: 50Gi}`), or turn the policy off if your VMs have no data.
    """
    message = "the system disk is the only one, so data and system share it; write `disks: {data: 50Gi}`"
    places: dict[str, list[tuple[Place, str]]] = defaultdict(list)
    for group, vm, path in environment.vm_settings:
        if _count_hard_disks(vm) < 2 and not contains_invalid(group.located):  # the other disk may be the invalid one
            places[group.key].append((vm.values.located.place, path))
    groups = {group.key: group for group in environment.groups}
    for key, alike in places.items():
        # Overrides of other settings do not make it another fault.
        place, path = alike[0] if len(alike) == 1 else (groups[key].place, f"vms.{key}")
        yield Finding(place, path, message)


@policy("plain-http-image")
def plain_http_image(environment: Environment) -> Iterator[Finding]:
    """A disk from an `http://` address. An attacker on the network could replace the system.

    Use https, or import the image once and name it in `environments/_catalog.yaml`.
    """
    for disk, path, _ in environment.disk_settings:
        url = disk.get("url")
        if url and url.text.lower().startswith("http://"):
            yield Finding(url.place, f"{path}.url", "the image travels unprotected; use an https:// address")


def _find_open_ports(environment: Environment) -> Iterator[tuple[int | None, Place, str]]:
    """Yield each port that is open to the Internet, with its place and key path; None for all ports of a VM."""
    for _, vm, path in environment.vm_settings:
        if vm.values.get_plain("external") is True and vm.values.get_plain("externalMethod") == "WholeIP":
            yield None, vm.values.find_place("externalMethod"), f"{path}.externalMethod"
        elif vm.values.get_plain("external") is True:
            for index, item in vm.values.enumerate_items("externalPorts"):
                yield to_plain(item), item.place, f"{path}.externalPorts[{index}]"


def _iter_data_disks(environment: Environment) -> Iterator[tuple[Settings, str]]:
    """Yield the disks that are neither optical nor the system disk of a VM that has another one."""
    for disk, path, vm in environment.disk_settings:
        system = vm.system_disk if vm else None
        is_system = system is not None and disk is system.settings
        if disk.get_plain("optical") or (vm is not None and is_system and _count_hard_disks(vm) > 1):
            continue
        yield disk, path


def _count_hard_disks(vm: VmSettings) -> int:
    """Return the number of disks of a VM that are not optical, as far as its own settings tell: what it attaches counts."""
    return sum(not disk.settings.get_plain("optical") for disk in vm.disks) + len(vm.attachments)
