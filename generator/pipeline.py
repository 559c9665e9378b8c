"""The way of the data, in one place: read, merge, check, expand, render, for each environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from generator.check.rule import run
from generator.check.rules import RULES
from generator.compare.changes import Changes, changes, emptied
from generator.expand.model import Fleet
from generator.expand.objects import fleet
from generator.merge.environment import Environment, environment
from generator.merge.layers import Layered, layered
from generator.problems import Problem, Refused, has_errors, in_order
from generator.read.layer_file import Files
from generator.read.platform import Platform, Platforms
from generator.read.project import Project
from generator.render.manifests import manifest_templates, tree
from generator.suggestions import did_you_mean

DEFAULT_PLATFORM = "hikube"


@dataclass(frozen=True, slots=True)
class Rendered:
    """One environment, rendered. What could not be made, for its problems, is None or empty."""

    name: str
    problems: tuple[Problem, ...]
    environment: Environment | None = field(default=None, repr=False)
    fleet: Fleet | None = field(default=None, repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


class Workshop:
    """What the environments of one run share: each file, platform and template is read once."""

    def __init__(self, project: Project, *, verify_all: bool = False) -> None:
        self.project = project
        self.verify_all = verify_all
        self.files = Files(project)
        self.platforms = Platforms(project)
        self.templates = manifest_templates(project)

    def rendered(self, name: str) -> Rendered:
        """An environment, all the way from its files to the bytes of its manifests."""
        problems: list[Problem] = []
        merged: Environment | None = None
        try:
            layers = layered(name, self.files)  # READ and MERGE
            problems.extend(layers.problems)
            merged = environment(layers, self._platform(layers))
            problems.extend(run(RULES, merged))  # CHECK
            if has_errors(tuple(problems)):
                return Rendered(name, in_order(problems), merged)
            expanded = fleet(merged)  # EXPAND
            wanted, wrong = tree(expanded, self.templates, verify_all=self.verify_all)  # RENDER, and read back
            return Rendered(name, in_order([*problems, *wrong]), merged, expanded, wanted.files)
        except Refused as refused:
            return Rendered(name, in_order([*problems, *refused.problems]), merged)

    def _platform(self, layers: Layered) -> Platform:
        written = layers.content.get("platform")
        name = written.data if written else DEFAULT_PLATFORM
        if written and name not in self.project.platforms:
            known = self.project.platforms
            hint = did_you_mean(str(name), known) or f"; there are: {', '.join(known)}"
            message = f"no platform '{name}'{hint}"
            raise Refused((Problem(written.place, "unknown-platform", "platform", message),))
        return self.platforms.named(name)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All environments of a run: what was rendered, how it differs from what is there, and everything wrong."""

    rendered: tuple[Rendered, ...]
    changes: tuple[Changes, ...]
    problems: tuple[Problem, ...]


def outcome(
    project: Project,
    names: tuple[str, ...],
    *,
    gone: tuple[str, ...] = (),
    allow_empty: bool = False,
    verify_all: bool = False,
    jobs: int = 1,
) -> Outcome:
    """Render environments and compare them with the folder. `gone` are those whose file is no more."""
    rendered = rendered_all(project, names, verify_all=verify_all, jobs=jobs)
    problems = [problem for each in rendered for problem in each.problems]
    if has_errors(tuple(problems)):
        return Outcome(rendered, (), in_order(problems))
    compared = tuple(changes(project, each.name, each.files) for each in rendered)
    compared += tuple(changes(project, name, {}) for name in gone)
    problems.extend(problem for each in compared for problem in each.problems)
    if not allow_empty:
        problems.extend(emptied(project, compared))
    return Outcome(rendered, compared, in_order(problems))


def rendered_all(project: Project, names: tuple[str, ...], *, verify_all: bool, jobs: int) -> tuple[Rendered, ...]:
    """Each environment rendered, several at a time where that was asked for."""
    if jobs == 1 or len(names) == 1:
        workshop = Workshop(project, verify_all=verify_all)
        return tuple(workshop.rendered(name) for name in names)
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(jobs, len(names))) as pool:
        return tuple(pool.map(partial(_rendered_apart, project, verify_all), names))


def _rendered_apart(project: Project, verify_all: bool, name: str) -> Rendered:
    """In a process of its own; only what the others need comes back."""
    done = Workshop(project, verify_all=verify_all).rendered(name)
    return Rendered(done.name, done.problems, files=done.files)
