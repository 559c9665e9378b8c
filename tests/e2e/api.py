"""The API server, asked over HTTPS on loopback, and the definitions of what it holds."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
TOKEN = "end-to-end"
MERGE = "application/merge-patch+json"
# Where each kind is found below /apis or /api.
PATHS = {
    "VMDisk": ("apis/apps.cozystack.io/v1alpha1", "vmdisks"),
    "VMInstance": ("apis/apps.cozystack.io/v1alpha1", "vminstances"),
    "Application": ("apis/argoproj.io/v1alpha1", "applications"),
    "ApplicationSet": ("apis/argoproj.io/v1alpha1", "applicationsets"),
    "AppProject": ("apis/argoproj.io/v1alpha1", "appprojects"),
    "Kustomization": ("apis/kustomize.toolkit.fluxcd.io/v1", "kustomizations"),
    "GitRepository": ("apis/source.toolkit.fluxcd.io/v1", "gitrepositories"),
    "CustomResourceDefinition": ("apis/apiextensions.k8s.io/v1", "customresourcedefinitions"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Secret": ("api/v1", "secrets"),
    "Namespace": ("api/v1", "namespaces"),
}


class Api:
    """A client of the API server."""

    def __init__(self, port: int) -> None:
        self.server = f"https://127.0.0.1:{port}"
        self._trust = ssl._create_unverified_context()

    def request(self, method: str, path: str, body: Object | None = None, content_type: str = "application/json") -> Any:
        """An answer of the server; None where what is asked for is not there."""
        with self._open(method, path, body, content_type) as answer:
            return None if answer is None else json.load(answer)

    def ready(self) -> bool:
        """Whether the server answers."""
        try:
            self.request("GET", "api/v1/namespaces/default")
        except (OSError, AssertionError):
            return False
        return True

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """An object, or None."""
        found: Object | None = self.request("GET", _path(kind, namespace, name))
        return found

    def all(self, kind: str, namespace: str = "") -> list[Object]:
        """The objects of a kind."""
        found: list[Object] = self.request("GET", _path(kind, namespace))["items"]
        return found

    def create(self, document: Object) -> None:
        """Create an object."""
        namespace = document["metadata"].get("namespace", "")
        self.request("POST", _path(document["kind"], namespace), document)

    def merge(self, kind: str, name: str, namespace: str, patch: Object, below: str = "") -> None:
        """Patch an object, or what is below it (`/status`)."""
        self.request("PATCH", _path(kind, namespace, name) + below, patch, MERGE)

    def delete(self, kind: str, name: str, namespace: str) -> None:
        """Delete an object."""
        self.request("DELETE", _path(kind, namespace, name))

    def serves(self, kind: str) -> bool:
        """Whether objects of a kind can be listed: not so in the first moments after its definition."""
        try:
            return self.version(kind) != ""
        except AssertionError:
            return False

    def version(self, kind: str) -> str:
        """The resource version of the whole of a kind."""
        found: str = self.request("GET", _path(kind, ""))["metadata"]["resourceVersion"]
        return found

    def watched(self, kind: str, start: str) -> Iterator[Object]:
        """The events of a kind since a resource version, until the connection is cut."""
        with self._open("GET", f"{_path(kind, '')}?watch=true&resourceVersion={start}", None, "") as lines:
            for line in lines:
                yield json.loads(line)

    def _open(self, method: str, path: str, body: Object | None, content_type: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type}
        request = urllib.request.Request(f"{self.server}/{path}", data, headers, method=method)
        try:
            return urllib.request.urlopen(request, context=self._trust)
        except urllib.error.HTTPError as error:
            if error.code == 404 and method == "GET":
                return _Nothing()
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:400]}") from None


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


def _path(kind: str, namespace: str, name: str = "") -> str:
    group, plural = PATHS[kind]
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{group}{within}/{plural}" + (f"/{name}" if name else "")


def documents(path: Path) -> list[Object]:
    """The objects of a YAML file."""
    return [found for found in yaml.safe_load_all(path.read_text(encoding="utf-8")) if found]


def definition(kind: str, schema: Mapping[str, Any]) -> Object:
    """The CustomResourceDefinition of a platform's kind, from the schema that vmgen holds its manifests to."""
    group, plural = PATHS[kind]
    _, name, version = group.split("/")
    fields = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    shape = {"type": "object", "properties": {**fields, "spec": _structural(schema["properties"]["spec"]), "status": status}}
    return crd(name, plural, kind, version, shape)


def crd(group: str, plural: str, kind: str, version: str, shape: Object, *, status: bool = False) -> Object:
    """A CustomResourceDefinition of one version."""
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": shape}}
    served |= {"subresources": {"status": {}}} if status else {}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served]},
    }


def _structural(schema: Any) -> Any:
    """JSON Schema as the API server takes it: it drops unknown fields by itself, and knows neither const nor these others."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("additionalProperties", "uniqueItems", "const", "title")}
    if isinstance(kept.get("type"), list):  # a number or a text, whose pattern looks ahead, which Go cannot
        kept = {key: value for key, value in kept.items() if key not in ("type", "pattern", "minimum")}
        kept["x-kubernetes-int-or-string"] = True
    if "const" in schema:
        kept |= {"type": "string", "enum": [schema["const"]]}
    if "enum" in kept:
        kept.setdefault("type", "string")
    if isinstance(schema.get("additionalProperties"), dict):
        kept["additionalProperties"] = _structural(schema["additionalProperties"])
    if "properties" in kept:
        kept["properties"] = {name: _structural(value) for name, value in kept["properties"].items()}
    return {**kept, "items": _structural(kept["items"])} if "items" in kept else kept
