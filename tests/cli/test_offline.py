"""No command opens a network connection, and progress is for terminals only."""

from __future__ import annotations

import io
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from vmgen.cli import session as progress
from vmgen.cli.app import COMMANDS
from vmgen.cli.session import Progress

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
# How each command is run; one that is not here is new, and has to be added.
RUNS = {
    "init": ("init", "made", "--namespace", "tenant-acme"),
    "render": ("render",),
    "plan": ("plan",),
    "check": ("check",),
    "list": ("list",),
    "import": ("import", "manifests/production/vms/web/web-1.yaml"),
    "explain": ("explain", "production", "web-1"),
    "impact": ("impact", "environments/production.yaml"),
    "report": ("report",),
    "catalog": ("catalog",),
    "schema": ("schema",),
    "function": ("function",),
    "template": ("template",),
    "completion": ("completion", "bash"),
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
    found = repository(WEB)
    assert found.run("render").code == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RESOURCES.encode()), encoding="utf-8"))
    done = found.run(*RUNS[command])
    assert done.code in (0, 1), done.messages
    assert not no_network


def test_progress_is_silent_away_from_a_terminal(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe or a log there is nothing to rewrite, so nothing is written."""
    monkeypatch.setattr(progress, "_DELAY_SECONDS", 0.0)
    with Progress("rendering", 2) as told:
        told("one")
        time.sleep(0.01)
    assert capfd.readouterr().err == ""


class Terminal:
    """A stderr that says it is a terminal, and writes to the real one's descriptor."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


@pytest.mark.parametrize(("first", "shown"), [(0.0, True), (60.0, False)])
def test_progress_shows_on_a_terminal_when_the_work_is_long(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, first: float, shown: bool
) -> None:
    """Long work shows how far it has come in one line, which goes when it ends; short work shows nothing."""
    monkeypatch.setattr(progress, "_DELAY_SECONDS", first)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress("rendering", 12) as told:
        told("one")
        for _ in range(200 if shown else 1):
            time.sleep(0.005)
            written = capfd.readouterr().err
            if "rendering 1/12, 0 s" in written:
                break
    assert ("rendering 1/12, 0 s" in written) is shown
    assert capfd.readouterr().err == ("\r\x1b[K" if shown else "")
