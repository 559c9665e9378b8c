"""A real kustomize-controller of Flux. What stands in for source-controller is here: it publishes archives of commits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from api import Api, documents
from cluster import kubeconfig
from isolated import Processes, wait_for
from source import PORT, Repository

NAMESPACE = "flux-system"
_METRICS = 28090
_REQUESTED = "reconcile.fluxcd.io/requestedAt"


class Flux:
    """The engine, and what it says of a Kustomization."""

    def __init__(self, api: Api, processes: Processes, programs: Path, folder: Path) -> None:
        self._api = api
        self._processes = processes
        (folder / "kubeconfig").write_text(kubeconfig(api))
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hikube", "namespace": NAMESPACE}}
        api.create({**secret, "stringData": {"value": kubeconfig(api)}})
        source = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository"}
        api.create({**source, "metadata": {"name": "vms", "namespace": NAMESPACE}, "spec": {"interval": "1m"}})
        processes.start(
            "kustomize-controller",
            programs / "kustomize-controller",
            f"--metrics-addr=127.0.0.1:{_METRICS}",
            f"--health-addr=127.0.0.1:{_METRICS + 1}",
            "--watch-all-namespaces=true",
            "--enable-leader-election=false",
            "--requeue-dependency=2s",
            "--insecure-kubeconfig-tls",
            KUBECONFIG=str(folder / "kubeconfig"),
            RUNTIME_NAMESPACE=NAMESPACE,
        )

    def publish(self, repository: Repository, commit: str) -> None:
        """Make a commit the source's artifact, as source-controller does when it finds it."""
        name, digest, size = repository.archive(commit)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        artifact = {
            "path": name,
            "url": f"http://127.0.0.1:{PORT}/archives/{name}",
            "revision": f"main@sha1:{commit}",
            "digest": digest,
            "size": size,
            "lastUpdateTime": now,
        }
        ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored", "lastTransitionTime": now}
        status = {"status": {"artifact": artifact, "conditions": [ready], "observedGeneration": 1}}
        self._api.merge("GitRepository", "vms", NAMESPACE, status, "/status")

    def apply(self, delivery: Path) -> None:
        """Apply the Kustomizations of an environment, once."""
        for document in documents(delivery):
            self._api.create(document)

    def said(self, name: str) -> dict[str, Any]:
        """What Flux says: whether it is ready, why, and of which commit."""
        found = self._api.get("Kustomization", name, NAMESPACE) or {}
        status = found.get("status", {})
        ready = next((each for each in status.get("conditions", []) if each["type"] == "Ready"), {})
        return {
            "ready": ready.get("status"),
            "reason": ready.get("reason"),
            "message": ready.get("message", ""),
            "revision": status.get("lastAppliedRevision", ""),
            "handled": status.get("lastHandledReconcileAt", ""),
        }

    def until_applied(self, name: str, commit: str, seconds: float = 90) -> None:
        """Wait until a Kustomization is ready with a commit."""

        def applied() -> bool:
            said = self.said(name)
            return bool(said["ready"] == "True" and said["revision"].endswith(commit))

        wait_for(f"{name} to apply {commit[:8]}", applied, seconds, self._processes.check)

    def reconcile(self, name: str) -> None:
        """Let Flux apply what is unchanged once more, and wait until it has."""
        asked = str(time.time())
        self._api.merge("Kustomization", name, NAMESPACE, {"metadata": {"annotations": {_REQUESTED: asked}}})
        wait_for(f"{name} to reconcile", lambda: self.said(name)["handled"] == asked, 60, self._processes.check)
