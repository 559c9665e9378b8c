"""The one door through which errors leave: what a run answers when something unforeseen happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from vmgen.cli import errors as door
from vmgen.problems import Place, Problem, ProblemsError, VmgenError

GOOD = "namespace: tenant-acme\nvms: {web: {instanceType: u1.large, image: debian-12}}\n"
ENDS: dict[str, tuple[BaseException, int, str]] = {
    "what could not be done": (VmgenError("no engine"), 2, "vmgen: no engine\n"),
    "what was refused": (ProblemsError((Problem(Place("a", 1, 2), "r", "k", "m"),)), 1, "a:1:2: error: k: m [r]\n"),
    "what the system refused": (PermissionError(13, "Permission denied", "a/b"), 2, "vmgen: a/b: Permission denied\n"),
    "what the system refused without a name": (OSError(28, "No space left on device"), 2, "vmgen: No space left on device\n"),
    "Ctrl-C": (KeyboardInterrupt(), 130, "\n"),
}


@pytest.mark.parametrize(("error", "code", "message"), ENDS.values(), ids=ENDS)
def test_known_ends(
    repository: Callable, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    """Each known error is its line and its exit code, and no traceback."""

    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("vmgen.pipeline.evaluate", fail)
    done = repository(GOOD).run("render")
    assert (done.code, done.messages) == (code, message)


def test_a_bug_says_so(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug keeps its traceback, says that it is one, and has an exit code of its own."""

    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("vmgen.pipeline.evaluate", fail)
    done = repository(GOOD).run("render")
    assert done.code == door.EXIT_BUG
    assert "this is a bug in vmgen" in done.messages
    assert "ZeroDivisionError: a bug" in done.messages


def test_start_up_is_light() -> None:
    """Neither the YAML parser, nor Jinja2, nor the validator is loaded before a command needs it."""
    heavy = ("yaml", "jinja2", "jsonschema_rs", "asyncio", "difflib")
    code = f"import sys, vmgen.cli.app; print([name for name in {heavy} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout == b"[]\n"
