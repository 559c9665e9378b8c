"""etcd and an API server with the kinds of the platform, and what stands in for the platform behind them."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from api import TOKEN, Api, Object, crd, definition, documents
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from isolated import Processes

from vmgen.merge.platform import PlatformLoader
from vmgen.read.repository import Project

_ETCD, _PEER, _API = 23790, 23800, 26443
_FLUX_SOURCES = {"GitRepository": "gitrepositories", "OCIRepository": "ocirepositories", "Bucket": "buckets"}
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def started(processes: Processes, programs: Path, folder: Path, definitions: list[Path], templates: Path) -> Api:
    """Start etcd and the API server, and define the kinds of the platform, of Argo CD and of Flux."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (folder / "accounts.key").write_bytes(pem)
    (folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
    url, peer = f"http://127.0.0.1:{_ETCD}", f"http://127.0.0.1:{_PEER}"
    processes.start(
        "etcd",
        programs / "etcd",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
    )
    processes.start(
        "kube-apiserver",
        programs / "kube-apiserver",
        f"--etcd-servers={url}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={_API}",
        f"--cert-dir={folder / 'certificates'}",
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=AlwaysAllow",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
    )
    api = Api(_API)
    processes.until("the API server", api.ready, 90)
    for path in definitions:
        for document in documents(path):
            api.create(document)
    platform = PlatformLoader(Project(templates.parent)).load("hikube", "")
    for kind in ("VMDisk", "VMInstance"):
        api.create(definition(kind, platform.kinds[kind].schema))
    for kind, plural in {**_FLUX_SOURCES, "ExternalArtifact": "externalartifacts"}.items():
        api.create(crd("source.toolkit.fluxcd.io", plural, kind, "v1", _ANY, status=True))
    processes.until("the definitions", lambda: all(map(_established, api.all("CustomResourceDefinition"))), 30)
    processes.until("the kinds to be served", lambda: all(map(api.serves, ("VMDisk", "VMInstance", "Application"))), 30)
    return api


def _established(found: Object) -> bool:
    conditions = found.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def kubeconfig(api: Api) -> str:
    """The text of a kubeconfig for the server."""
    cluster = {"server": api.server, "insecure-skip-tls-verify": True}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": {"token": TOKEN}}],
    }
    return json.dumps(document)


class Platform(threading.Thread):
    """What stands in for Cozystack: it makes disks and VMs ready, in the order in which the real one can.

    A disk of the class `local` is ready only when a VM that uses it is there. While `disks` is false, none becomes ready. One
    that `failed` names is not ready, with that message.
    """

    def __init__(self, api: Api) -> None:
        super().__init__(daemon=True)
        self.disks = False
        self.failed: dict[str, str] = {}
        self.failures = 0
        self._api = api
        self._ended = threading.Event()

    def run(self) -> None:
        """Until `stop`."""
        while not self._ended.wait(0.3):
            try:
                self._turn()
            except (OSError, AssertionError):
                self.failures += 1  # an object that went away between two requests, or a server that is about to stop

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()

    def _turn(self) -> None:
        machines = self._api.all("VMInstance")
        used = {(each["metadata"]["namespace"], name) for each in machines for name in each["spec"]["disks"]}
        disks = self._api.all("VMDisk")
        for each in (*disks, *machines):
            self._let_go(each)
        for disk in disks:
            place = disk["metadata"]["namespace"], disk["metadata"]["name"]
            bound = disk["spec"].get("storageClass") != "local" or place in used
            self._say(disk, ("Ready",), "True" if self.disks and bound else "Unknown")
        for machine in machines:
            self._say(machine, ("Ready", "WorkloadsReady"), "True")

    def _let_go(self, found: Object) -> None:
        """End a foreground deletion, which elsewhere is the garbage collector's work: nothing depends on these objects."""
        metadata = found["metadata"]
        if "deletionTimestamp" in metadata and metadata.get("finalizers"):
            self._api.merge(found["kind"], metadata["name"], metadata["namespace"], {"metadata": {"finalizers": None}})

    def _say(self, found: Object, types: tuple[str, ...], ready: str) -> None:
        """Set the conditions, unless they are so; what is ready stays so."""
        conditions = found.get("status", {}).get("conditions", ())
        failure = self.failed.get(found["metadata"]["name"], "")
        ready = "False" if failure else ready
        if conditions and ready in ("Unknown", conditions[0]["status"]):
            return
        reason, message = ("InstallSucceeded", "installed") if ready == "True" else ("Progressing", "is being installed")
        reason, message = ("InstallFailed", failure) if failure else (reason, message)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        said = {"status": ready, "reason": reason, "message": message, "lastTransitionTime": now}
        status = {"status": {"conditions": [{"type": each, **said} for each in types]}}
        self._api.merge(found["kind"], found["metadata"]["name"], found["metadata"]["namespace"], status)


class Diary(threading.Thread):
    """Writes down when each object of a kind was created and deleted, and first used a disk, in resource versions."""

    def __init__(self, api: Api, kind: str) -> None:
        super().__init__(daemon=True)
        self.created: dict[tuple[str, str], int] = {}
        self.deleted: set[tuple[str, str]] = set()
        self._uses: dict[tuple[str, str, str], int] = {}
        self._events = api.watched(kind, api.version(kind))

    def uses(self, namespace: str, name: str, disk: str) -> int:
        """When a VM first had a disk; 0 if it never had it."""
        return self._uses.get((namespace, name, disk), 0)

    def run(self) -> None:
        """Until the server ends."""
        try:
            for event in self._events:
                metadata: Any = event["object"]["metadata"]
                place = metadata["namespace"], metadata["name"]
                for disk in event["object"]["spec"].get("disks", ()):
                    self._uses.setdefault((*place, disk), int(metadata["resourceVersion"]))
                if event["type"] == "ADDED":
                    self.created.setdefault(place, int(metadata["resourceVersion"]))
                elif event["type"] == "DELETED":
                    self.deleted.add(place)
        except (OSError, ValueError):
            return
