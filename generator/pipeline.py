"""The way of the data, in one place: read, merge, check, expand, render, for each environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING

from generator.check.rule import run
from generator.check.rules import RULES
from generator.check.waivers import Waivers
from generator.compare.baseline import Start
from generator.compare.changes import Changes, changes, emptied
from generator.compare.delivery import Delivered, delivered
from generator.compare.wanted import Wanted, wanted
from generator.expand.cloud_init.forms import Forms
from generator.expand.model import Fleet
from generator.expand.objects import fleet
from generator.merge.environment import Environment, environment
from generator.merge.layers import Layered, layered
from generator.problems import Problem, Refused, has_errors, in_order
from generator.read.layer_file import Files, LayerFile
from generator.read.located import INVALID
from generator.read.platform import DEFAULT_PLATFORM, Platform, Platforms
from generator.read.project import Project, environment_names
from generator.render.manifests import manifest_templates, tree
from generator.render.policies import Policies
from generator.suggestions import did_you_mean

if TYPE_CHECKING:  # imported where an environment is delivered, or where there is something to plan
    from generator.compare.plan import Plan
    from generator.render.delivery import Deliveries, Delivery


@dataclass(frozen=True, slots=True)
class Rendered:
    """One environment, rendered. What could not be made, for its problems, is None or empty."""

    name: str
    problems: tuple[Problem, ...]
    environment: Environment | None = field(default=None, repr=False)
    fleet: Fleet | None = field(default=None, repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    layers: tuple[LayerFile, ...] = field(default=(), repr=False)
    wanted: Wanted | None = field(default=None, repr=False)
    delivery: Delivery | None = field(default=None, repr=False)


class Workshop:
    """What the environments of one run share: each file, platform and template is read once."""

    def __init__(self, project: Project, *, verify_all: bool = False, today: date | None = None) -> None:
        """`today` says which waivers still count; nothing that is rendered depends on it."""
        self.project = project
        self.verify_all = verify_all
        self.today = today or date.today()
        self.files = Files(project)
        self.platforms = Platforms(project)
        self.forms = Forms(project)
        self.templates = manifest_templates(project)
        self.policies = Policies(project)

    @cached_property
    def deliveries(self) -> Deliveries:
        """What makes the files of delivery/."""
        from generator.render.delivery import Deliveries

        return Deliveries(self.project)

    def rendered(self, name: str) -> Rendered:
        """An environment, all the way from its files to the bytes of its manifests."""
        problems: list[Problem] = []
        merged: Environment | None = None
        try:
            layers = layered(name, self.files)  # READ
            problems.extend(layers.problems)
            if not layers.readable:
                return Rendered(name, in_order(problems))
            merged = environment(layers, self._platform(layers))  # MERGE
            waivers = Waivers(merged, self.today)
            problems += self._checked(merged, waivers)  # CHECK
            if has_errors(tuple(problems)):
                return Rendered(name, in_order([*problems, *self._unread_user_data(merged, waivers)]), merged)
            expanded = fleet(merged, self.forms)  # EXPAND
            problems += self._checked_user_data(expanded, waivers)
            if has_errors(tuple(problems)):
                return Rendered(name, in_order(problems), merged)
            made, wrong = tree(expanded, self.templates, verify_all=self.verify_all)  # RENDER, and read back
            problems += [*wrong, *waivers.applied(self.policies.breaches(merged, expanded, made)), *waivers.stale()]
            should_be, misplaced = wanted(merged, made)
            delivery, unfit = self._delivery(merged, expanded)
            problems += [*misplaced, *unfit]
            return Rendered(name, in_order(problems), merged, expanded, made.files, layers.files, should_be, delivery)
        except Refused as refused:
            return Rendered(name, in_order([*problems, *refused.problems]), merged)

    def _checked(self, merged: Environment, waivers: Waivers) -> list[Problem]:
        found = waivers.applied(run(RULES, merged))
        return [*waivers.problems, *found, *self.policies.misnamed(merged)]

    def _checked_user_data(self, expanded: Fleet, waivers: Waivers) -> list[Problem]:
        if not expanded.user_data:
            return []
        from generator.expand.cloud_init.inspection import problems

        return list(waivers.applied(problems(expanded.user_data, verify_all=self.verify_all)))

    def _unread_user_data(self, merged: Environment, waivers: Waivers) -> list[Problem]:
        """What is wrong with the user data of an environment that cannot be expanded: all problems come in one run."""
        from generator.expand.cloud_init.inspection import problems, unexpanded

        return list(waivers.applied(problems(unexpanded(merged, self.forms))))

    def _delivery(self, merged: Environment, expanded: Fleet) -> tuple[Delivery | None, list[Problem]]:
        if not merged.settings.written("delivery"):
            return None, []
        return self.deliveries.of(merged, expanded)

    def _platform(self, layers: Layered) -> Platform:
        written = layers.content.get("platform")
        name = written.data if written else DEFAULT_PLATFORM
        if name is INVALID:  # said already; and against no platform can the rest be looked at
            raise Refused(())
        if written and name not in self.project.platforms:
            known = self.project.platforms
            hint = did_you_mean(str(name), known) or f"; there are: {', '.join(known)}"
            message = f"no platform '{name}'{hint}"
            raise Refused((Problem(written.place, "unknown-platform", "platform", message),))
        return self.platforms.named(name)


def _unheard(name: str) -> None:
    """Where nobody asked how far the work has come."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """All environments of a run: what was rendered, how it differs from what is there, and everything wrong."""

    rendered: tuple[Rendered, ...]
    changes: tuple[Changes, ...]
    problems: tuple[Problem, ...]
    delivered: Delivered


def outcome(
    project: Project,
    names: tuple[str, ...],
    *,
    gone: tuple[str, ...] = (),
    allow_empty: bool = False,
    verify_all: bool = False,
    jobs: int = 1,
    start: Start | None = None,
    told: Callable[[str], None] = _unheard,
) -> Outcome:
    """Render environments and compare them with the folder. `gone` are those whose file is no more.

    With a `start`, the gate is passed too. `told` hears the name of each environment that is done.
    """
    rendered = rendered_all(project, names, verify_all=verify_all, jobs=jobs, told=told)
    problems = [problem for each in rendered for problem in each.problems]
    if has_errors(tuple(problems)):
        return Outcome(rendered, (), in_order(problems), Delivered(project))
    compared = tuple(changes(project, each.name, each.files) for each in rendered)
    compared += tuple(changes(project, name, {}) for name in gone)
    problems.extend(problem for each in compared for problem in each.problems)
    if not allow_empty:
        problems.extend(emptied(project, compared))
    if start and _at_stake(rendered, start):
        problems.extend(planned(project, rendered, start)[1])
    delivery, unfit = _delivered(project, names, rendered)
    return Outcome(rendered, compared, in_order([*problems, *unfit]), delivery)


def _delivered(project: Project, names: tuple[str, ...], rendered: tuple[Rendered, ...]) -> tuple[Delivered, list[Problem]]:
    """The files of `delivery/`. What environments share there is looked at where all of them were rendered."""
    known, _ = environment_names(project)
    if known and not names:
        return Delivered(project), []
    each = [one.delivery for one in rendered if one.delivery]
    files = {path: content for delivery in each for path, content in delivery.files.items()}
    if set(names) != set(known):
        found = delivered(project, files, names)
        return found, list(found.problems)
    shared, problems = _shared_delivery(project, each, known) if each else ({}, [])
    found = delivered(project, {**files, **shared})
    return found, [*problems, *found.problems]


def _shared_delivery(project: Project, each: list[Delivery], known: tuple[str, ...]) -> tuple[dict[str, bytes], list[Problem]]:
    from generator.render.delivery import Deliveries

    return Deliveries(project).shared(each, known)


def _at_stake(rendered: tuple[Rendered, ...], start: Start) -> bool:
    """Whether the gate has anything to look at: something that exists already changes or goes, or a tombstone stands."""
    environments = [each.wanted for each in rendered if each.wanted]
    if start.gone or any(each.tombstones for each in environments):
        return True
    files = {path: content for each in environments for path, content in each.files.items()}
    return bool(start.baseline.differing((each.environment for each in environments), files))


def planned(project: Project, rendered: tuple[Rendered, ...], start: Start) -> tuple[Plan, tuple[Problem, ...]]:
    """What the platform will do, and what of it the gate refuses."""
    from generator.compare.gate import gate
    from generator.compare.plan import plan

    environments = tuple(each.wanted for each in rendered if each.wanted)
    found = plan(project, environments, start.baseline, start.gone)
    refused = gate(found, environments, start.today, behind=start.baseline.behind)
    return found, in_order([*found.problems, *refused])


def rendered_all(
    project: Project, names: tuple[str, ...], *, verify_all: bool, jobs: int, told: Callable[[str], None] = _unheard
) -> tuple[Rendered, ...]:
    """Each environment rendered, several at a time where that was asked for."""
    if jobs == 1 or len(names) <= 1:
        workshop = Workshop(project, verify_all=verify_all)
        return _heard((workshop.rendered(name) for name in names), told)
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(jobs, len(names))) as pool:
        return _heard(pool.map(partial(_rendered_apart, project, verify_all), names), told)


def _heard(rendered: Iterable[Rendered], told: Callable[[str], None]) -> tuple[Rendered, ...]:
    done = []
    for each in rendered:
        told(each.name)
        done.append(each)
    return tuple(done)


def _rendered_apart(project: Project, verify_all: bool, name: str) -> Rendered:
    """In a process of its own; only what the others need comes back."""
    done = Workshop(project, verify_all=verify_all).rendered(name)
    return Rendered(done.name, done.problems, files=done.files, wanted=done.wanted, delivery=done.delivery)
