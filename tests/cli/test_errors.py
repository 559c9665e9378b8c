"""Exit codes: what a command answers and what it raises, each with its message, and never a traceback but for a bug."""

from __future__ import annotations

import re
from collections.abc import Callable

import click
import pytest

from vmgen.cli.errors import BUG, FAILED, INTERRUPTED, OK, REFUSED, exit_code
from vmgen.problems import Place, Problem, ProblemsError, VmgenError

GOOD = "namespace: tenant-acme\nvms: {web: {instanceType: u1.large, image: debian-12}}\n"


@pytest.mark.parametrize(("answer", "code"), [(None, OK), (True, OK), (0, OK), (False, REFUSED)])
def test_answers(answer: object, code: int) -> None:
    """Only a plain no is refused; a command that returns nothing is done."""
    assert exit_code(lambda: answer) == code


def test_exit_codes_are_a_contract() -> None:
    """Scripts depend on these numbers."""
    assert (OK, REFUSED, FAILED, BUG, INTERRUPTED) == (0, 1, 2, 70, 130)


ERRORS: dict[str, tuple[BaseException, int, str]] = {
    "what could not be done": (VmgenError("no engine"), FAILED, "vmgen: no engine\n"),
    "what was refused": (ProblemsError((Problem(Place("a", 1, 2), "r", "k", "m"),)), REFUSED, "a:1:2: error: k: m [r]\n"),
    "what the system refused": (
        PermissionError(13, "Permission denied", "a/b"),
        FAILED,
        "vmgen: a/b: Permission denied; change the permissions, and run it again\n",
    ),
    "a file named in bytes": (FileNotFoundError(2, "No such file", b"a"), FAILED, "vmgen: a: No such file\n"),
    "what has no file": (
        OSError(28, "No space left on device"),
        FAILED,
        "vmgen: No space left on device; free some space, and run it again\n",
    ),
    "a reader that went away": (BrokenPipeError(32, "Broken pipe"), REFUSED, ""),
    "Ctrl-C": (KeyboardInterrupt(), INTERRUPTED, "\n"),
    "Ctrl-C at a question": (click.Abort(), INTERRUPTED, ""),
}


@pytest.mark.parametrize(("error", "code", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(repository: Callable, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str) -> None:
    """Each known error is its line and its exit code, and no traceback."""
    done = run_failing(repository, monkeypatch, error)
    assert (done.code, done.messages) == (code, message)


def run_failing(repository: Callable, monkeypatch: pytest.MonkeyPatch, error: BaseException):
    """Run a render that raises an error."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("vmgen.pipeline.evaluate", fail)
    return repository(GOOD).run("render")


def test_a_bug(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw says that it is a bug, with versions, the traceback, and where to send it."""
    done = run_failing(repository, monkeypatch, KeyError("nobody foresaw this"))
    assert done.code == BUG
    first, *lines = done.messages.splitlines()
    assert first == "vmgen: this is a bug in vmgen."
    assert [line for line in lines if re.fullmatch(r"vmgen [\d.]+\S*, Python 3\.\d+\.\d+\S*, .+", line)]
    assert [line for line in lines if re.fullmatch(r"click \S+, jinja2 \S+, jsonschema-rs \S+, pyyaml \S+", line)]
    assert lines[-1] == "KeyError: 'nobody foresaw this'"
    assert any("Please report it" in line for line in lines)


def test_a_bug_keeps_secrets(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like a secret in the words of an error is redacted."""
    done = run_failing(repository, monkeypatch, ValueError("password: hunter2hunter2"))
    assert (done.code, "hunter2" in done.messages) == (BUG, False)


def test_a_usage_error(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong option is click's own message, with the usage of the command above it."""
    done = run_failing(repository, monkeypatch, click.UsageError("not so"))
    first, *_, last = done.messages.splitlines()
    assert (done.code, first, last) == (FAILED, "Usage: vmgen render [OPTIONS] [ENV]...", "Error: not so")


def test_a_terminal_of_few_letters(repository: Callable) -> None:
    """An encoding that lacks a letter costs the letter, not the run."""
    made = repository("namespace: tenant-a\nlabels: {a: ü}\nvms: {web: {image: ubuntu-2404, instanceType: u1.large}}\n")
    done = made.process("list", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, b"Traceback" in done.stderr) == (REFUSED, False), done.stderr
