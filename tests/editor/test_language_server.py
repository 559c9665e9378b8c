"""The schema with values in it: what an editor completes and marks, by yaml-language-server, and how it is kept fresh."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vmgen.read.schema import Schema

TEXT = "namespace: tenant-a\nvms: {web: {image: ubuntu-2404, instanceType: u1.large}}\n"
HEAD = "# yaml-language-server: $schema=../schema/environment.values.schema.json\nnamespace: tenant-a\nvms:\n  web:\n"
SERVER = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")


def schema_of(made: Any) -> Schema:
    """The schema that `vmgen schema --values` prints, compiled."""
    done = made.run("schema", "--values")
    assert done.code == 0, done.messages
    return Schema(json.loads(done.stdout))


def environment(**keys: Any) -> dict[str, Any]:
    """An environment with one group, as data."""
    return {"namespace": "tenant-a", "vms": {"web": keys}}


@pytest.mark.parametrize(
    ("keys", "right"),
    [
        ({"instanceType": "u1.large"}, True),
        ({"instanceType": "u1.larg"}, False),
        ({"image": "ubuntu-2404", "disks": {"data": {"image": "debian-12"}}}, True),
        ({"image": "ubuntu-2405"}, False),
        ({"disks": {"data": {"storageClass": "locl"}}}, False),
        ({"storageClass": None, "instanceProfile": "ubuntu"}, True),
        ({"instanceProfile": "ubunt"}, False),
        ({"cloudInit": {"packages": ["nginx"]}}, True),
        ({"cloudInit": {"package_updat": True}}, False),
        ({"cloudInit": {"template": "web.yaml.j2"}}, True),
        ({"cloudInit": {"merge": ["base.yaml"]}}, True),
        ({"cloudInit": "#cloud-config\n"}, True),
    ],
)
def test_values(repository: Callable, keys: dict[str, Any], right: bool) -> None:
    """Values of the catalog are right and others are not; below `cloudInit:` what cloud-init takes is right."""
    assert (schema_of(repository(TEXT)).find_errors(environment(**keys)) == []) is right


def test_values_of_the_repository(repository: Callable) -> None:
    """What `_catalog.yaml` adds is known, and what only another platform has is not."""
    catalog = "images: {golden-1: {os: debian, minStorage: 5Gi, profile: debian}}\n"
    made = repository(TEXT, {"environments/_catalog.yaml": catalog})
    assert schema_of(made).find_errors(environment(image="golden-1")) == []
    assert schema_of(made).find_errors(environment(image="ubuntu-20.04")) != []
    cozystack = repository("platform: cozystack\n" + TEXT)
    assert schema_of(cozystack).find_errors(environment(image="ubuntu-20.04")) == []


def test_kept_fresh(tmp_path: Path, vmgen: Callable) -> None:
    """`render` writes the schema anew where there is one, `check` says that it is stale, and a link is left alone."""
    vmgen("init", str(tmp_path), "--namespace", "tenant-a")
    path = tmp_path / "schema/environment.values.schema.json"
    right = path.read_text()
    vmgen("-C", str(tmp_path), "render")
    assert path.read_text() == right
    path.write_text("{}")
    done = vmgen("-C", str(tmp_path), "check", "--kustomize", "off")
    assert (done.code, "[stale-schema]" in done.messages) == (0, True)
    assert "updated for editors" in vmgen("-C", str(tmp_path), "render").messages
    assert path.read_text() == right
    path.unlink()
    vmgen("-C", str(tmp_path), "render")
    assert not path.exists()
    (tmp_path / "other").write_text("{}")
    path.symlink_to("../other")
    vmgen("-C", str(tmp_path), "render")
    assert (tmp_path / "other").read_text() == "{}"


class Server:
    """A yaml-language-server that speaks LSP over its standard streams."""

    def __init__(self, program: str, root: Path) -> None:
        self.root = root
        self._number = 0
        self.process = subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.request("initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": {}})
        self._send({"method": "initialized", "params": {}})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        stream = self.process.stdout
        assert stream
        length = 0
        while line := stream.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(stream.read(length))
        if "id" in message and "method" in message:  # it asks for settings and the like
            items = message["params"].get("items", []) if isinstance(message.get("params"), dict) else []
            self._send({"id": message["id"], "result": [None for _ in items] or None})
        return message

    def request(self, method: str, params: Any) -> Any:
        """The result of a request."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self._number and "method" not in message:
                return message.get("result")

    def open(self, name: str, text: str) -> list[dict[str, Any]]:
        """Open a file, and return what is marked in it."""
        uri = (self.root / name).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        while True:
            message = self._receive()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def complete(self, name: str, line: int, character: int) -> set[str]:
        """What is offered at a position."""
        place = {"textDocument": {"uri": (self.root / name).as_uri()}, "position": {"line": line, "character": character}}
        result = self.request("textDocument/completion", place) or []
        return {item["label"].strip() for item in (result if isinstance(result, list) else result["items"])}


@pytest.fixture(name="server")
def _server(tmp_path: Path, vmgen: Callable) -> Iterator[Server]:
    """A server in a repository that init made."""
    if not SERVER:
        pytest.skip("yaml-language-server is not installed")
    vmgen("init", str(tmp_path), "--namespace", "tenant-a")
    server = Server(SERVER, tmp_path)
    yield server
    server.process.kill()
    server.process.wait()


@pytest.mark.slow
def test_the_editor_completes_values(server: Server, vmgen: Callable) -> None:
    """At `instanceType:` all types of the platform are offered, and below `cloudInit:` the keys of cloud-init."""
    rows = json.loads(vmgen("catalog", "types", "-o", "json").stdout)
    server.open("environments/a.yaml", HEAD + "    instanceType: \n")
    offered = server.complete("environments/a.yaml", 4, 18)
    assert {row["instanceType"] for row in rows} <= offered
    server.open("environments/b.yaml", HEAD + "    cloudInit:\n      pack\n")
    assert {"packages", "package_update"} <= server.complete("environments/b.yaml", 5, 10)


@pytest.mark.slow
@pytest.mark.parametrize("line", ["instanceType: u1.larg", "image: ubuntu-2405", "cloudInit: {package_updat: true}"])
def test_the_editor_marks_a_mistake(server: Server, line: str) -> None:
    """A value that is none gets a squiggle at its line; one that is right gets none."""
    marked = server.open("environments/a.yaml", f"{HEAD}    {line}\n")
    assert {mark["range"]["start"]["line"] for mark in marked} == {4}
    assert server.open("environments/b.yaml", HEAD + "    instanceType: u1.large\n    image: ubuntu-2404\n") == []
