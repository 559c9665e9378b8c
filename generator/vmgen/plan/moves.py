"""Moves: an object that another environment or group of its namespace holds after a change.

An engine prunes the objects that left one folder, even if another folder has them. Only the guards of the live object,
which are those of the baseline, hold that up.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.check.guards import PRUNE_GUARDS, list_guards
from vmgen.merge.environment import Environment
from vmgen.plan.matching import ExistingObject, PlannedObject
from vmgen.plan.verdicts import KindVerdicts, Verdict, VerdictRow
from vmgen.read.repository import find_group

PROTECT_FIRST = "move them back, set `protect: true` there, sync that, and move them in a later change"
_UNPROTECTED = VerdictRow(
    Verdict.DESTROYS_DATA,
    "The disk is not protected before it moves: the sync tool may delete it with its data before it finds it at the new place.",
    "argo-cd docs/user-guide/sync-options.md, kustomize-controller docs/spec/v1/kustomizations.md",
)


class Move(NamedTuple):
    """The place that held an object before: an environment, and the folder of a group, empty for standalone disks.

    `exclusive` are the environments, before and after, whose Applications of Argo CD refuse an object of another Application.
    """

    environment: str
    group: str
    exclusive: tuple[str, ...] = ()


def find_move(old: ExistingObject, new: PlannedObject) -> Move | None:
    """Return the place that an object leaves; None if its environment and its group are the same."""
    move = Move(old.environment, find_group(old.path))
    return None if move == Move(new.environment, find_group(new.path)) else move


def find_move_verdict(old: ExistingObject, table: KindVerdicts) -> VerdictRow:
    """Return the verdict of a move: that of the table, whatever its word, or the loss of a disk that nothing protects."""
    # Of the live object, so those of the baseline: guards that the new place adds arrive with the next sync, which may be late.
    if old.identity.kind == "VMDisk" and not _is_guarded(old.document):
        return _UNPROTECTED
    # A table can say what a move means, but not that it is something else.
    return table.move_rows[-1]._replace(verdict=Verdict.MOVES)


def describe_move(move: Move, environment: str, path: str) -> Iterator[str]:
    """Describe where an object at a path comes from, and the order in which to sync, in sentences."""
    if move.environment != environment:
        yield f"Moves here from environment {move.environment}. Sync {environment} before {move.environment}."
        if move.exclusive:
            names = " and ".join(move.exclusive)
            yield f"First set `FailOnSharedResource=false` in the `syncOptions` of {names}, and apply that (docs/delivery.md)."
        return
    group = _name_group(find_group(path))
    yield f"Moves from {_name_group(move.group)} to {group}. If groups are synced separately, sync {group} first."


def is_exclusive(environment: Environment | None) -> bool:
    """Return true if an Application delivers the environment and refuses objects of another one."""
    delivery = environment.settings.get("delivery") if environment else None
    argocd = delivery.get("argocd") if delivery and delivery.mapping else None
    options = argocd.get_plain("syncOptions", []) if argocd and argocd.mapping else None
    # Set unless the environment says otherwise: `delivery/engines.py` adds it.
    return options is not None and "FailOnSharedResource=false" not in options


def _is_guarded(document: Mapping[str, Any]) -> bool:
    """Return true if neither engine prunes an object unasked."""
    return set(PRUNE_GUARDS) <= set(list_guards(document))


def _name_group(group: str) -> str:
    return f"group {group}" if group else "the standalone disks"
