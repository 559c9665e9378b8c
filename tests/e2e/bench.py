"""All that the checks use: the API server, the engines, and a repository with the environments of this one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import yaml
from api import Object
from argocd import ArgoCd
from cluster import Diary, Platform, started
from flux import Flux
from isolated import Processes, wait_for
from source import URL, Repository, serve

CHECKOUT = Path(__file__).resolve().parents[2]
PRODUCTION, STAGING, OFFICE = "tenant-shop", "tenant-shop-staging", "tenant-shop-office"
# A VM whose disk is made only when the VM is there, and user data that Flux must not touch.
LATE = "  cache: {instanceType: s1.small, image: ubuntu-2404, disks: {scratch: {storage: 5Gi, storageClass: local}}}\n"
TEXT = "#!/bin/sh\necho ${HOSTNAME} ${HOSTNAME:-x}\n"
SCRIPT = f"  templated:\n    instanceType: s1.small\n    image: ubuntu-2404\n    cloudInit: {json.dumps(TEXT)}\n"
SHARDS = f"""delivery:
  shardSize: 1
  argocd: {{repoURL: "{URL}", targetRevision: main, destination: {{name: hikube}}}}
  flux: {{sourceRef: {{name: vms}}}}
"""
WEB_3 = "retire:\n" + "".join(f"  - {{disk: web-3-{disk}, reason: two are enough}}\n" for disk in ("system", "data"))
WEB_2 = WEB_3.replace("web-3", "web-2")


class Bench:
    """Everything that the checks use."""

    def __init__(self, programs: Path, definitions: list[Path], folder: Path, ending: ExitStack) -> None:
        self.folder = folder
        self.programs = programs
        self.processes = Processes(folder)
        ending.callback(self.processes.stop)
        self.api = started(self.processes, programs, folder, definitions, CHECKOUT / "templates")
        self.diary = {kind: Diary(self.api, kind) for kind in ("VMDisk", "VMInstance")}
        self.platform = Platform(self.api)
        ending.callback(self.platform.stop)
        for thread in (self.platform, *self.diary.values()):
            thread.start()
        for namespace in (PRODUCTION, STAGING, OFFICE):
            self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        self.repository = Repository(folder)
        server = serve(self.repository)
        ending.callback(server.shutdown)
        self._environments()
        self.argocd = ArgoCd(self.api, self.processes, programs, folder, CHECKOUT / "delivery/argocd/plugin.yaml")
        self.flux = Flux(self.api, self.processes, programs, folder)

    def _environments(self) -> None:
        """The repository's own examples, with the source and the postBuild of this machine, and two more groups of VMs."""
        shutil.copytree(CHECKOUT / "environments", self.repository.clone / "environments")
        self.repository.edit("environments/base/shop.yaml", ("https://git.example.com/shop/vms.git", URL))
        for name, more in (("production", LATE), ("staging", LATE + SCRIPT)):
            path = self.repository.clone / f"environments/{name}.yaml"
            path.write_text(path.read_text(encoding="utf-8").replace("\n  bastion: {}\n", f"\n  bastion: {{}}\n{more}"))
        path = self.repository.clone / "environments/staging.yaml"
        path.write_text(path.read_text(encoding="utf-8") + "delivery: {flux: {postBuild: {substitute: {HOSTNAME: wrong}}}}\n")
        path = self.repository.clone / "environments/windows.yaml"
        path.write_text(path.read_text(encoding="utf-8") + SHARDS)
        self.repository.edit("environments/staging.yaml", ("web: {count: 1,", "web: {count: 2,"))
        self.repository.render()
        self.first = self.repository.commit("The first environments")

    def names(self, kind: str, namespace: str) -> set[str]:
        """The objects of a kind that are there and are not being deleted."""
        return {
            found["metadata"]["name"] for found in self.api.all(kind, namespace) if "deletionTimestamp" not in found["metadata"]
        }

    def manifests(self, environment: str) -> Iterator[Object]:
        """The committed manifests of an environment."""
        for path in sorted((self.repository.clone / "manifests" / environment).rglob("*.yaml")):
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
            if found.get("kind") in ("VMDisk", "VMInstance"):
                yield found

    def wanted(self, kind: str, environment: str) -> set[str]:
        """The names of the committed manifests of a kind."""
        return {found["metadata"]["name"] for found in self.manifests(environment) if found["kind"] == kind}

    def until(self, what: str, there: Callable[[], object], seconds: float = 90) -> None:
        """Wait for something, but not for ever."""
        wait_for(what, there, seconds, self.processes.check)

    def versions(self, namespace: str) -> dict[tuple[str, str], str]:
        """The resource version of every disk and VM: it changes with every write that changes anything."""
        return {
            (kind, found["metadata"]["name"]): found["metadata"]["resourceVersion"]
            for kind in ("VMDisk", "VMInstance")
            for found in self.api.all(kind, namespace)
        }

    def identities(self, kind: str, namespace: str) -> dict[str, str]:
        """The uid of each object of a kind: another one where it was deleted and made again."""
        return {found["metadata"]["name"]: found["metadata"]["uid"] for found in self.api.all(kind, namespace)}
