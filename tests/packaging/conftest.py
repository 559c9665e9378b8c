"""The distributions that the tests of packaging install."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.packaging.distributions import CHECKOUT, run


@pytest.fixture(name="dist", scope="session")
def _dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both distributions, built from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", "--outdir", folder, CHECKOUT, cwd=folder)
    return folder


@pytest.fixture(name="wheel", scope="session")
def _wheel(dist: Path) -> Path:
    [wheel] = dist.glob("*.whl")
    return wheel
