"""Decide which changes destroy the data of a disk, or drop its protection, independent of a repository's verdict tables.

A VMDisk that disappears takes its data with it, also where an engine deletes it and recreates it under its name. That is
a law of the program: a table of the repository may be stricter, never more lenient.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.check.guards import HAZARDS, SYNC_OPTIONS, list_guards, list_hazards, list_options
from vmgen.plan.verdicts import FieldChange, Verdict

DATA_KIND = "VMDisk"
# A change of these can only be made by another object of the same name.
_FIXED_FIELDS = ("spec.source", "spec.storageClass")
_FORCE_KEYS = (SYNC_OPTIONS, "kustomize.toolkit.fluxcd.io/force")
_HOOK_KEYS = tuple(hazard.key for hazard in HAZARDS if "hook" in hazard.key)
_ENGINES = "argo-cd docs/user-guide/sync-options.md, kustomize-controller docs/spec/v1/kustomizations.md"


class Assessment(NamedTuple):
    """A verdict with its sentence and where the fact comes from."""

    verdict: Verdict
    says: str
    source: str


def assess_deletion(kind: str, assessment: Assessment) -> Assessment:
    """Return the assessment of a table on an object that disappears, or that of the law."""
    # The DataVolume of the chart owns the volume, and none of the documented StorageClasses retains one.
    if kind != DATA_KIND or assessment.verdict == Verdict.DESTROYS_DATA:
        return assessment
    says = "The disk and its data are deleted, regardless of any table of verdicts; the platform keeps no copy."
    return Assessment(Verdict.DESTROYS_DATA, says, "packages/apps/vm-disk/templates/dv.yaml")


def assess_update(
    kind: str, before: Mapping[str, Any], after: Mapping[str, Any], fields: Iterable[FieldChange]
) -> Assessment | None:
    """Return why an update of a disk destroys its data or drops its protection; None if it does neither.

    The engines read the annotations of the live object too, so what the older version carries counts as well.
    """
    if kind != DATA_KIND:
        return None
    fields = tuple(fields)
    says = _describe_recreation(before, after, fields) if fields else ""
    if says:
        return Assessment(Verdict.DESTROYS_DATA, says, _ENGINES)
    missing_guards = [guard for guard in list_guards(before) if guard not in list_guards(after)]
    if not missing_guards:
        return None
    says = f"The protection is dropped. No longer true: {', '.join(guard.name for guard in missing_guards)}."
    return Assessment(Verdict.PROTECTION_DROPPED, says, _ENGINES)


def _describe_recreation(before: Mapping[str, Any], after: Mapping[str, Any], fields: tuple[FieldChange, ...]) -> str:
    """Return what deletes the disk and makes another of its name, as a sentence; empty if nothing does."""
    # Only the group: two versions of one group are two views of one stored object.
    groups = [str(document.get("apiVersion", "")).rpartition("/")[0] for document in (before, after)]
    if groups[0] != groups[1]:
        return f"Another API group is another object: that of {groups[0] or 'no group'} is deleted with its data."
    if any(hazard.key in _HOOK_KEYS for hazard in list_hazards(after)):
        return "Argo CD treats the disk as a hook: a sync deletes it, and may recreate it empty."
    if {"Replace=true", "Force=true"} <= {*_list_sync_options(before), *_list_sync_options(after)}:
        return (
            "With Replace=true and Force=true, Argo CD deletes the disk and recreates it empty at any change, also the one "
            "that removes them: turn off automatic sync, remove the annotation from the live disk, then commit."
        )
    # The engines honour the annotation of the live object too, so one that this change removes still counts.
    force = [hazard for hazard in (*list_hazards(before), *list_hazards(after)) if hazard.key in _FORCE_KEYS]
    fixed_paths = [field.path for field in fields if field.path in _FIXED_FIELDS or field.verdict == Verdict.REJECTED]
    if force and fixed_paths:
        return (
            f"{', '.join(fixed_paths)} cannot change, and {force[0].key} makes the sync tool delete the disk and recreate it "
            "empty. "
            "It applies as long as the live disk has it: remove it in a separate change first."
        )
    return ""


def _list_sync_options(document: Mapping[str, Any]) -> list[str]:
    metadata = document.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return list_options(str(annotations.get(SYNC_OPTIONS, ""))) if isinstance(annotations, Mapping) else []
