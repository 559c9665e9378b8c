"""A kustomization below manifests/ cannot take the protection of disks away unsaid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmgen.render.protection import find_overriding_kustomizations

OVERRIDES = [
    ("commonAnnotations: {kustomize.toolkit.fluxcd.io/prune: enabled}\n", True),
    ("commonAnnotations: {argocd.argoproj.io/sync-options: Prune=false}\n", True),
    ("commonAnnotations: {argocd.argoproj.io/sync-options: 'Prune=false,Delete=false'}\n", False),
    ("commonAnnotations: {kustomize.toolkit.fluxcd.io/force: enabled}\n", True),
    ("commonAnnotations: {argocd.argoproj.io/hook: PreSync}\n", True),
    ("commonAnnotations: {team: shop}\n", False),
    ("commonLabels: {kustomize.toolkit.fluxcd.io/force: Enabled}\n", True),
    ("commonLabels: {team: shop}\n", False),
    ("labels: [{pairs: {kustomize.toolkit.fluxcd.io/force: enabled}}]\n", True),
    ("labels: [{pairs: {team: shop}}]\n", False),
    ("patches: [{patch: '[{op: remove, path: /metadata/annotations}]', target: {kind: VMDisk}}]\n", True),
    ("patches: [{path: patch.yaml}]\n", True),
    ("patchesStrategicMerge: [patch.yaml]\n", True),
    ("patchesJson6902: [{path: patch.yaml, target: {kind: VMDisk}}]\n", True),
    ("patches: [{patch: '[{op: replace, path: /spec/storage, value: 9Gi}]', target: {kind: VMDisk}}]\n", False),
    ("components: [../shared]\n", True),
    ("transformers: [t.yaml]\n", True),
    ("namePrefix: x-\n", True),
    ("nameSuffix: -x\n", True),
    ("namespace: tenant-two\n", True),
    ("namePrefix: ''\n", False),
    ("resources: [a.yaml]\nconfigurations: [name-reference.yaml]\n", False),
    ("- a list\n", False),
    (": [\n", False),
]


@pytest.mark.parametrize(("text", "refused"), OVERRIDES)
@pytest.mark.parametrize("name", ["kustomization.yaml", "Kustomization"])
def test_what_overrides_a_guard_is_refused(text: str, refused: bool, name: str) -> None:
    """Annotations, labels and patches that take a guard away or bring a hazard are named; others are not."""
    found = list(find_overriding_kustomizations({f"production/{name}": text.encode()}, "manifests"))
    assert bool(found) is refused
    assert {str(problem.place) for problem in found} <= {f"manifests/production/{name}"}
    assert list(find_overriding_kustomizations({"production/other.yaml": text.encode()}, "manifests")) == []


PRODUCTION = "namespace: tenant-acme\nvms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n"
UNPRUNED = "commonAnnotations: {kustomize.toolkit.fluxcd.io/prune: enabled}\n"


def test_a_kustomization_of_an_own_template_is_looked_at(repository: Callable[..., Any]) -> None:
    """A template of the repository that annotates everything is refused before anything is written."""
    name = "kustomize/kustomization.yaml.j2"
    text = (Path(__file__).resolve().parents[2] / "templates" / name).read_text(encoding="utf-8")
    made = repository(PRODUCTION, {f"templates/{name}": text + UNPRUNED})
    done = made.run("render")
    assert (done.code, "[protection-lost]" in done.messages, made.files()) == (1, True, {}), done.messages
    assert made.run("plan").code == 1


@pytest.mark.parametrize("path", ["kustomization.yaml", "Kustomization", "production/disks/overlay/kustomization.yml"])
def test_a_foreign_kustomization_is_looked_at(repository: Callable[..., Any], path: str) -> None:
    """So is one that somebody put into manifests/."""
    made = repository(PRODUCTION)
    assert made.run("render").code == 0
    made.write({f"manifests/{path}": UNPRUNED})
    done = made.run("check", "--kustomize", "off")
    assert (done.code, f"manifests/{path}: error: commonAnnotations" in done.messages) == (1, True), done.messages
