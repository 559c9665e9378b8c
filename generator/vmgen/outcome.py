"""What a run comes to: the environments rendered, compared with what is there, and passed through the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from vmgen.compare.baseline import Start
from vmgen.compare.changes import Changes, changes, emptied
from vmgen.compare.delivery import Delivered, delivered
from vmgen.pipeline import NOBODY, Listeners, Rendered, kept, rendered_all
from vmgen.problems import Problem, has_errors, in_order
from vmgen.read.platform import Platforms
from vmgen.read.prepared import Prepared
from vmgen.read.project import Project, environment_names

if TYPE_CHECKING:  # imported where an environment is delivered, or where there is something to plan
    from vmgen.compare.plan import Plan
    from vmgen.render.delivery import Delivery


class Outcome(NamedTuple):
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
    listeners: Listeners = NOBODY,
) -> Outcome:
    """Render environments and compare them with the folder. `gone` are those whose file is no more.

    With a `start`, the gate is passed too.
    """
    rendered = rendered_all(project, names, verify_all=verify_all, jobs=jobs, listeners=listeners)
    problems = [problem for each in rendered for problem in each.problems]
    if has_errors(tuple(problems)):
        return Outcome(rendered, (), in_order(problems), Delivered(project))
    listeners.begins("compare")
    compared = tuple(changes(project, each.name, each.files) for each in rendered)
    compared += tuple(changes(project, name, {}) for name in gone)
    problems.extend(problem for each in compared for problem in each.problems)
    if not allow_empty:
        problems.extend(emptied(project, compared))
    listeners.begins("gate")
    if start:
        problems.extend(_refused(project, rendered, start, kept(verify_all), compared))
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
    from vmgen.render.delivery import Deliveries

    return Deliveries(project).shared(each, known)


def _refused(
    project: Project, rendered: tuple[Rendered, ...], start: Start, prepared: Prepared, compared: tuple[Changes, ...]
) -> tuple[Problem, ...]:
    """What the gate refuses. It has nothing to look at where nothing that exists changes or goes, and no tombstone stands."""
    environments = [each.wanted for each in rendered if each.wanted]
    files = {path: content for each in environments for path, content in each.files.items()}
    names = (*(each.environment for each in environments), *start.gone)
    differing = start.baseline.differing(names, files, compared)
    if not (differing or start.gone or any(each.tombstones for each in environments)):
        return ()
    return planned(project, rendered, start, prepared, differing)[1]


def planned(
    project: Project,
    rendered: tuple[Rendered, ...],
    start: Start,
    prepared: Prepared | None = None,
    differing: Mapping[str, bytes] | None = None,
) -> tuple[Plan, tuple[Problem, ...]]:
    """What the platform will do, and what of it the gate refuses. `differing` is what of the baseline does, if known."""
    from vmgen.compare.gate import gate
    from vmgen.compare.plan import plan

    environments = tuple(each.wanted for each in rendered if each.wanted)
    platforms = Platforms(project, prepared).with_those(each.environment.platform for each in rendered if each.environment)
    found = plan(platforms, environments, start.baseline, start.gone, differing)
    refused = gate(found, environments, start.today, behind=start.baseline.behind)
    return found, in_order([*found.problems, *refused])
