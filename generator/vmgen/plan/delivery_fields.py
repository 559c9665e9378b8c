"""What a changed field of an Application, ApplicationSet or Kustomization does to the VMs and disks that it holds."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vmgen.plan.delivered import KUSTOMIZATION, Holding, deletes_what_it_holds, has_finalizer
from vmgen.plan.verdicts import Verdict
from vmgen.quantities import format_count
from vmgen.read.manifests import get_mapping

Document = Mapping[str, Any]


class _Change(NamedTuple):
    """An engine's object before and after, what it holds after, and what no engine holds any more."""

    before: Document
    after: Document
    holding: Holding
    losses: Holding

    @property
    def spec(self) -> Document:
        return get_mapping(self.after, "spec")


def assess_field(before: Document, after: Document, path: str, holding: Holding, losses: Holding) -> tuple[Verdict, str]:
    """Return the verdict of one field and a sentence. A row of the table decides that begins with the field's path."""
    change = _Change(before, after, holding, losses)
    for prefix, assess in _ROWS:
        if _is_below(path, prefix):
            return assess(change)
    return Verdict.UPDATE_IN_PLACE, "Takes effect at the next sync, and neither creates nor deletes an object."


def moves_or_deletes(path: str) -> bool:
    """Return whether a field decides what an engine's object holds, where it is, or what is deleted with it."""
    return any(_is_below(path, prefix) for prefix, _ in _ROWS)


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}.")


def _assess_deletion(change: _Change) -> tuple[Verdict, str]:
    if not deletes_what_it_holds(change.after) or not (change.holding.vms or change.holding.disks):
        return Verdict.UPDATE_IN_PLACE, "Deleting it deletes no object."
    return _drop(change, f"Deleting it also deletes {change.holding}")


def _assess_template_finalizer(change: _Change) -> tuple[Verdict, str]:
    if not has_finalizer(get_mapping(get_mapping(change.spec, "template"), "metadata")):
        return Verdict.UPDATE_IN_PLACE, "Deleting its Applications deletes no object."
    return _drop(change, f"Deleting one of its Applications also deletes the objects of that Application, of {change.holding}")


def _drop(change: _Change, says: str) -> tuple[Verdict, str]:
    """Return that something is deleted more easily from now on, which must not hit a disk that nothing guards."""
    if change.holding.unguarded_disks:
        names = ", ".join(each.name for each in change.holding.unguarded_disks[:3])
        return (
            Verdict.DESTROYS_DATA,
            f"{says}, including {format_count(len(change.holding.unguarded_disks), 'unprotected disk')} ({names}).",
        )
    return Verdict.PROTECTION_DROPPED, f"{says}."


def _assess_prune(change: _Change) -> tuple[Verdict, str]:
    sync_settings = get_mapping(get_mapping(change.spec, "syncPolicy"), "automated")
    prunes = change.spec if change.after.get("kind") == KUSTOMIZATION else sync_settings
    if prunes.get("prune") is not True or not change.holding.disks:
        return Verdict.UPDATE_IN_PLACE, "Objects removed from Git are kept, or include no disk."
    return _drop(change, f"From now on, objects removed from Git are deleted, of {change.holding}")


def _assess_cluster(change: _Change) -> tuple[Verdict, str]:
    # Neither engine deletes in a cluster that it is no longer told about: seen with both.
    says = (
        f"Everything moves to another cluster, which creates {change.holding} without confirmation, the disks empty. "
        "The objects in the old cluster are kept, but no longer synced."
    )
    return Verdict.REBUILD, says


def _assess_namespace(change: _Change) -> tuple[Verdict, str]:
    del change
    return Verdict.UPDATE_IN_PLACE, "The manifests set their namespace, so no object moves."


def _assess_target_namespace(change: _Change) -> tuple[Verdict, str]:
    # Flux overwrites the namespace of each manifest: https://fluxcd.io/flux/components/kustomize/kustomizations/#target-namespace
    says = f"Another namespace gets new objects: {change.holding}, the disks empty; protected disks are kept in the old one"
    if change.spec.get("prune") is True and change.holding.unguarded_disks:
        return (
            Verdict.DESTROYS_DATA,
            f"{says}. It deletes {format_count(len(change.holding.unguarded_disks), 'unprotected disk')} there.",
        )
    return Verdict.REBUILD, f"{says}."


def _assess_source(change: _Change) -> tuple[Verdict, str]:
    losses = change.losses
    if not (losses.vms or losses.disks):
        return (
            Verdict.UPDATE_IN_PLACE,
            "It reads another path; objects that are not there are pruned, VMs without confirmation.",
        )
    says = f"No longer in the path: {losses}. VMs are deleted without confirmation, protected disks after confirmation"
    if losses.unguarded_disks:
        return Verdict.DESTROYS_DATA, f"{says}, and {format_count(len(losses.unguarded_disks), 'disk')} without protection too."
    return (Verdict.PROTECTION_DROPPED if losses.disks else Verdict.DELETE), f"{says}."


def _assess_force(change: _Change) -> tuple[Verdict, str]:
    if change.spec.get("force") is not True or not change.holding.disks:
        return Verdict.UPDATE_IN_PLACE, "No object is recreated by force."
    return Verdict.DESTROYS_DATA, "Flux deletes a disk and recreates it empty to change an immutable field."


# In this order: the first row whose path begins the field's decides, so `destination.namespace` is before `destination`.
_ROWS: tuple[tuple[str, Callable[[_Change], tuple[Verdict, str]]], ...] = (
    ("metadata.finalizers", _assess_deletion),
    ("spec.deletionPolicy", _assess_deletion),
    ("spec.syncPolicy.preserveResourcesOnDeletion", _assess_deletion),
    ("spec.template.metadata.finalizers", _assess_template_finalizer),
    ("spec.prune", _assess_prune),
    ("spec.syncPolicy.automated", _assess_prune),
    ("spec.force", _assess_force),
    ("spec.destination.namespace", _assess_namespace),
    ("spec.destination", _assess_cluster),
    ("spec.template.spec.destination.namespace", _assess_namespace),
    ("spec.template.spec.destination", _assess_cluster),
    ("spec.kubeConfig", _assess_cluster),
    ("spec.targetNamespace", _assess_target_namespace),
    ("spec.source", _assess_source),
    ("spec.sourceRef", _assess_source),
    ("spec.path", _assess_source),
    ("spec.generators", _assess_source),
)
