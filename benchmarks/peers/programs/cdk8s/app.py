"""A cdk8s app: `app.py VALUES FOLDER`, a chart for each namespace, two disks and a VM for each number of each group."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk8s import ApiObject, ApiObjectMetadata, App, Chart, JsonPatch

PROTECTED = {
    "argocd.argoproj.io/sync-options": "Prune=confirm,Delete=confirm",
    "argocd.argoproj.io/sync-wave": "-1",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}


@dataclass(frozen=True)
class Group:
    """One group of the values."""

    namespace: str
    name: str
    count: int
    ports: list[int]
    cloudInit: str
    ownSizes: list[int]


class Fleet(Chart):
    """The objects of one namespace."""

    def add(self, group: Group) -> None:
        """All VMs of a group."""
        for number in range(1, group.count + 1):
            name = f"{group.name}-{number}"
            self._disk(f"{name}-system", {"image": {"name": "ubuntu-2404"}}, "20Gi")
            self._disk(f"{name}-data", {}, "50Gi")
            self._machine(name, group, number)

    def _disk(self, name: str, source: dict[str, Any], storage: str) -> None:
        spec = {"source": source, "optical": False, "storage": storage, "storageClass": "replicated"}
        self._object("VMDisk", ApiObjectMetadata(name=name, annotations=PROTECTED), spec)

    def _machine(self, name: str, group: Group, number: int) -> None:
        spec = {
            "external": len(group.ports) > 0,
            "externalMethod": "PortList",
            "externalPorts": group.ports,
            "running": True,
            "instanceType": "u1.xlarge" if number in group.ownSizes else "u1.large",
            "instanceProfile": "ubuntu",
            "disks": [f"{name}-system", f"{name}-data"],
            "sshKeys": [],
            "cloudInit": group.cloudInit.replace("NAME", name).replace("NUMBER", str(number)).replace("GROUP", group.name),
            "cloudInitSeed": "",
        }
        self._object("VMInstance", ApiObjectMetadata(name=name), spec)

    def _object(self, kind: str, metadata: ApiObjectMetadata, spec: dict[str, Any]) -> None:
        # The way to fields that the Python class of an object does not have: `cdk8s import` needs a cluster or a CRD.
        made = ApiObject(self, metadata.name, api_version="apps.cozystack.io/v1alpha1", kind=kind, metadata=metadata)
        made.add_json_patch(JsonPatch.add("/spec", spec))


def main(values: str, folder: str) -> None:
    """Synthesize the fleet into the folder."""
    app = App(outdir=folder)
    charts: dict[str, Fleet] = {}
    for row in json.loads(Path(values).read_text(encoding="utf-8"))["groups"]:
        group = Group(**row)
        if group.namespace not in charts:
            charts[group.namespace] = Fleet(app, group.namespace, namespace=group.namespace)
        charts[group.namespace].add(group)
    app.synth()


if __name__ == "__main__":
    main(*sys.argv[1:])
