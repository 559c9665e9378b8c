"""The pipeline: render environments, compare them with the folder, and apply the gate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from vmgen.expand.objects import Omissions
from vmgen.filesystem.reader import read_file
from vmgen.merge.platform import PlatformLoader
from vmgen.problems import Problem, has_errors, sort_problems
from vmgen.read.repository import Project, find_environments
from vmgen.render.policies import POLICIES_FOLDER, PolicyChecker
from vmgen.render.protection import KUSTOMIZATION_NAMES, find_overriding_kustomizations
from vmgen.renderer import NO_PROGRESS, ProgressCallbacks, Renderer, RenderResult, render_all

if TYPE_CHECKING:  # `list` and `explain` expand only, and do not wait for what renders and compares
    from vmgen.plan.baseline import Baseline, PlanBase
    from vmgen.plan.diff import DeliveryDiff, FileChanges
    from vmgen.plan.plan import Plan


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
