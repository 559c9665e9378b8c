"""An environment written as YAML text, read and merged as in a run, and what the rules find in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from vmgen.check.rule import run
from vmgen.check.rules import RULES
from vmgen.merge.environment import Environment, environment
from vmgen.merge.layers import layered
from vmgen.problems import Problem, in_order
from vmgen.read.layer_file import Files
from vmgen.read.platform import Platforms
from vmgen.read.project import open_project

Read = Callable[..., tuple[Environment, tuple[Problem, ...]]]
Find = Callable[..., tuple[Problem, ...]]


@pytest.fixture(name="read")
def _read(tmp_path: Path) -> Read:
    """Write `production.yaml` (and other files beside it), and read the environment with the reader's own problems."""

    def read(text: str, files: Mapping[str, str] | None = None) -> tuple[Environment, tuple[Problem, ...]]:
        for name, content in {"production.yaml": text, **(files or {})}.items():
            path = tmp_path / "environments" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        project = open_project(tmp_path)
        layers = layered("production", Files(project))
        written = layers.content.value("platform")
        platform = written if written in project.platforms else "hikube"
        return environment(layers, Platforms(project).named(platform)), layers.problems

    return read


@pytest.fixture(name="find")
def _find(read: Read) -> Find:
    """Write an environment, which has to have the right shape, and return what the rules find."""

    def find(text: str, files: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
        merged, problems = read(text, files)
        assert not problems
        return in_order(run(RULES, merged))

    return find
