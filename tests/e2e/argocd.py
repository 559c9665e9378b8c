"""A real Argo CD: its repo-server and its application-controller, with a cluster named as in the examples."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from api import TOKEN, Api, Object, documents
from cluster import kubeconfig
from isolated import Processes, wait_for

NAMESPACE = "argocd"
# The repo-server's port; the others listen on those after it.
_REDIS, _PORT = "127.0.0.1:26379", 28081
_APPROVED = "argocd.argoproj.io/deletion-approved"


class ArgoCd:
    """The engine, and what it says of an Application."""

    def __init__(self, api: Api, processes: Processes, programs: Path, folder: Path, plugin: Path) -> None:
        self._api = api
        self._processes = processes
        self._program = programs / "argocd"
        self._settings()
        (folder / "kubeconfig").write_text(kubeconfig(api))
        for name in ("plugin", "sockets"):
            (folder / name).mkdir()
        shutil.copy(plugin, folder / "plugin" / "plugin.yaml")
        self._shared = {
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "KUBECONFIG": str(folder / "kubeconfig"),
            "PATH": f"{_commands(folder)}{os.pathsep}{os.environ['PATH']}",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_PLUGINSOCKFILEPATH": str(folder / "sockets"),
        }
        processes.start("redis", programs / "redis", _REDIS)
        self._start("cmp-server", f"--config-dir-path={folder / 'plugin'}")
        repositories = ("--address=127.0.0.1", f"--port={_PORT}", f"--redis={_REDIS}", "--disable-tls", "--client-ca-path=")
        self._start("repo-server", *repositories, "--metrics-address=127.0.0.1", f"--metrics-port={_PORT + 1}")
        controller = (
            f"--namespace={NAMESPACE}",
            f"--redis={_REDIS}",
            f"--repo-server=127.0.0.1:{_PORT}",
            "--repo-server-plaintext",
        )
        more = (f"--metrics-port={_PORT + 2}", "--self-heal-timeout-seconds=1", "--persist-resource-health")
        self._start("application-controller", *controller, *more)
        sets = (f"--namespace={NAMESPACE}", f"--argocd-repo-server=127.0.0.1:{_PORT}", "--repo-server-plaintext")
        listening = {"metrics": 3, "probe": 4, "webhook": 5}
        ports = (f"--{name}-addr=127.0.0.1:{_PORT + more}" for name, more in listening.items())
        self._start("applicationset-controller", *sets, *ports)

    def _start(self, name: str, *arguments: str) -> None:
        """Start one of Argo CD's programs: they are one file, and a variable says which it is."""
        more = {**self._shared, "ARGOCD_BINARY_NAME": f"argocd-{name}"}
        self._processes.start(f"argocd-{name}", self._program, *arguments, **more)

    def _settings(self) -> None:
        labels = {"app.kubernetes.io/part-of": "argocd"}
        self._api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for name in ("argocd-cm", "argocd-rbac-cm", "argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm", "argocd-gpg-keys-cm"):
            metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
            self._api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        config = json.dumps({"bearerToken": TOKEN, "tlsClientConfig": {"insecure": True}})
        cluster = {"name": "hikube", "server": self._api.server, "config": config}
        for name, more, data in (
            ("argocd-secret", {}, {"server.secretkey": "nothing to protect"}),
            ("cluster-hikube", {"argocd.argoproj.io/secret-type": "cluster"}, cluster),
        ):
            metadata = {"name": name, "namespace": NAMESPACE, "labels": {**labels, **more}}
            self._api.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
        everywhere = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
        project = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject"}
        self._api.create({**project, "metadata": {"name": "default", "namespace": NAMESPACE}, "spec": everywhere})

    def apply(self, delivery: Path, environment: str) -> None:
        """What docs/delivery.md tells people to do, once: the health checks, and the Application."""
        [health] = documents(delivery / "health.yaml")
        self._api.merge("ConfigMap", "argocd-cm", NAMESPACE, {"data": health["data"]})
        for document in documents(delivery / f"{environment}.yaml"):
            self._api.create(document)

    def replace(self, delivery: Path, environment: str) -> None:
        """What `kubectl apply` does with an Application that is there already."""
        for document in documents(delivery / f"{environment}.yaml"):
            self._api.merge("Application", document["metadata"]["name"], NAMESPACE, {"spec": document["spec"]})

    def sync(self, name: str) -> None:
        """Sync by hand, as the button does: with the options of the Application."""
        options = self.application(name)["spec"]["syncPolicy"]["syncOptions"]
        self._api.merge("Application", name, NAMESPACE, {"operation": {"sync": {"syncOptions": options}}})

    def terminate(self, name: str) -> None:
        """End the running sync, as `argocd app terminate-op` does."""
        if self.said(name)["phase"] == "Running":  # a question of a disk that is no longer pruned may have ended by itself
            self._api.merge("Application", name, NAMESPACE, {"status": {"operationState": {"phase": "Terminating"}}})

    def application(self, name: str) -> Object:
        """An Application, its status never missing."""
        found = self._api.get("Application", name, NAMESPACE)
        assert found, name
        return {"status": {}, **found}

    def said(self, name: str) -> dict[str, Any]:
        """What Argo CD says: sync and health, and how the last operation went."""
        status = self.application(name)["status"]
        operation = status.get("operationState", {})
        return {
            "sync": status.get("sync", {}).get("status"),
            "health": status.get("health", {}).get("status"),
            "revision": status.get("sync", {}).get("revision", ""),
            "phase": operation.get("phase"),
            "message": operation.get("message", ""),
            "conditions": {each["type"]: each["message"] for each in status.get("conditions", [])},
            "resources": status.get("resources", []),
        }

    def refresh(self, name: str, kind: str = "normal") -> None:
        """Let Argo CD look at the repository now, and wait until it has."""
        self._api.merge("Application", name, NAMESPACE, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": kind}}})
        wait_for("the refresh", lambda: not self._refreshing(name), 60, self._processes.check)

    def _refreshing(self, name: str) -> bool:
        return "argocd.argoproj.io/refresh" in self.application(name)["metadata"].get("annotations", {})

    def approve(self, name: str) -> None:
        """Confirm the deletion that Argo CD asks about, as its button does."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._api.merge("Application", name, NAMESPACE, {"metadata": {"annotations": {_APPROVED: now}}})


def _commands(folder: Path) -> Path:
    """A folder of commands that Argo CD's programs run: vmgen for the plugin, and what verifies signatures of commits, which
    these have not."""
    commands = folder / "bin"
    commands.mkdir()
    for name, line in (("git-verify-wrapper.sh", "exit 0"), ("vmgen", f'exec {sys.executable} -m vmgen "$@"')):
        (commands / name).write_text(f"#!/bin/sh\n{line}\n")
        (commands / name).chmod(0o755)
    return commands
