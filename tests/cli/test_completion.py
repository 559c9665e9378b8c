"""`vmgen completion`: what the shells get, and what they complete with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.cli.app import COMMANDS

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script(shell: str, vmgen: Callable, tmp_path: Path) -> None:
    """Each shell gets a script that it can read, and that asks vmgen."""
    done = vmgen("completion", shell)
    assert (done.code, f"_VMGEN_COMPLETE={shell}_complete" in done.stdout) == (0, True)
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(done.stdout, encoding="utf-8")
        subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("vmgen ", set(COMMANDS)),
        ("vmgen pl", {"plan"}),
        ("vmgen render ", {"production", "staging"}),
        ("vmgen render --st", {"--stdout"}),
        ("vmgen completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_offers(typed: str, offered: set[str], tmp_path: Path) -> None:
    """Commands, options and the repository's environments are offered."""
    for name in ("production", "staging"):
        (tmp_path / "environments").mkdir(exist_ok=True)
        (tmp_path / "environments" / f"{name}.yaml").write_text("", encoding="utf-8")
    asked = {"_VMGEN_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "generator"), **asked}
    done = subprocess.run([sys.executable, "-m", "vmgen"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert {line.split(",")[1] for line in done.stdout.splitlines()} == offered, done.stderr
