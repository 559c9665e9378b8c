"""Render environments: read, merge, check and expand their files, and convert the objects to the bytes of their manifests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from vmgen.check.rule import run_rules, set_advice_severities
from vmgen.check.rules import RULES
from vmgen.check.waivers import WaiverFilter
from vmgen.clock import get_today
from vmgen.expand.model import Fleet
from vmgen.expand.objects import Omissions, build_fleet, omit, select_expandable, split
from vmgen.merge.environment import Environment, merge_environment
from vmgen.merge.layers import find_source_files, load_layers
from vmgen.merge.platform import PlatformLoader
from vmgen.plan.desired import DesiredState, build_desired_state
from vmgen.problems import Problem, ProblemsError, has_errors, sort_problems
from vmgen.programs import end_with_parent
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.repository import Project
from vmgen.render.policies import BUILT_IN_POLICY_IDS, USER_DATA_ADVICE, PolicyChecker
from vmgen.render.protection import find_protection_faults
from vmgen.rules import REBUILD_ERASES_DATA

if TYPE_CHECKING:  # `list` and `explain` expand only, and do not wait for what renders and compares
    from vmgen.cloud_init.render import UserDataBuilder
    from vmgen.cloud_init.validate import UserDataChecker
    from vmgen.delivery.files import Delivery, DeliveryRenderer
    from vmgen.read.templates import Templates
    from vmgen.render.manifests import Tree


def _ignore(name: str) -> None:
    """Do nothing."""


class ProgressCallbacks(NamedTuple):
    """Functions that follow a run: `on_stage` gets the name of each stage, `on_rendered` that of each rendered environment."""

    on_stage: Callable[[str], None] = _ignore
    on_rendered: Callable[[str], None] = _ignore


NO_PROGRESS = ProgressCallbacks()


class RenderResult(NamedTuple):
    """One rendered environment. What its problems kept from being made is None or empty.

    `files` are the bytes of the manifests by their paths below `manifests/`. `inputs` are the digests of the files that the
    environment was read from, by their paths from the root; that of a file that does not exist is empty.
    """

    name: str
    problems: tuple[Problem, ...]
    environment: Environment | None = None
    fleet: Fleet | None = None
    files: Mapping[str, bytes] = {}
    layers: tuple[LayerFile, ...] = ()
    desired: DesiredState | None = None
    delivery: Delivery | None = None
    inputs: Mapping[str, str] = {}


def render_all(
    project: Project,
    names: tuple[str, ...],
    *,
    verify_all: bool,
    jobs: int,
    keep_going: bool = False,
    progress: ProgressCallbacks = NO_PROGRESS,
) -> tuple[RenderResult, ...]:
    """Render environments in this process, or in up to `jobs` worker processes; `keep_going` is that of Renderer.

    Workers return neither `environment` nor `fleet` nor `layers`.
    """
    if jobs == 1 or len(names) <= 1:
        renderer = Renderer(project, verify_all=verify_all, keep_going=keep_going, progress=progress)
        return _collect(map(renderer.render, names), progress)
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(jobs, len(names)), initializer=end_with_parent) as pool:
        return _collect(pool.map(partial(_render_in_worker, project, verify_all, keep_going), names), progress)


def _collect(results: Iterable[RenderResult], progress: ProgressCallbacks) -> tuple[RenderResult, ...]:
    collection = []
    for result in results:
        progress.on_rendered(result.name)
        collection.append(result)
    return tuple(collection)


def _render_in_worker(project: Project, verify_all: bool, keep_going: bool, name: str) -> RenderResult:
    result = Renderer(project, verify_all=verify_all, keep_going=keep_going).render(name)
    # To pickle all of it would take longer than to render it.
    return result._replace(environment=None, fleet=None, layers=())


class Renderer:
    """Renders the environments of one run: they share each file, platform and template, which is read once."""

    def __init__(
        self,
        project: Project,
        *,
        verify_all: bool = False,
        keep_going: bool = False,
        today: date | None = None,
        progress: ProgressCallbacks = NO_PROGRESS,
    ) -> None:
        """`today` decides which waivers still count, and no byte of a manifest.

        With `keep_going`, the desired state of an environment with errors is made too, of what can be expanded.
        """
        self.keep_going = keep_going
        self.on_stage = progress.on_stage
        self.project = project
        self.verify_all = verify_all
        self.today = today or get_today()
        self.layer_loader = LayerLoader(project)
        self.platform_loader = PlatformLoader(project)

    @cached_property
    def policies(self) -> PolicyChecker:
        """The policies, of which a run that only expands names reads no file."""
        return PolicyChecker(self.project)

    @cached_property
    def user_data_builder(self) -> UserDataBuilder:
        """The builder of user data."""
        from vmgen.cloud_init.render import UserDataBuilder

        return UserDataBuilder(self.project)

    @cached_property
    def user_data_checker(self) -> UserDataChecker:
        """The checks of user data."""
        from vmgen.cloud_init.validate import UserDataChecker

        return UserDataChecker()

    @cached_property
    def templates(self) -> Templates:
        """The templates of manifests."""
        from vmgen.render.manifests import load_manifest_templates

        return load_manifest_templates(self.project)

    @cached_property
    def delivery_builder(self) -> DeliveryRenderer:
        """The renderer of the files below `delivery/`."""
        from vmgen.delivery.files import DeliveryRenderer

        return DeliveryRenderer(self.project)

    def render(self, name: str) -> RenderResult:
        """Render an environment, from its files to the bytes of its manifests. Mistakes in it are problems of the result."""
        from vmgen.render.manifests import render_tree

        problems: list[Problem] = []
        environment: Environment | None = None
        self.templates.start_environment()
        self.user_data_builder.start_environment()
        try:
            self.on_stage("read")
            layers = load_layers(name, self.layer_loader)
            problems += layers.problems
            if not layers.is_readable:
                return RenderResult(name, sort_problems(problems))
            self.on_stage("merge")
            environment = merge_environment(layers, self.platform_loader.load_written(layers.content))
            self.on_stage("check")
            waivers = WaiverFilter(environment, self.today)
            problems += self._check(environment, waivers)
            if _prevents_rendering(problems):
                problems += self._check_unexpanded_user_data(environment, waivers)
                return self._keep_going(RenderResult(name, sort_problems(problems), environment))
            self.on_stage("expand")
            fleet = build_fleet(environment, self.user_data_builder, verify_all=self.verify_all)
            problems += self._check_user_data(environment, fleet, waivers)
            if _prevents_rendering(problems):
                return self._keep_going(RenderResult(name, sort_problems(problems), environment))
            self.on_stage("render")
            tree, template_problems = render_tree(fleet, self.templates, verify_all=self.verify_all)
            if has_errors(tuple(template_problems)):  # what a broken template writes is nothing to look at, or to plan with
                return RenderResult(name, sort_problems([*problems, *template_problems]), environment)
            violations = waivers.apply(self.policies.find_violations(environment, fleet, tree))
            # A waiver of what only the plan finds is not stale because a render did not find it.
            plan_rule_ids = (REBUILD_ERASES_DATA.id, *(policy.id for policy in self.policies.change_policies))
            problems += [*template_problems, *violations, *waivers.find_stale(plan_rule_ids)]
            problems += find_protection_faults(environment, tree, self.project)
            desired, tombstone_problems = build_desired_state(environment, tree, waivers.waivers)
            delivery, delivery_problems = None, list[Problem]()
            if environment.settings.is_set("delivery"):
                delivery, delivery_problems = self.delivery_builder.render(environment, fleet)
        except ProblemsError as error:
            return RenderResult(name, sort_problems([*problems, *error.problems]), environment)
        problems += [*tombstone_problems, *delivery_problems]
        digests = self.project.source_digests
        inputs = {file: digests.get(file, "") for file in find_source_files(layers.files, self.project)}
        return RenderResult(
            name, sort_problems(problems), environment, fleet, tree.files, layers.files, desired, delivery, inputs
        )

    def expand(self, name: str) -> RenderResult:
        """Return an environment with its objects, which are not rendered and have no user data: enough to list and to count.

        Its problems are those of reading, merging and the rules.
        """
        problems: list[Problem] = []
        environment: Environment | None = None
        try:
            layers = load_layers(name, self.layer_loader)
            problems += layers.problems
            if not layers.is_readable:
                return RenderResult(name, sort_problems(problems))
            environment = merge_environment(layers, self.platform_loader.load_written(layers.content))
            problems += self._check(environment, WaiverFilter(environment, self.today))
            fleet = None if _prevents_rendering(problems) else build_fleet(environment, None)
        except ProblemsError as error:
            return RenderResult(name, sort_problems([*problems, *error.problems]), environment)
        return RenderResult(name, sort_problems(problems), environment, fleet)

    def _keep_going(self, result: RenderResult) -> RenderResult:
        """Add the desired state of what can be expanded to the result of an environment with errors, for its plan.

        What a template makes of a wrong value is no problem of its own.
        """
        part = select_expandable(result.environment) if self.keep_going and result.environment else None
        if part is None:
            return result
        environment, omissions = part
        tree = self._try_render(environment)
        if tree is None:
            # Piece by piece, to find the one that a template cannot write.
            for piece, omission in split(environment):
                omissions |= Omissions() if self._try_render(piece) else omission
            environment = omit(environment, omissions)
            tree = self._try_render(environment)
        if tree is None:
            return result
        desired, _ = build_desired_state(environment, tree, WaiverFilter(environment, self.today).waivers)
        return result._replace(desired=desired._replace(omissions=omissions))

    def _try_render(self, environment: Environment) -> Tree | None:
        """Render an environment that has errors; return None if a template cannot be rendered for it."""
        from vmgen.render.manifests import render_tree

        try:
            return render_tree(build_fleet(environment, self.user_data_builder), self.templates)[0]
        except ProblemsError:
            return None

    def merge(self, name: str) -> Environment | None:
        """Merge an environment, whatever is wrong with it; None if that cannot be done."""
        try:
            layers = load_layers(name, self.layer_loader)
            return merge_environment(layers, self.platform_loader.load_written(layers.content)) if layers.is_readable else None
        except ProblemsError:
            return None

    def _check(self, environment: Environment, waivers: WaiverFilter) -> list[Problem]:
        problems = waivers.apply(run_rules(RULES, environment))
        return [*waivers.problems, *problems, *self.policies.find_definition_problems(environment)]

    def _check_unexpanded_user_data(self, environment: Environment, waivers: WaiverFilter) -> Iterable[Problem]:
        """Check the user data of an environment that has errors, so that one run reports all problems."""
        from vmgen.cloud_init.validate import preview_user_data

        problems = self.user_data_checker.find_problems(preview_user_data(environment, self.user_data_builder))
        return waivers.apply(set_advice_severities(environment, problems, USER_DATA_ADVICE))

    def _check_user_data(self, environment: Environment, fleet: Fleet, waivers: WaiverFilter) -> Iterable[Problem]:
        if not fleet.user_data:  # the modules of the checks are not needed
            return ()
        problems = self.user_data_checker.find_problems(fleet.user_data)
        return waivers.apply(set_advice_severities(environment, problems, USER_DATA_ADVICE))


def _prevents_rendering(problems: Iterable[Problem]) -> bool:
    """Return True if an error leaves open what to render. A broken policy does not, so that one run reports them all."""
    return any(problem.severity == "error" and problem.rule not in BUILT_IN_POLICY_IDS for problem in problems)
