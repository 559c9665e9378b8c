"""The help of the first commands is enough for the tutorial: each has an example that runs, and fits a narrow terminal."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.cli.app import COMMANDS

FIRST_COMMANDS = ("init", "render", "plan", "check")


def example(vmgen: Callable, name: str) -> list[str]:
    """The words of a command's example after `vmgen`."""
    line = next(line for line in vmgen(name, "--help").stdout.splitlines() if line.startswith("  Example: vmgen "))
    return shlex.split(line)[2:]


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_80_columns(name: str, monkeypatch: pytest.MonkeyPatch, vmgen: Callable) -> None:
    """No line of a help has more than 80 characters on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = vmgen(*filter(None, (name, "--help"))).stdout.splitlines()
    assert [line for line in lines if len(line) > 80] == []


def test_examples_of_the_first_commands_run(
    tmp_path: Path, vmgen: Callable, engine: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The examples of init, render, plan and check, one after the other, succeed in an empty folder."""
    assert engine  # check needs one
    monkeypatch.chdir(tmp_path)
    assert vmgen(*example(vmgen, "init")).code == 0
    monkeypatch.chdir(tmp_path / "shop")
    assert vmgen(*example(vmgen, "render")).code == 0
    identity = ("-c", "user.name=writer", "-c", "user.email=writer@example.com")
    subprocess.run(["git", "checkout", "--quiet", "-B", "main"], check=True)
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", *identity, "commit", "--quiet", "--message", "Two web servers"], check=True)
    Path("environments/production.yaml").write_text(
        Path("environments/production.yaml").read_text(encoding="utf-8").replace("count: 2", "count: 3"), encoding="utf-8"
    )
    planned = vmgen(*example(vmgen, "plan"))
    assert (planned.code, "VMInstance web-3" in planned.stdout) == (0, True)
    assert vmgen(*example(vmgen, "render")).code == 0
    subprocess.run(["git", "add", "."], check=True)
    checked = vmgen(*example(vmgen, "check"))
    assert checked.code == 0, checked.messages


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("init", ["GitOps repository", "--ssh-key", "--ci", "--argocd", "--flux", "never overwritten"]),
        ("render", ["environments/", "manifests/", "retire:", "commit", "--check", "--watch"]),
        ("plan", ["DESTROYS DATA", "needs restart", "--against", "markdown"]),
        ("check", ["CI", "drift", "data loss", "--against", "github"]),
    ],
)
def test_help_names_what_the_tutorial_needs(name: str, words: list[str], vmgen: Callable) -> None:
    """The help of a command names the tasks that the tutorial solves with it."""
    text = " ".join(vmgen(name, "--help").stdout.split())
    assert [word for word in words if word not in text] == []
