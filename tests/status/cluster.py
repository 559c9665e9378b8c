"""A dump in the making: a fleet that is committed, and the objects that a cluster has of it."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

ENVIRONMENT = """\
platform: cozystack
namespace: tenant-acme
prices: {currency: CHF, cpu: 10, memory: 1, storage: {replicated: 0.1, local: 0.05}}
vms:
  web:
    count: 3
    instanceType: u1.large
    image: ubuntu-24.04
    externalPorts: [80, 443]
    disks: {data: 50Gi}
    labels: {team: shop}
    sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ops@shop]
    cloudInit: |
      #cloud-config
      packages: [nginx]
  db:
    instanceType: m1.large
    image: ubuntu-24.04
    running: false
disks:
  spare: {storage: 10Gi, storageClass: local}
"""
READY = {"type": "Ready", "status": "True", "reason": "InstallSucceeded", "lastTransitionTime": "2026-11-26T10:00:00Z"}
API_DEFAULTS = {"subnets": [], "networks": [], "gpus": [], "cpuModel": "", "resources": {}, "externalAllowICMP": True}


@dataclass
class Cluster:
    """A dump in the making: the objects by kind and name."""

    repository: Any
    objects: dict[tuple[str, str], dict[str, Any]]

    def run(self, *arguments: str, content: str | None = None) -> Any:
        """Write the dump to a file and run `vmgen status` on it."""
        text = (
            json.dumps({"apiVersion": "v1", "kind": "List", "items": list(self.objects.values())})
            if content is None
            else content
        )
        (self.repository.root / "dump.json").write_text(text, encoding="utf-8")
        return self.repository.run("status", *arguments, "dump.json")

    def states(self, *arguments: str) -> dict[str, str]:
        """The state of each object that is not in step, by kind and name."""
        document = json.loads(self.run(*arguments, "-o", "json").stdout)
        return {f"{item['kind']} {item['name']}": item["state"] for item in document["objects"] if item["state"] != "in step"}

    def find(self, kind: str, name: str) -> dict[str, Any]:
        """One object, to change."""
        return self.objects[kind, name]

    def add(self, kind: str, name: str, group: str, **content: Any) -> dict[str, Any]:
        """Add an object of the platform's own."""
        item = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": name, "namespace": "tenant-acme"}, **content}
        self.objects[kind, name] = item
        return item

    def add_machine(self, name: str, printable: str = "Running", **conditions: Mapping[str, Any]) -> dict[str, Any]:
        """Add the VirtualMachine of a VM with its conditions by type."""
        rows = [{"type": type_, **row} for type_, row in conditions.items()]
        status = {"printableStatus": printable, "conditions": rows}
        return self.add("VirtualMachine", f"vm-instance-{name}", "kubevirt.io", spec={}, status=status)

    def add_service(self, name: str, ingress: list[dict[str, str]]) -> dict[str, Any]:
        """Add the Service of a VM with a public address, or without one yet."""
        status = {"loadBalancer": {"ingress": ingress} if ingress else {}}
        item = self.add("Service", f"vm-instance-{name}", "", spec={"type": "LoadBalancer"}, status=status)
        item["apiVersion"] = "v1"
        return item

    def add_warning(self, subject: str, message: str, when: str = "2026-11-26T11:00:00Z") -> dict[str, Any]:
        """Add a warning about an object of the platform's own."""
        item = self.add("Event", f"{subject}.{when}", "", type="Warning", lastTimestamp=when, message=message)
        item |= {"apiVersion": "v1", "involvedObject": {"name": subject}}
        return item

    def add_volume(self, name: str, phase: str, **status: Any) -> dict[str, Any]:
        """Add the DataVolume of a disk."""
        return self.add("DataVolume", f"vm-disk-{name}", "cdi.kubevirt.io", status={"phase": phase, **status})


def read_back(document: dict[str, Any]) -> dict[str, Any]:
    """An object as the API server returns it: defaults filled in, its own metadata, a condition."""
    live = copy.deepcopy(document)
    live["metadata"].setdefault("annotations", {})["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    live["metadata"] |= {"uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-11-26T09:00:00Z", "managedFields": []}
    if live["kind"] == "VMInstance":
        live["spec"] = {**API_DEFAULTS, **live["spec"]}
    live["status"] = {"conditions": [dict(READY)]}
    return live


def make_cluster(made: Any) -> Cluster:
    """Render and commit a repository, and build the cluster that its manifests make."""
    result = made.run("render")
    assert result.code == 0, result.messages
    for command in (("init", "-q"), ("add", "-A"), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all")):
        subprocess.run(["git", *command], cwd=made.root, check=True)
    objects = {}
    for path, content in made.files().items():
        document = yaml.safe_load(content)
        if isinstance(document, dict) and document.get("kind") in ("VMInstance", "VMDisk") and "kustomization" not in path:
            name = document["metadata"]["name"]
            key = (document["kind"], name if (document["kind"], name) not in objects else f"{path}: {name}")  # two namespaces
            objects[key] = read_back(document)
    return Cluster(made, objects)


RESTART = {"status": "True", "lastTransitionTime": "2026-11-26T11:00:00Z", "message": "a non-live-updatable field was changed"}


def set_condition(cluster: Cluster, kind: str, name: str, **condition: str) -> None:
    """Put one condition on an object, in the place of those that it has."""
    row = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-26T11:00:00Z", **condition}
    cluster.find(kind, name)["status"] = {"conditions": [row]}


def foreign(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An object that is in no environment."""
    metadata = {"name": name, "namespace": "tenant-acme"}
    return read_back({"apiVersion": "apps.cozystack.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
