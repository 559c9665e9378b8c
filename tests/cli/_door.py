"""What a user meets at the edges: a bug says that it is one, and nothing that a user can do ends in a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from vmgen.cli import catalog
from vmgen.cli.app import COMMANDS


@pytest.fixture(name="failing")
def _failing(monkeypatch: pytest.MonkeyPatch, repository: Callable) -> Callable:
    """Makes `vmgen catalog` fail with an error, and runs it."""

    def run(error: BaseException):
        def fail(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(catalog.command, "callback", fail)
        return repository("").run("catalog")

    return run


def test_a_bug(failing: Callable) -> None:
    """An error that nobody foresaw says that it is a bug, with versions, the traceback, and where to send it; exit code 70."""
    done = failing(KeyError("nobody foresaw this"))
    assert done.code == 70
    first, *lines = done.messages.splitlines()
    assert first == "vmgen: this is a bug in vmgen."
    assert [line for line in lines if re.fullmatch(r"vmgen [\d.]+\S*, Python 3\.\d+\.\d+\S*, .+", line)]
    assert [line for line in lines if re.fullmatch(r"click \S+, jinja2 \S+, jsonschema-rs \S+, pyyaml \S+", line)]
    assert lines[-1] == "KeyError: 'nobody foresaw this'"
    assert any("Please report it" in line for line in lines)


def test_a_bug_keeps_secrets(failing: Callable) -> None:
    """What looks like a secret in the words of an error is masked."""
    done = failing(ValueError("password: hunter2hunter2"))
    assert (done.code, "hunter2" in done.messages) == (70, False)


def test_a_usage_error(failing: Callable) -> None:
    """A wrong option is click's own message, and exit code 2."""
    done = failing(click.UsageError("not so"))
    assert (done.code, done.messages.splitlines()[-1]) == (2, "Error: not so")


def test_the_folder_is_gone(tmp_path: Path) -> None:
    """A working folder that somebody removed is no traceback."""
    command = f'mkdir gone && cd gone && rmdir ../gone && exec "{sys.executable}" -m vmgen list'
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=process_env(), capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr


def test_the_reader_went_away(repository: Callable) -> None:
    """`vmgen … | head` ends without a word."""
    root = repository("namespace: tenant-a\n").root
    command = f'"{sys.executable}" -m vmgen schema | head -n 1'
    done = subprocess.run(["bash", "-c", command], cwd=root, env=process_env(), capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_a_terminal_of_few_letters(repository: Callable) -> None:
    """An encoding that lacks a letter costs the letter, not the run."""
    made = repository("namespace: tenant-a\nlabels: {a: ü}\nvms: {web: {image: ubuntu-2404, instanceType: u1.large}}\n")
    done = made.process("list", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False), done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name: str, vmgen: Callable) -> None:
    """Each command has help, with an example, and its short help is that of the overview."""
    done = vmgen(name, "--help")
    assert (done.code, done.messages) == (0, "")
    assert "Example:" in done.stdout
    assert COMMANDS[name] in vmgen("--help").stdout.replace("\n" + " " * 14, " ")


def process_env() -> dict[str, str]:
    """The environment of a process that finds this checkout."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "generator")}
