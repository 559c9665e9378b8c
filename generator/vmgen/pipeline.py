"""The way of the data, in one place: read, merge, check, expand, render, for each environment.

What a run comes to: the environments rendered, compared with what is there, and passed through the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from vmgen.check.rule import run_rules
from vmgen.check.rules import RULES
from vmgen.check.waivers import WaiverFilter
from vmgen.cloud_init.render import UserDataBuilder
from vmgen.expand.model import Fleet
from vmgen.expand.objects import build_fleet
from vmgen.merge.environment import Environment, merge_environment
from vmgen.merge.layers import Layered, load_layers
from vmgen.merge.platform import DEFAULT_PLATFORM, Platform, PlatformLoader
from vmgen.plan.baseline import PlanBase
from vmgen.plan.desired import DesiredState, build_desired_state
from vmgen.plan.diff import DeliveryDiff, FileChanges, diff_delivery, diff_files, find_emptied_environments
from vmgen.problems import Problem, ProblemsError, did_you_mean, has_errors, sort_problems
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.located import INVALID
from vmgen.read.prepared import Prepared, users_folder
from vmgen.read.repository import Project, find_environments
from vmgen.render.manifests import load_manifest_templates, render_tree
from vmgen.render.policies import PolicyChecker

if TYPE_CHECKING:
    from vmgen.delivery.files import Delivery, DeliveryRenderer
    from vmgen.plan.plan import Plan


class RenderResult(NamedTuple):
    """One environment, rendered. What could not be made, for its problems, is None or empty."""

    name: str
    problems: tuple[Problem, ...]
    environment: Environment | None = None
    fleet: Fleet | None = None
    files: Mapping[str, bytes] = {}
    layers: tuple[LayerFile, ...] = ()
    desired: DesiredState | None = None
    delivery: Delivery | None = None


def _ignore(name: str) -> None:
    """Where nobody listens."""


class ProgressCallbacks(NamedTuple):
    """Who hears how a run goes: `begins` the name of each stage, `told` that of each environment that is rendered."""

    on_stage: Callable[[str], None] = _ignore
    on_rendered: Callable[[str], None] = _ignore


NO_PROGRESS = ProgressCallbacks()


def open_artifact_cache(verify_all: bool) -> Prepared:
    """What is kept between runs, which is not to be believed where everything is verified."""
    return Prepared(None if verify_all else users_folder())


class Renderer:
    """What the environments of one run share: each file, platform and template is read once."""

    def __init__(
        self,
        project: Project,
        *,
        verify_all: bool = False,
        today: date | None = None,
        listeners: ProgressCallbacks = NO_PROGRESS,
    ) -> None:
        """`today` says which waivers still count; nothing that is rendered depends on it."""
        self.on_stage = listeners.on_stage
        self.project = project
        self.verify_all = verify_all
        self.today = today or date.today()
        self.artifact_cache = prepared = open_artifact_cache(verify_all)
        self.layer_loader = LayerLoader(project)
        self.platform_loader = PlatformLoader(project, prepared)
        self.user_data_builder = UserDataBuilder(project)
        self.templates = load_manifest_templates(project, prepared)
        self.policies = PolicyChecker(project)

    @cached_property
    def delivery_builder(self) -> DeliveryRenderer:
        """What makes the files of delivery/."""
        from vmgen.delivery.files import DeliveryRenderer

        return DeliveryRenderer(self.project)

    def render(self, name: str) -> RenderResult:
        """An environment, all the way from its files to the bytes of its manifests."""
        problems: list[Problem] = []
        merged: Environment | None = None
        try:
            self.on_stage("read")
            layers = load_layers(name, self.layer_loader)
            problems.extend(layers.problems)
            if not layers.is_readable:
                return RenderResult(name, sort_problems(problems))
            self.on_stage("merge")
            merged = merge_environment(layers, self._load_platform(layers))
            self.on_stage("check")
            waivers = WaiverFilter(merged, self.today)
            problems += self._check(merged, waivers)
            if has_errors(tuple(problems)):
                return RenderResult(
                    name, sort_problems([*problems, *self._check_unexpanded_user_data(merged, waivers)]), merged
                )
            self.on_stage("expand")
            expanded = build_fleet(merged, self.user_data_builder)
            problems += self._check_user_data(expanded, waivers)
            if has_errors(tuple(problems)):
                return RenderResult(name, sort_problems(problems), merged)
            self.on_stage("render")
            made, wrong = render_tree(expanded, self.templates, verify_all=self.verify_all)
            problems += [*wrong, *waivers.apply(self.policies.find_violations(merged, expanded, made)), *waivers.find_stale()]
            should_be, misplaced = build_desired_state(merged, made)
            delivery, unfit = self._build_delivery(merged, expanded)
            problems += [*misplaced, *unfit]
            return RenderResult(name, sort_problems(problems), merged, expanded, made.files, layers.files, should_be, delivery)
        except ProblemsError as refused:
            return RenderResult(name, sort_problems([*problems, *refused.problems]), merged)

    def _check(self, merged: Environment, waivers: WaiverFilter) -> list[Problem]:
        found = waivers.apply(run_rules(RULES, merged))
        return [*waivers.problems, *found, *self.policies.find_definition_problems(merged)]

    def _check_user_data(self, expanded: Fleet, waivers: WaiverFilter) -> list[Problem]:
        if not expanded.user_data:
            return []
        from vmgen.cloud_init.validate import validate_user_data

        return list(waivers.apply(validate_user_data(expanded.user_data, verify_all=self.verify_all)))

    def _check_unexpanded_user_data(self, merged: Environment, waivers: WaiverFilter) -> list[Problem]:
        """What is wrong with the user data of an environment that cannot be expanded: all problems come in one run."""
        from vmgen.cloud_init.validate import preview_user_data, validate_user_data

        return list(waivers.apply(validate_user_data(preview_user_data(merged, self.user_data_builder))))

    def _build_delivery(self, merged: Environment, expanded: Fleet) -> tuple[Delivery | None, list[Problem]]:
        if not merged.settings.is_set("delivery"):
            return None, []
        return self.delivery_builder.render(merged, expanded)

    def _load_platform(self, layers: Layered) -> Platform:
        written = layers.content.get("platform")
        name = written.data if written else DEFAULT_PLATFORM
        if name is INVALID:  # said already; and against no platform can the rest be looked at
            raise ProblemsError(())
        if written and name not in self.project.platform_names:
            known = self.project.platform_names
            hint = did_you_mean(str(name), known) or f"; there are: {', '.join(known)}"
            message = f"no platform '{name}'{hint}"
            raise ProblemsError((Problem(written.place, "unknown-platform", "platform", message),))
        return self.platform_loader.load(name)


def render_all(
    project: Project, names: tuple[str, ...], *, verify_all: bool, jobs: int, listeners: ProgressCallbacks = NO_PROGRESS
) -> tuple[RenderResult, ...]:
    """Each environment rendered, several at a time where that was asked for."""
    told = listeners.on_rendered
    if jobs == 1 or len(names) <= 1:
        workshop = Renderer(project, verify_all=verify_all, listeners=listeners)
        return _collect((workshop.render(name) for name in names), told)
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(jobs, len(names))) as pool:
        return _collect(pool.map(partial(_render_in_worker, project, verify_all), names), told)


def _collect(rendered: Iterable[RenderResult], told: Callable[[str], None]) -> tuple[RenderResult, ...]:
    done = []
    for each in rendered:
        told(each.name)
        done.append(each)
    return tuple(done)


def _render_in_worker(project: Project, verify_all: bool, name: str) -> RenderResult:
    """In a process of its own; only what the others need comes back."""
    done = Renderer(project, verify_all=verify_all).render(name)
    return done._replace(environment=None, fleet=None)


class RunResult(NamedTuple):
    """All environments of a run: what was rendered, how it differs from what is there, and everything wrong."""

    environments: tuple[RenderResult, ...]
    changes: tuple[FileChanges, ...]
    problems: tuple[Problem, ...]
    delivery: DeliveryDiff


def evaluate(
    project: Project,
    names: tuple[str, ...],
    *,
    gone: tuple[str, ...] = (),
    allow_empty: bool = False,
    verify_all: bool = False,
    jobs: int = 1,
    start: PlanBase | None = None,
    listeners: ProgressCallbacks = NO_PROGRESS,
) -> RunResult:
    """Render environments and compare them with the folder. `gone` are those whose file is no more.

    With a `start`, the gate is passed too.
    """
    rendered = render_all(project, names, verify_all=verify_all, jobs=jobs, listeners=listeners)
    problems = [problem for each in rendered for problem in each.problems]
    if has_errors(tuple(problems)):
        return RunResult(rendered, (), sort_problems(problems), DeliveryDiff(project))
    listeners.on_stage("compare")
    compared = tuple(diff_files(project, each.name, each.files) for each in rendered)
    compared += tuple(diff_files(project, name, {}) for name in gone)
    problems.extend(problem for each in compared for problem in each.problems)
    if not allow_empty:
        problems.extend(find_emptied_environments(project, compared))
    listeners.on_stage("gate")
    if start:
        problems.extend(_check_gate(project, rendered, start, open_artifact_cache(verify_all), compared))
    delivery, unfit = _compare_delivery(project, names, rendered)
    return RunResult(rendered, compared, sort_problems([*problems, *unfit]), delivery)


def _compare_delivery(
    project: Project, names: tuple[str, ...], rendered: tuple[RenderResult, ...]
) -> tuple[DeliveryDiff, list[Problem]]:
    """The files of `delivery/`. What environments share there is looked at where all of them were rendered."""
    known, _ = find_environments(project)
    if known and not names:
        return DeliveryDiff(project), []
    each = [one.delivery for one in rendered if one.delivery]
    files = {path: content for delivery in each for path, content in delivery.files.items()}
    if set(names) != set(known):
        found = diff_delivery(project, files, names)
        return found, list(found.problems)
    shared, problems = _build_shared_delivery(project, each, known) if each else ({}, [])
    found = diff_delivery(project, {**files, **shared})
    return found, [*problems, *found.problems]


def _build_shared_delivery(
    project: Project, each: list[Delivery], known: tuple[str, ...]
) -> tuple[dict[str, bytes], list[Problem]]:
    from vmgen.delivery.files import DeliveryRenderer

    return DeliveryRenderer(project).render_shared(each, known)


def _check_gate(
    project: Project, rendered: tuple[RenderResult, ...], start: PlanBase, prepared: Prepared, compared: tuple[FileChanges, ...]
) -> tuple[Problem, ...]:
    """What the gate refuses. It has nothing to look at where nothing that exists changes or goes, and no tombstone stands."""
    environments = [each.desired for each in rendered if each.desired]
    files = {path: content for each in environments for path, content in each.files.items()}
    names = (*(each.environment for each in environments), *start.removed_environments)
    differing = start.baseline.find_differing(names, files, compared)
    if not (differing or start.removed_environments or any(each.tombstones for each in environments)):
        return ()
    return plan_and_gate(project, rendered, start, prepared, differing)[1]


def plan_and_gate(
    project: Project,
    rendered: tuple[RenderResult, ...],
    start: PlanBase,
    prepared: Prepared | None = None,
    differing: Mapping[str, bytes] | None = None,
) -> tuple[Plan, tuple[Problem, ...]]:
    """What the platform will do, and what of it the gate refuses. `differing` is what of the baseline does, if known."""
    from vmgen.plan.gate import refuse_unpermitted
    from vmgen.plan.plan import build_plan

    environments = tuple(each.desired for each in rendered if each.desired)
    platforms = PlatformLoader(project, prepared).preload(each.environment.platform for each in rendered if each.environment)
    found = build_plan(platforms, environments, start.baseline, start.removed_environments, differing)
    refused = refuse_unpermitted(found, environments, start.today, behind=start.baseline.head_is_behind)
    return found, sort_problems([*found.problems, *refused])
