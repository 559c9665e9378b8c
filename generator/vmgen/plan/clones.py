"""Copies of disks that can never be made: of each other in a circle, or of a disk that the same change deletes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from vmgen.plan.desired import DesiredState, Identity
from vmgen.problems import Place, Problem
from vmgen.rules import CLONE_CYCLE, CLONE_OF_REMOVED

if TYPE_CHECKING:  # a render without a plan does not import what builds one
    from vmgen.plan.plan import Plan

# The rule of the check stage that looks only at the environments as they are now.
_CLONE_UNKNOWN_ID = "clone-unknown"


class _Clone(NamedTuple):
    """The disk that another is a copy of, and the line that sets this."""

    source: Identity
    place: Place


def find_impossible_clones(plan: Plan, environments: Iterable[DesiredState]) -> Iterator[Problem]:
    """Report new disks that are to be copies of a disk that the plan deletes. The copy can only be made while that exists."""
    removed_disks = {change.identity for change in plan.changes if change.action == "delete"}
    created = {change.identity for change in plan.changes if change.action == "create"}
    for disk, clone in _collect_clones(environments).items():
        if disk in created and clone.source in removed_disks:
            name = clone.source.name
            message = (
                f"{disk.name} is a clone of {name}, which this change deletes: the copy would fail; "
                f"keep {name}, and retire it in a later change, when {disk.name} is ready"
            )
            yield CLONE_OF_REMOVED.build_problem(clone.place, "clone", message)


def drop_answered_hints(problems: Iterable[Problem]) -> list[Problem]:
    """Drop the warnings that the source of a clone is not known where an error says what becomes of it.

    The hint of another name would be wrong there.
    """
    problems = list(problems)
    places = {problem.place for problem in problems if problem.rule == CLONE_OF_REMOVED.id}
    return [problem for problem in problems if problem.rule != _CLONE_UNKNOWN_ID or problem.place not in places]


def find_clone_cycles(environments: Iterable[DesiredState]) -> Iterator[Problem]:
    """Report disks that are copies of each other: each would wait for the other for ever."""
    clones = _collect_clones(environments)
    for disk, clone in clones.items():
        path = _follow(disk, clones)
        # A disk that is its own source has a rule of its own, `clone-of-itself`.
        if path and clone.source != disk:
            message = f"a cycle of clones: {' <- '.join(path)}; give one of them another source"
            yield CLONE_CYCLE.build_problem(clone.place, "clone", message)


def _follow(disk: Identity, clones: Mapping[Identity, _Clone]) -> list[str]:
    """Return the names from a disk to itself, empty if it is in no circle."""
    names, current = [disk.name], disk
    # At most as many steps as there are clones: a chain may lead into a cycle that the disk is not in.
    for _ in clones:
        if current not in clones:
            return []
        current = clones[current].source
        names.append(current.name)
        if current == disk:
            return names
    return []


def _collect_clones(environments: Iterable[DesiredState]) -> dict[Identity, _Clone]:
    return {
        desired.objects[path]: _Clone(desired.objects[path]._replace(name=source), place)
        for desired in environments
        for path, (source, place) in desired.clones.items()
    }
