"""An environment written as YAML text, read and merged as in a run, and what the rules find in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from vmgen.check.rule import is_policy_set, run_rules
from vmgen.check.rules import RULES
from vmgen.merge.environment import Environment, merge_environment
from vmgen.merge.layers import load_layers
from vmgen.merge.platform import PlatformLoader
from vmgen.problems import Problem, ProblemsError, sort_problems
from vmgen.read.layer_file import LayerLoader
from vmgen.read.repository import open_project
from vmgen.render.policies import ADVICE_IDS

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
        layers = load_layers("production", LayerLoader(project))
        loader = PlatformLoader(project)
        try:
            platform = loader.load_written(layers.content)
        except ProblemsError:  # which another test looks at
            platform = loader.load("hikube")
        return merge_environment(layers, platform), layers.problems

    return read


@pytest.fixture(name="find")
def _find(read: Read) -> Find:
    """Write an environment, which has to have the right shape, and return what the rules say; advice if `policy:` names it."""

    def find(text: str, files: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
        merged, problems = read(text, files)
        assert not problems
        found = sort_problems(run_rules(RULES, merged))
        # Few environments of tests name a version; those that are about it say so.
        advice = ADVICE_IDS if "# no version" in text else (*ADVICE_IDS, "platform-version-not-written")
        return tuple(each for each in found if each.rule not in advice or is_policy_set(merged, each.rule))

    return find
