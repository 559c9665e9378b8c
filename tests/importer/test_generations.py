"""Disks of other generations are recognised by their names, and written below `previous:` of the VMs that have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CASE = Path(__file__).parents[1] / "cases/generations/expected"


@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
def test_detached_disks_are_previous(platform: str, new_repository: Callable[..., Any]) -> None:
    """A detached `web-1-system` beside `web-1-system-2` is the generation before; the render has the same objects."""
    repository = new_repository()
    kept = ("kustomization.yaml", "name-reference.yaml")
    paths = sorted(str(path) for path in (CASE / platform).rglob("*.yaml") if path.name not in kept)
    done = repository.run("import", "--platform", platform, *paths)
    assert done.code == 0, done.messages
    assert "24 objects: 24 equal" in done.messages
    text = next((repository.root / "environments").glob("tenant-*.yaml")).read_text(encoding="utf-8")
    assert "previous: {1: {image: ubuntu-22" in text
    assert "web-3-system" not in text
    assert text.count("system: 2") == 3
