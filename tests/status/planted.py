"""What can happen to an object of a cluster, and how `vmgen status` names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.status.cluster import RESTART, Cluster, foreign, set_condition


class Plant(NamedTuple):
    """A change of what a cluster has of a VM of the group `web`; `subject` and `words` name the VM as `{vm}`."""

    name: str
    change: Callable[[Cluster, str], Any]
    subject: str
    state: str
    words: str


PLANTED: list[Plant] = [
    Plant("a size edited by hand", lambda c, vm: c.find("VMDisk", f"{vm}-data")["spec"].update(storage="60Gi"), "VMDisk {vm}-data", "drift", 'spec.storage: "50Gi" in Git, "60Gi" live'),
    Plant("a type edited by hand", lambda c, vm: c.find("VMInstance", vm)["spec"].update(instanceType="u1.xlarge"), "VMInstance {vm}", "drift", "spec.instanceType"),
    Plant("a port added", lambda c, vm: c.find("VMInstance", vm)["spec"].update(externalPorts=[80, 443, 22]), "VMInstance {vm}", "drift", "[80, 443] in Git, [80, 443, 22] live"),
    Plant("a list of disks edited", lambda c, vm: c.find("VMInstance", vm)["spec"].update(disks=[{"name": "other"}]), "VMInstance {vm}", "drift", "spec.disks"),
    Plant("true for a number", lambda c, vm: c.find("VMInstance", vm)["spec"].update(external=1), "VMInstance {vm}", "drift", "true in Git, 1 live"),
    Plant("a field that Git lacks", lambda c, vm: c.find("VMInstance", vm)["spec"].update(cpuModel="host-model"), "VMInstance {vm}", "drift", "cpuModel"),
    Plant("a protection stripped", lambda c, vm: c.find("VMDisk", f"{vm}-data")["metadata"]["annotations"].pop("argocd.argoproj.io/sync-options"), "VMDisk {vm}-data", "drift", "sync-options"),
    Plant("a disk that is gone", lambda c, vm: c.objects.pop(("VMDisk", f"{vm}-data")), "VMDisk {vm}-data", "missing", "not in the dump"),
    Plant("a VM that is gone", lambda c, vm: c.objects.pop(("VMInstance", vm)), "VMInstance {vm}", "missing", "not in the dump"),
    Plant("disks that are no objects", lambda c, vm: set_condition(c, "VMInstance", vm, reason="UpgradeFailed", message="at '/disks/0': got string, want object"), "VMInstance {vm}", "failed", "takes disks as objects"),
    Plant("a disk that is not there", lambda c, vm: set_condition(c, "VMInstance", vm, reason="InstallFailed", message="execution error: Specified disk not exists in cluster"), "VMInstance {vm}", "failed", "a disk of the VM does not exist yet"),
    Plant("a value that the chart lacks", lambda c, vm: set_condition(c, "VMInstance", vm, reason="InstallFailed", message="value must be one of 'alpine', 'centos.7'"), "VMInstance {vm}", "failed", "does not know this value"),
    Plant("a quota", lambda c, vm: set_condition(c, "VMDisk", f"{vm}-data", reason="InstallFailed", message="forbidden: exceeded quota: tenant-quota"), "VMDisk {vm}-data", "failed", "quota of the tenant"),
    Plant("a message that nobody knows", lambda c, vm: set_condition(c, "VMInstance", vm, reason="UpgradeFailed", message="the moon is full"), "VMInstance {vm}", "failed", "the moon is full"),
    Plant("a release at work", lambda c, vm: set_condition(c, "VMInstance", vm, reason="Progressing", message="Running 'upgrade'"), "VMInstance {vm}", "pending", "Running 'upgrade'"),
    Plant("a release in doubt", lambda c, vm: set_condition(c, "VMInstance", vm, status="Unknown", message="Reconciliation in progress"), "VMInstance {vm}", "pending", "in progress"),
    Plant("a failed HelmRelease", lambda c, vm: c.add("HelmRelease", f"vm-disk-{vm}-data", "helm.toolkit.fluxcd.io", status={"conditions": [{"type": "Released", "status": "False", "reason": "UpgradeFailed", "message": "Exactly one type of source is expected!"}]}), "VMDisk {vm}-data", "failed", "two sources"),
    Plant("a restart that waits", lambda c, vm: c.add_machine(vm, RestartRequired=RESTART), "VMInstance {vm}", "pending", "waits for a restart (since 2026-11-26T11:00:00Z)"),
    Plant("a VM that cannot be placed", lambda c, vm: c.add_machine(vm, "ErrorUnschedulable", Ready={"status": "False", "message": "0/5 nodes are available"}), "VMInstance {vm}", "failed", "0/5 nodes"),
    Plant("a VM that starts", lambda c, vm: c.add_machine(vm, "Starting"), "VMInstance {vm}", "pending", "Starting"),
    Plant("a VM that waits for its volume", lambda c, vm: c.add_machine(vm, "WaitingForVolumeBinding"), "VMInstance {vm}", "pending", "WaitingForVolumeBinding"),
    Plant("a VM that stopped", lambda c, vm: c.add_machine(vm, "Stopped"), "VMInstance {vm}", "failed", "Git wants it to run"),
    Plant("a crash loop", lambda c, vm: c.add_machine(vm, "CrashLoopBackOff"), "VMInstance {vm}", "failed", "CrashLoopBackOff"),
    Plant("a missing volume", lambda c, vm: c.add_machine(vm, "ErrorPvcNotFound"), "VMInstance {vm}", "failed", "ErrorPvcNotFound"),
    Plant("an import under way", lambda c, vm: c.add_volume(f"{vm}-system", "ImportInProgress", progress="45.0%"), "VMDisk {vm}-system", "pending", "45.0% done"),
    Plant("an upload that waits", lambda c, vm: c.add_volume(f"{vm}-system", "UploadReady"), "VMDisk {vm}-system", "pending", "UploadReady"),
    Plant("an import that failed", lambda c, vm: c.add_volume(f"{vm}-system", "Failed", conditions=[{"type": "Running", "status": "False", "message": "404 Not Found"}]), "VMDisk {vm}-system", "failed", "404 Not Found"),
    Plant("a volume that is not bound", lambda c, vm: c.add_volume(f"{vm}-data", "WaitForFirstConsumer"), "VMDisk {vm}-data", "pending", "bound when a VM that uses it starts"),
    Plant("a foreign VM", lambda c, vm: c.objects.update({("VMInstance", f"toy-{vm}"): foreign("VMInstance", f"toy-{vm}", {"instanceType": "u1.large", "disks": []})}), "VMInstance toy-{vm}", "orphan", "vmgen import - --env production-toy-{vm}"),
    Plant("a foreign disk", lambda c, vm: c.objects.update({("VMDisk", f"toy-{vm}"): foreign("VMDisk", f"toy-{vm}", {"storage": "100Gi", "storageClass": "replicated"})}), "VMDisk toy-{vm}", "orphan", "100Gi, CHF 10.00 a month"),
    Plant("a label taken away", lambda c, vm: c.find("VMInstance", vm)["metadata"]["labels"].pop("team"), "VMInstance {vm}", "drift", 'metadata.labels[team]: "shop" in Git, nothing live'),
    Plant("an order changed", lambda c, vm: c.find("VMDisk", f"{vm}-data")["metadata"]["annotations"].update({"argocd.argoproj.io/sync-wave": "5"}), "VMDisk {vm}-data", "drift", "sync-wave"),
    Plant("user data edited", lambda c, vm: c.find("VMInstance", vm)["spec"].update(cloudInit="#cloud-config\npackages: [apache2]\n"), "VMInstance {vm}", "drift", "spec.cloudInit"),
    Plant("a key put in by hand", lambda c, vm: c.find("VMInstance", vm)["spec"]["sshKeys"].append("ssh-ed25519 AAAA someone"), "VMInstance {vm}", "drift", "spec.sshKeys"),
    Plant("a disk of another class", lambda c, vm: c.find("VMDisk", f"{vm}-data")["spec"].update(storageClass="local"), "VMDisk {vm}-data", "drift", '"replicated" in Git, "local" live'),
    Plant("a disk of another image", lambda c, vm: c.find("VMDisk", f"{vm}-system")["spec"].update(source={"image": {"name": "other"}}), "VMDisk {vm}-system", "drift", "spec.source.image.name"),
    Plant("a VM that somebody paused", lambda c, vm: c.add_machine(vm, "Paused"), "VMInstance {vm}", "failed", "the VM is Paused, and Git wants it to run"),
    Plant("an address that is not there", lambda c, vm: c.add_service(vm, []), "VMInstance {vm}", "pending", "its public address is not assigned yet"),
    Plant("an object on its way out", lambda c, vm: c.find("VMDisk", f"{vm}-data")["metadata"].update(deletionTimestamp="2026-11-26T11:30:00Z"), "VMDisk {vm}-data", "failed", "is being deleted, and Git wants it (since 2026-11-26T11:30:00Z)"),
    Plant("a release that is suspended", lambda c, vm: c.add("HelmRelease", f"vm-instance-{vm}", "helm.toolkit.fluxcd.io", spec={"suspend": True}), "VMInstance {vm}", "pending", "vm-instance-{vm} is suspended"),
    Plant("an import that is kept waiting", lambda c, vm: (c.add_volume(f"{vm}-system", "ImportScheduled"), c.add_warning(f"vm-disk-{vm}-system", "no storage is left")), "VMDisk {vm}-system", "pending", "its volume is ImportScheduled: no storage is left"),
    Plant("a clone under way", lambda c, vm: c.add_volume(f"{vm}-system", "CloneInProgress", progress="7.5%"), "VMDisk {vm}-system", "pending", "CloneInProgress, 7.5% done"),
    Plant("a VM that ends", lambda c, vm: c.add_machine(vm, "Terminating"), "VMInstance {vm}", "pending", "the VM is Terminating"),
    Plant("a type too small for its profile", lambda c, vm: set_condition(c, "VMInstance", vm, reason="UpgradeFailed", message="insufficient CPU resources of 1 vCPU provided by instance type, preference requires 2 vCPU"), "VMInstance {vm}", "failed", "use a larger type or a lighter profile"),
    Plant("sizes of an earlier apply", lambda c, vm: set_condition(c, "VMInstance", vm, reason="UpgradeFailed", message="VM field(s) spec.template.spec.domain.cpu.sockets conflicts with selected instance type"), "VMInstance {vm}", "failed", "docs/verdicts.md has the command"),
    Plant("user data too large for its release", lambda c, vm: set_condition(c, "VMInstance", vm, reason="UpgradeFailed", message="Secret is invalid: data: Too long: may not be more than 1048576 bytes"), "VMInstance {vm}", "failed", "make it smaller"),
    Plant("an edit and a restart", lambda c, vm: (c.add_machine(vm, RestartRequired=RESTART), c.find("VMInstance", vm)["spec"].update(instanceType="u1.xlarge")), "VMInstance {vm}", "drift", "waits for a restart"),
]  # fmt: skip
