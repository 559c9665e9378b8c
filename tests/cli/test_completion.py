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


TEXT = "namespace: tenant-a\nvms: {web: {image: ubuntu-2404, instanceType: u1.large}}\n"


def ask(typed: str, folder: Path) -> set[str]:
    """What bash offers at the end of a line."""
    asked = {"_VMGEN_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "generator"), **asked}
    done = subprocess.run([sys.executable, "-m", "vmgen"], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    return {line.split(",")[1] for line in done.stdout.splitlines() if line}


@pytest.fixture(name="root")
def _root(repository: Callable) -> Path:
    """A repository of two environments and one commit."""
    root: Path = repository(TEXT, {"environments/staging.yaml": TEXT.replace("tenant-a", "tenant-b").replace("web", "db")}).root
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    return root


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("vmgen ", set(COMMANDS)),
        ("vmgen pl", {"plan", "platform"}),
        ("vmgen render ", {"production", "staging"}),
        ("vmgen render --st", {"--stdout"}),
        ("vmgen completion ", {"bash", "zsh", "fish"}),
        ("vmgen explain ", {"production", "staging"}),
        ("vmgen explain staging ", {"db", "db-system"}),
        ("vmgen list --group ", {"web", "db"}),
        ("vmgen plan --against ", {"HEAD", "main", "v1"}),
        ("vmgen catalog --platform ", {"hikube", "cozystack"}),
        ("vmgen help sch", {"schema"}),
        ("vmgen rule unknown-im", {"unknown-image"}),
    ],
)
def test_offers(typed: str, offered: set[str], root: Path) -> None:
    """Commands, options, environments, objects, groups, refs, platforms and rules are offered."""
    assert ask(typed, root) == offered


def test_offers_of_another_folder(root: Path, tmp_path: Path) -> None:
    """`-C` says whose environments and objects are offered, and a folder below the root is as good as the root."""
    assert ask(f"vmgen -C {root} render ", tmp_path) == {"production", "staging"}
    assert ask(f"vmgen -C {root} explain production ", tmp_path) == {"web", "web-system"}
    assert ask("vmgen render ", root / "environments") == {"production", "staging"}
    assert ask("vmgen render ", tmp_path) == set()


def test_fish_keeps_a_description_whole(vmgen: Callable) -> None:
    """An option's help may hold a comma; the value before the first one is all that is split off."""
    assert 'string split --max 1 "," $completion' in vmgen("completion", "fish").stdout
