"""The two ways through a repository: out by rendering an environment, and back by importing what was rendered."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmgen.importer.run import ImportRequest, ImportResult, import_manifests
from vmgen.read.repository import Project
from vmgen.renderer import Renderer


def _render(project: Project, text: str, name: str = "source") -> dict[str, str]:
    renderer = Renderer(project, verify_all=True)
    renderer.layer_loader.override_text(project.environments / f"{name}.yaml", text.encode())
    rendered = renderer.render(name)
    assert rendered.fleet is not None, [str(problem) for problem in rendered.problems]
    objects = {}
    for path, content in rendered.files.items():
        folder, file = path.split("/")[1], Path(path).name
        if folder in ("disks", "vms") and file != "kustomization.yaml":
            objects[f"{folder}/{file}"] = content.decode().partition("\n")[2]
    return objects


def _import(project: Project, text: str, **arguments: Any) -> ImportResult:
    return import_manifests(project, ImportRequest(("-",), **arguments), io.BytesIO(text.encode()))


@pytest.fixture(scope="session")
def render_text() -> Callable[..., dict[str, str]]:
    """Renders the text of an environment: each object by its folder and file, without the line that says what made it."""
    return _render


@pytest.fixture(scope="session")
def import_text() -> Callable[..., ImportResult]:
    """Imports manifests as if they came in on standard input."""
    return _import
