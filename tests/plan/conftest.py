"""Repositories with a real history, for what is compared with a commit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WEB = """\
namespace: tenant-acme
vms:
  web:
    count: 3
    instanceType: u1.large
    image: ubuntu-2404
    disks:
      data: 50Gi
"""


@dataclass(frozen=True)
class History:
    """A repository under git; `vmgen` runs the command line in it, and `folder` is where the environments are."""

    repository: Any
    root: Path

    def git(self, *arguments: str) -> str:
        """Run git in the repository, by no configuration but its own."""
        own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        own |= {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env={**os.environ, **own}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self) -> None:
        """Commit all that there is."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")

    def write(self, **environments: str) -> None:
        """Write environments by their names."""
        self.repository.write({f"environments/{name}.yaml": text for name, text in environments.items()})

    def at(self, folder: Path) -> History:
        """Another repository, in a folder that there is."""
        return History(type(self.repository)(folder), folder)

    def cloned(self, target: Path, *options: str) -> History:
        """A clone of the repository."""
        self.git("config", "uploadpack.allowFilter", "true")
        self.git("clone", "--quiet", *options, f"file://{self.root}", str(target))
        return self.at(target)

    def vmgen(self, *arguments: str) -> Any:
        """Run `vmgen …`."""
        return self.repository.run(*arguments)

    def text(self, name: str = "production") -> str:
        """An environment as it is written."""
        return (self.repository.root / "environments" / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.fixture(name="new_history")
def _new_history(new_repository: Callable[..., Any]) -> Callable[..., History]:
    """Makes a repository under git; with `below`, the environments are in a folder of it."""

    def made(environments: Mapping[str, str], *, below: str = "", options: tuple[str, ...] = ()) -> History:
        repository = new_repository()
        root = repository.root
        if below:
            repository = type(repository)(root / below)
            (repository.root / "environments").mkdir(parents=True)
        history = History(repository, root)
        history.git("init", "--quiet", "--initial-branch=main", *options)
        history.write(**environments)
        return history

    return made


@pytest.fixture(name="committed")
def _committed(new_history: Callable[..., History]) -> Callable[..., History]:
    """Makes a repository under git whose environments are rendered and committed on main."""

    def made(production: str = WEB, **more: Any) -> History:
        environments = {"production": production, **more.pop("environments", {})}
        layers = {f"layers/{name}": text for name, text in more.pop("layers", {}).items()}
        history = new_history({**environments, **layers}, **more)
        done = history.vmgen("render")
        assert done.code == 0, done.messages
        history.commit()
        return history

    return made
