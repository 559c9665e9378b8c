"""No command opens a network connection."""

from __future__ import annotations

import io
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest

from vmgen.cli.app import COMMANDS

WEB = """\
namespace: tenant-acme
vms:
  web: {count: 2, instanceType: u1.large, image: ubuntu-2404}
"""
RESOURCES = """\
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig:
  apiVersion: vmgen/v1
  kind: Environment
  metadata: {name: production}
  spec: {namespace: tenant-acme}
"""
# The arguments of the commands that need some; the others are run without.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "init": ("new", "--namespace", "tenant-acme"),
    "import": ("manifests/production/vms/web/web-1.yaml",),
    "explain": ("production", "web-1"),
    "new": ("staging", "--namespace", "tenant-staging"),
    "scale": ("production", "web", "3"),
    "rebuild": ("production", "web", "--image", "debian-12"),
    "retire": ("production", "web-1-system", "--reason", "moved"),
    "impact": ("environments/production.yaml",),
    "completion": ("bash",),
    "platform": ("detect", "manifests/production/vms/web/web-1.yaml", "--platform", "hikube"),
    "status": ("manifests/production/vms/web/web-1.yaml",),
}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Makes every connection, and every look-up of a name, an error; what was tried is in the list."""
    tried: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        tried.append(arguments)
        raise AssertionError(f"a network connection: {arguments}")

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse, raising=False)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return tried


@pytest.mark.parametrize("command", COMMANDS)
def test_command_opens_no_connection(
    command: str, repository: Callable[..., Any], no_network: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command does its work with the network taken away."""
    made = repository(WEB)
    assert made.run("render").code == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RESOURCES.encode()), encoding="utf-8"))
    done = made.run(command, *ARGUMENTS.get(command, ()))
    assert done.code in (0, 1), done.messages
    assert not no_network
