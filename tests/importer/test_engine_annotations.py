"""Annotations for Argo CD and Flux on imported objects: those that vmgen implies, and those that replace what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

ARGO, FLUX = "argocd.argoproj.io/sync-options", "kustomize.toolkit.fluxcd.io/prune"
SUBSTITUTE = "kustomize.toolkit.fluxcd.io/substitute"
API = "apps.cozystack.io/v1alpha1"


def disk(**annotations: str) -> dict[str, Any]:
    """A system disk of web-1 with annotations."""
    spec = {"source": {"image": {"name": "ubuntu-2404"}}, "storage": "20Gi"}
    metadata = {"name": "web-1-system", "namespace": "tenant-acme", "annotations": annotations}
    return {"apiVersion": API, "kind": "VMDisk", "metadata": metadata, "spec": spec}


def vm(cloud_init: str, **annotations: str) -> dict[str, Any]:
    """The VM web-1 with user data and annotations."""
    spec = {"running": True, "instanceType": "u1.large", "instanceProfile": "ubuntu", "disks": ["web-1-system"]}
    metadata = {"name": "web-1", "namespace": "tenant-acme", "annotations": annotations}
    return {"apiVersion": API, "kind": "VMInstance", "metadata": metadata, "spec": {**spec, "cloudInit": cloud_init}}


@pytest.fixture
def adopt(new_repository: Callable, import_text: Callable, render_text: Callable) -> Callable:
    """Imports objects; returns the environment, its notes, and what it renders, by file."""

    def run(*objects: Any) -> tuple[dict[str, Any], list[str], dict[str, str]]:
        project = new_repository().project
        (environment,) = import_text(project, "\n---\n".join(map(json.dumps, objects))).environments
        assert environment.is_verified, [str(problem) for problem in environment.problems]
        notes = [f"{note.field}: {note.text}" for note in environment.notes]
        return environment.content.data, notes, render_text(project, environment.content.text)

    return run


@pytest.mark.parametrize(
    ("annotations", "says"),
    [
        ({ARGO: "Prune=false"}, "replaces the protection 'Prune=confirm,Delete=confirm'"),
        ({ARGO: "Delete=confirm,ServerSideApply=true"}, "replaces the protection 'Prune=confirm,Delete=confirm'"),
        ({ARGO: "Prune=false", FLUX: "enabled"}, "replaces the protection 'disabled'"),
        ({ARGO: "Prune=false,Delete=false", FLUX: ""}, "replaces the protection 'disabled'"),
    ],
)
def test_a_disk_with_less_than_the_protection_keeps_its_annotations(
    adopt: Callable, annotations: dict[str, str], says: str
) -> None:
    """It is imported with `protect: false`, which a note says with the way to protect it."""
    data, notes, rendered = adopt(disk(**annotations), vm(""))
    assert data["vms"]["web-1"]["protect"] is False
    assert any(says in note and "to protect it, remove `protect: false`" in note for note in notes)
    for name, value in annotations.items():
        assert f"    {name}: {value}\n" in rendered["disks/web-1-system.yaml"].replace('"', "") or not value


@pytest.mark.parametrize(
    "annotations",
    [{ARGO: "Prune=false,Delete=false"}, {ARGO: "Delete=confirm,Prune=false,Validate=false"}, {FLUX: "Disabled"}, {}],
)
def test_a_disk_with_guards_of_its_own_is_protected(adopt: Callable, annotations: dict[str, str]) -> None:
    """What an engine takes for a guard is one in each spelling, and the other guards are added."""
    data, notes, rendered = adopt(disk(**annotations), vm(""))
    assert "protect" not in data["vms"]["web-1"]
    assert notes == []
    assert all(name in rendered["disks/web-1-system.yaml"] for name in (ARGO, FLUX))


def test_an_annotation_that_user_data_implies_is_not_written(adopt: Callable) -> None:
    """The disks of the VM then keep their annotations as they are, and the VM renders it again."""
    data, notes, rendered = adopt(disk(), vm("#!/bin/sh\necho ${HOME}\n", **{SUBSTITUTE: "disabled"}))
    assert "annotations" not in data["vms"]["web-1"]
    assert notes == []
    assert SUBSTITUTE in rendered["vms/web-1.yaml"]
    assert SUBSTITUTE not in rendered["disks/web-1-system.yaml"]


@pytest.mark.parametrize(
    ("cloud_init", "value", "disk_annotations"),
    [
        ("#!/bin/sh\necho $HOME\n", "disabled", {}),
        ("#!/bin/sh\necho $${HOME}\n", "disabled", {}),
        ("#!/bin/sh\necho ${HOME}\n", "enabled", {}),
        ("#!/bin/sh\necho ${HOME}\n", "disabled", {SUBSTITUTE: "disabled"}),
    ],
)
def test_an_annotation_that_user_data_does_not_imply_is_written(
    adopt: Callable, cloud_init: str, value: str, disk_annotations: dict[str, str]
) -> None:
    """So is one that the disks of the VM have too."""
    data, _, rendered = adopt(disk(**disk_annotations), vm(cloud_init, **{SUBSTITUTE: value}))
    assert data["vms"]["web-1"]["annotations"] == {SUBSTITUTE: value}
    assert f"{SUBSTITUTE}: {value}" in rendered["vms/web-1.yaml"]
