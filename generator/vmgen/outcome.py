"""What a run comes to: the environments rendered, compared with what is there, and passed through the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from vmgen.compare.baseline import PlanBase
from vmgen.compare.changes import FileChanges, diff_files, find_emptied_environments
from vmgen.compare.delivery import DeliveryDiff, diff_delivery
from vmgen.pipeline import NO_PROGRESS, ProgressCallbacks, RenderResult, open_artifact_cache, render_all
from vmgen.problems import Problem, has_errors, sort_problems
from vmgen.read.platform import PlatformLoader
from vmgen.read.prepared import Prepared
from vmgen.read.project import Project, find_environments

if TYPE_CHECKING:  # imported where an environment is delivered, or where there is something to plan
    from vmgen.compare.plan import Plan
    from vmgen.render.delivery import Delivery


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
    from vmgen.render.delivery import DeliveryRenderer

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
    from vmgen.compare.gate import refuse_unpermitted
    from vmgen.compare.plan import build_plan

    environments = tuple(each.desired for each in rendered if each.desired)
    platforms = PlatformLoader(project, prepared).preload(each.environment.platform for each in rendered if each.environment)
    found = build_plan(platforms, environments, start.baseline, start.removed_environments, differing)
    refused = refuse_unpermitted(found, environments, start.today, behind=start.baseline.head_is_behind)
    return found, sort_problems([*found.problems, *refused])
