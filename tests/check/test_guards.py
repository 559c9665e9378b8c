"""The guards and hazards of a disk, against what the engines did in runs."""

from __future__ import annotations

from typing import Any

import pytest

from vmgen.check.guards import FLUX_PRUNE, SYNC_OPTIONS, list_guards, list_hazards, list_missing_guards

ARGO, FLUX = "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/"
GUARDED = {SYNC_OPTIONS: "Prune=confirm,Delete=confirm", FLUX_PRUNE: "disabled"}


def disk(annotations: dict[str, Any] | None = None, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """A manifest with guards, over which annotations and labels are laid; None takes an annotation out."""
    values = {key: value for key, value in {**GUARDED, **(annotations or {})}.items() if value is not None}
    return {"metadata": {"annotations": values, "labels": labels or {}}}


def options(value: str) -> dict[str, str]:
    """Argo CD's sync options beside the guards."""
    return {SYNC_OPTIONS: f"Prune=confirm,Delete=confirm,{value}"}


# What made an engine delete, or delete and make anew, a disk that was guarded. Each row is one of the runs.
RECREATED = [
    ({f"{ARGO}hook": "PreSync"}, {}),
    ({f"{ARGO}hook": "PreSync", f"{ARGO}hook-delete-policy": "HookSucceeded"}, {}),
    ({f"{ARGO}hook": "PreSync", f"{ARGO}hook-delete-policy": "HookFailed"}, {}),
    ({f"{ARGO}hook": " PreSync "}, {}),
    ({f"{ARGO}hook": "PreSync,Skip"}, {}),
    ({f"{ARGO}hook": "Sync"}, {}),
    ({f"{ARGO}hook": "Sync", f"{ARGO}sync-wave": "-5"}, {}),
    ({f"{ARGO}hook": "PostSync"}, {}),
    ({f"{ARGO}hook": "SyncFail"}, {}),
    ({f"{ARGO}hook": "PreDelete"}, {}),
    ({f"{ARGO}hook": "nonsense"}, {}),
    ({f"{ARGO}hook": ""}, {}),
    ({f"{ARGO}hook-delete-policy": "BeforeHookCreation"}, {}),
    ({"helm.sh/hook": "pre-install"}, {}),
    ({"helm.sh/hook": "post-upgrade", "helm.sh/hook-delete-policy": "hook-succeeded"}, {}),
    ({"helm.sh/hook": "test"}, {}),
    ({"helm.sh/hook-weight": "5"}, {}),
    (options("Force=true"), {}),
    (options("Replace=true,Force=true"), {}),
    (options(" Replace=true , Force=true "), {}),
    (options("ServerSideApply=true,Force=true"), {}),
    ({f"{ARGO}tracking-id": "other:apps.cozystack.io/VMDisk:a/b"}, {}),
    ({f"{FLUX}force": "enabled"}, {}),
    ({f"{FLUX}force": "Enabled"}, {}),
    ({}, {f"{FLUX}force": "enabled"}),
]
# What no longer applied the disk, or hid that it is gone, and kept it.
FROZEN = [
    ({f"{FLUX}ssa": "IfNotPresent"}, {}),
    ({f"{FLUX}ssa": "Ignore"}, {}),
    ({f"{FLUX}ssa": "ignore"}, {}),
    ({f"{FLUX}reconcile": "disabled"}, {}),
    ({}, {f"{FLUX}reconcile": "Disabled"}),
    ({f"{ARGO}compare-options": "IgnoreExtraneous"}, {}),
    ({f"{ARGO}compare-options": "ServerSideDiff=false, IgnoreExtraneous"}, {}),
]
# What changed nothing.
HARMLESS = [
    ({}, {}),
    (options("Replace=true"), {}),
    (options("replace=true,force=true"), {}),
    (options("Replace=True,Force=True"), {}),
    (options("Force=false"), {}),
    (options("PruneLast=true,Validate=false,SkipDryRunOnMissingResource=true"), {}),
    ({f"{FLUX}force": "Enabled "}, {}),
    ({f"{FLUX}force": "true"}, {}),
    ({f"{FLUX}reconcile": "disabled "}, {}),
    ({f"{FLUX}ssa": "Merge"}, {}),
    ({f"{FLUX}ssa": "Override"}, {}),
    ({f"{ARGO}compare-options": "ServerSideDiff=false"}, {}),
    ({f"{ARGO}sync-wave": "-1"}, {}),
    ({"helm.sh/resource-policy": "keep"}, {}),
]


@pytest.mark.parametrize(("annotations", "labels"), RECREATED)
def test_what_recreates_a_disk_is_an_error(annotations: dict[str, Any], labels: dict[str, str]) -> None:
    """Every way in which a guarded disk was deleted by an annotation or label is a hazard that refuses."""
    assert "error" in {hazard.severity for hazard in list_hazards(disk(annotations, labels))}


@pytest.mark.parametrize(("annotations", "labels"), FROZEN)
def test_what_freezes_a_disk_is_a_warning(annotations: dict[str, Any], labels: dict[str, str]) -> None:
    """What only keeps a change from arriving warns."""
    assert {hazard.severity for hazard in list_hazards(disk(annotations, labels))} == {"warning"}


@pytest.mark.parametrize(("annotations", "labels"), HARMLESS)
def test_what_is_harmless_is_no_hazard(annotations: dict[str, Any], labels: dict[str, str]) -> None:
    """What the engines ignored, or took in without a deletion, is left alone."""
    assert list_hazards(disk(annotations, labels)) == ()


# The spelling of Argo CD's options and of Flux's word, and whether the disk was held when it left Git.
ARGO_SPELLINGS = [
    ("Prune=confirm,Delete=confirm", True),
    ("Prune=false,Delete=false", True),
    (" Prune=confirm , Delete=confirm ", True),
    ("Prune=confirm,Prune=true,Delete=confirm", True),
    ("Prune=false,Prune=confirm,Delete=confirm,Delete=true", True),
    ("ServerSideApply=true,Prune=confirm,Delete=confirm", True),
    ("Prune=true,Prune=confirm,Delete=confirm", False),
    ("Prune=confirm,Delete=true,Delete=confirm", False),
    ("prune=confirm,delete=confirm", False),
    ("Prune=Confirm,Delete=Confirm", False),
    ("Prune = confirm,Delete = confirm", False),
    ("Prune= confirm,Delete= confirm", False),
    ("Prune=confirm;Delete=confirm", False),
    ("Delete=confirm", False),
    ("Prune=confirm", False),
    ("ServerSideApply=true", False),
    ("\x1cPrune=confirm,Delete=confirm", False),
    ("", False),
]
FLUX_SPELLINGS = [
    ("disabled", True),
    ("Disabled", True),
    ("disabled ", False),
    (" disabled", False),
    ("false", False),
    ("enabled", False),
    ("${PRUNE:=disabled}", False),
    ("", False),
]


@pytest.mark.parametrize(("value", "held"), ARGO_SPELLINGS)
def test_argocd_honours_one_spelling(value: str, held: bool) -> None:
    """The first `Prune=` and the first `Delete=` decide, trimmed of blanks, in their exact case."""
    assert (list_missing_guards(disk({SYNC_OPTIONS: value})) == ()) is held


@pytest.mark.parametrize(("value", "held"), FLUX_SPELLINGS)
def test_flux_honours_one_word(value: str, held: bool) -> None:
    """`disabled` in any case and without a blank, as an annotation or a label."""
    assert (list_missing_guards(disk({FLUX_PRUNE: value})) == ()) is held
    assert (list_missing_guards(disk({FLUX_PRUNE: None}, {FLUX_PRUNE: value})) == ()) is held


@pytest.mark.parametrize(
    "document", [{}, {"metadata": None}, {"metadata": {"annotations": []}}, {"metadata": {"annotations": {FLUX_PRUNE: True}}}]
)
def test_a_manifest_without_annotations_has_no_guard(document: dict[str, Any]) -> None:
    """Whatever stands in the place of annotations, nothing is taken for a guard, and nothing fails."""
    assert list_guards(document) == ()
    assert list_hazards(document) == ()
