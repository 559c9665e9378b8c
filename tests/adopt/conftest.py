"""A repository for imports, and environments for them to be made from."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.adopt.run import Adoption, Request, adopted
from generator.pipeline import Workshop
from generator.read.project import Project


class Repository:
    """A folder with environments, and the two ways through it: out by rendering, and back by importing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "environments").mkdir()
        self.project = Project(root)

    def write(self, name: str, text: str) -> Path:
        """A file of the repository."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def rendered(self, text: str, name: str = "source") -> dict[str, str]:
        """The objects of an environment, by kind and name, without the line that says what made them."""
        workshop = Workshop(self.project, verify_all=True)
        workshop.files.suppose(self.project.environments / f"{name}.yaml", text.encode())
        done = workshop.rendered(name)
        assert done.fleet is not None, [str(problem) for problem in done.problems]
        found = {}
        for path, content in done.files.items():
            folder, _, file = path.partition("/")[2].partition("/")
            if folder and not file.endswith("kustomization.yaml") and file:
                found[f"{folder}/{Path(file).stem}"] = content.decode().partition("\n")[2]
        return found

    def imported(self, text: str, **asked: Any) -> Adoption:
        """What import makes of manifests that come in on standard input."""
        return adopted(self.project, Request(("-",), **asked), io.BytesIO(text.encode()))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty repository."""
    return Repository(tmp_path)


@pytest.fixture(scope="session")
def new_repository(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Repository]:
    """Makes empty repositories, for tests that need one for each example."""
    return lambda: Repository(tmp_path_factory.mktemp("repository"))
