"""The pipeline: read, merge, check, expand and render environments, compare them with the folder, and apply the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from vmgen.check.rule import run_rules, set_advice_severities
from vmgen.check.rules import RULES
from vmgen.check.waivers import WaiverFilter
from vmgen.clock import get_today
from vmgen.expand.model import Fleet
from vmgen.expand.objects import Omissions, build_fleet, omit, select_expandable, split
from vmgen.filesystem.reader import read_file
from vmgen.merge.environment import Environment, merge_environment
from vmgen.merge.layers import find_source_files, load_layers
from vmgen.merge.platform import PlatformLoader
from vmgen.plan.desired import DesiredState, build_desired_state
from vmgen.problems import Problem, ProblemsError, has_errors, sort_problems
from vmgen.programs import end_with_parent
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.repository import Project, find_environments
from vmgen.render.policies import BUILT_IN_POLICY_IDS, POLICIES_FOLDER, USER_DATA_ADVICE, PolicyChecker
from vmgen.render.protection import KUSTOMIZATION_NAMES, find_overriding_kustomizations, find_protection_faults
from vmgen.rules import REBUILD_ERASES_DATA

if TYPE_CHECKING:  # `list` and `explain` expand only, and do not wait for what renders and compares
    from vmgen.cloud_init.render import UserDataBuilder
    from vmgen.cloud_init.validate import UserDataChecker
    from vmgen.delivery.files import Delivery, DeliveryRenderer
    from vmgen.plan.baseline import Baseline, PlanBase
    from vmgen.plan.diff import DeliveryDiff, FileChanges
    from vmgen.plan.plan import Plan
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


class RunResult(NamedTuple):
    """All environments of a run, how their files differ from those that exist, and every problem.

    `shrinking` are the environments that no longer have a file which is committed: a later run has to look at them again.
    """

    environments: tuple[RenderResult, ...]
    changes: tuple[FileChanges, ...]
    problems: tuple[Problem, ...]
    delivery: DeliveryDiff
    shrinking: frozenset[str] = frozenset()


def evaluate(
    project: Project,
    names: tuple[str, ...],
    *,
    removed_names: tuple[str, ...] = (),
    allow_empty: bool = False,
    verify_all: bool = False,
    jobs: int = 1,
    base: PlanBase | None = None,
    progress: ProgressCallbacks = NO_PROGRESS,
) -> RunResult:
    """Render environments, compare them with the folder and, with a `base`, apply the gate.

    `removed_names` are environments that have manifests but no file any more. Nothing is compared if an environment has errors.
    """
    from vmgen.plan.clones import drop_answered_hints
    from vmgen.plan.diff import DeliveryDiff, diff_files, find_emptied_environments

    results = render_all(project, names, verify_all=verify_all, jobs=jobs, progress=progress)
    problems = [problem for environment in results for problem in environment.problems]
    if base:
        problems += find_shared_objects(project, results, base.baseline)
    if has_errors(tuple(problems)):
        return RunResult(results, (), sort_problems(problems), DeliveryDiff(project))
    progress.on_stage("compare")
    changes = tuple(diff_files(project, environment.name, environment.files) for environment in results)
    changes += tuple(diff_files(project, name, {}) for name in removed_names)
    if base:  # without one nothing is written, so that nothing can be in the way
        problems += [problem for environment_changes in changes for problem in environment_changes.problems]
    if not allow_empty:
        problems += find_emptied_environments(project, changes)
    problems += find_kustomization_problems(project, results, changes)
    progress.on_stage("gate")
    delivery_files = _collect_delivery(project, results)
    if base:
        problems += [*base.problems, *_apply_gate(project, results, base, changes, delivery_files)]
    delivery, delivery_problems = _compare_delivery(project, delivery_files)
    shrinking = _find_shrinking(results, base.baseline) if base else frozenset()
    problems = drop_answered_hints([*problems, *delivery_problems])
    return RunResult(results, changes, sort_problems(problems), delivery, shrinking)


def _find_shrinking(results: tuple[RenderResult, ...], baseline: Baseline) -> frozenset[str]:
    files = {result.name: result.files for result in results}
    environments = ((path.partition("/")[0], path) for path in baseline.blobs)
    return frozenset(name for name, path in environments if name in files and path not in files[name])


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


def find_kustomization_problems(
    project: Project, results: tuple[RenderResult, ...], changes: tuple[FileChanges, ...] = ()
) -> Iterator[Problem]:
    """Find kustomizations of an own template, and foreign ones among the changes, that override what protects disks."""
    return find_overriding_kustomizations(_list_kustomizations(project, results, changes), project.output)


def _list_kustomizations(
    project: Project, results: tuple[RenderResult, ...], changes: tuple[FileChanges, ...]
) -> Mapping[str, bytes]:
    """Return the kustomizations that a built-in template did not write: those of an own one, and foreign ones."""
    has_own_template = project.find_own_template("kustomize/kustomization.yaml.j2") is not None
    files = {path: text for result in results for path, text in result.files.items()} if has_own_template else {}
    foreign = [path for each in changes for path in each.foreign if path.rpartition("/")[2] in KUSTOMIZATION_NAMES]
    own = (project.manifests / name for name in KUSTOMIZATION_NAMES)
    # A link leads out of the folder that an engine gets.
    foreign += [path.name for path in own if path.is_file() and not path.is_symlink()]
    return files | {path: read_file(f"{project.manifests}/{path}") for path in foreign}


def find_shared_objects(project: Project, environments: Iterable[RenderResult], baseline: Baseline) -> Iterator[Problem]:
    """Find objects that two environments of the repository claim, and disks that are copies of each other.

    All environments count. Of one that is not in this run only the names are expanded; if its files cannot be read, it is what
    is committed for it.
    """
    from vmgen.plan.claims import claim_committed, claim_desired, claim_environment, find_duplicate_identities
    from vmgen.plan.clones import find_clone_cycles

    claims = []
    results = {result.name: result for result in environments}
    names, _ = find_environments(project)
    loader: Renderer | None = None
    for name in sorted({*names, *results}):
        result = results.get(name)
        if result and result.desired and result.desired.omissions == Omissions():
            claims.append(claim_desired(result.desired))
            continue
        loader = loader or Renderer(project)
        environment = result.environment if result and result.environment else loader.merge(name)
        claims.append(claim_environment(environment) if environment else claim_committed(name, baseline))
    yield from find_duplicate_identities(claims)
    yield from find_clone_cycles(result.desired for result in results.values() if result.desired)


class _DeliveryFiles(NamedTuple):
    """The rendered files below `delivery/`. `only` are the environments that they are limited to, empty for all."""

    files: Mapping[str, bytes]
    only: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def _collect_delivery(project: Project, results: tuple[RenderResult, ...]) -> _DeliveryFiles | None:
    """Return the files of `delivery/`, those that environments share if all were rendered; None if none was."""
    all_names, _ = find_environments(project)
    names = tuple(environment.name for environment in results)
    if all_names and not names:
        return None
    deliveries = [environment.delivery for environment in results if environment.delivery]
    files = {path: content for delivery in deliveries for path, content in delivery.files.items()}
    # A file that environments share would lose those of the others.
    if set(names) != set(all_names):
        return _DeliveryFiles(files, names)
    if not deliveries:
        return _DeliveryFiles(files, ())
    from vmgen.delivery.files import DeliveryRenderer

    shared, problems = DeliveryRenderer(project).render_shared(deliveries, all_names)
    return _DeliveryFiles(files | shared, (), tuple(problems))


def _compare_delivery(project: Project, delivery: _DeliveryFiles | None) -> tuple[DeliveryDiff, list[Problem]]:
    from vmgen.plan.diff import DeliveryDiff, diff_delivery

    if delivery is None:
        return DeliveryDiff(project), []
    diff = diff_delivery(project, delivery.files, delivery.only)
    return diff, [*delivery.problems, *diff.problems]


def _apply_gate(
    project: Project,
    results: tuple[RenderResult, ...],
    base: PlanBase,
    changes: tuple[FileChanges, ...],
    delivery: _DeliveryFiles | None,
) -> tuple[Problem, ...]:
    """Return what the gate refuses. No plan is built if no existing object changes or goes and there is no tombstone."""
    desired = [environment.desired for environment in results if environment.desired]
    files = {path: content for state in desired for path, content in state.files.items()}
    names = (*(state.environment for state in desired), *base.removed_environments)
    differing = base.baseline.find_differing(names, files, changes)
    is_delivery_same = not (delivery and base.delivery and _changes_delivery(delivery, base.delivery))
    has_tombstones = any(state.tombstones for state in desired)
    has_new_previous = any(not base.baseline.contains(path) for state in desired for path in state.previous)
    has_policies = (project.root / POLICIES_FOLDER).is_dir()  # a policy may count new objects
    if is_delivery_same and not (differing or base.removed_environments or has_tombstones or has_new_previous or has_policies):
        return ()
    return plan_and_gate(project, results, base, differing)[1]


def _changes_delivery(delivery: _DeliveryFiles, baseline: Baseline) -> bool:
    """Return whether a file of an engine is new, differs or goes. Without any file nothing can, and no plan is imported."""
    if not (delivery.files or baseline.environments):
        return False
    from vmgen.plan.delivery import list_changed_files

    return bool(list_changed_files(baseline, delivery.files, delivery.only))


def plan_and_gate(
    project: Project, results: tuple[RenderResult, ...], base: PlanBase, differing: Mapping[str, bytes] | None = None
) -> tuple[Plan, tuple[Problem, ...]]:
    """Plan what the platform will do, and return with it what the gate refuses.

    `differing` are the manifests of the baseline that differ from the rendered ones; with None they are looked up.
    """
    from vmgen.plan.change_policies import find_breaches
    from vmgen.plan.clones import find_impossible_clones
    from vmgen.plan.delivery import add_delivery, find_delivery_refusals
    from vmgen.plan.gate import find_refusals
    from vmgen.plan.plan import build_plan

    desired = tuple(environment.desired for environment in results if environment.desired)
    used_platforms = (environment.environment.platform for environment in results if environment.environment)
    platforms = PlatformLoader(project).preload(used_platforms)
    plan = build_plan(platforms, desired, base.baseline, base.removed_environments, differing)
    is_complete = len(desired) == len(results) and not any(state.omissions for state in desired)
    plan = plan._replace(complete=is_complete)
    # The delivery of an environment with errors is unknown, which is no reason to report its deletion.
    delivery = _collect_delivery(project, tuple(each for each in results if each.files or not has_errors(each.problems)))
    if delivery:
        plan = add_delivery(plan, base, desired, delivery.files, delivery.only)
    foreign_folders = frozenset(name for name in base.removed_environments if not base.baseline.has_environment(name))
    is_behind = base.baseline.head_is_behind
    refusals = (
        *find_refusals(plan, desired, base.today, head_is_behind=is_behind, foreign_folders=foreign_folders),
        *find_impossible_clones(plan, desired),
        *find_delivery_refusals(plan.changes, desired),
    )
    shared = tuple(find_shared_objects(project, results, base.baseline))
    plan = plan._replace(problems=(*plan.problems, *shared))
    breaches = find_breaches(PolicyChecker(project).change_policies, plan.changes, desired, base.today)
    return plan, sort_problems([*plan.problems, *refusals, *breaches])
