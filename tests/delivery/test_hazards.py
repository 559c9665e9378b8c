"""A repository's own templates of what delivers cannot bypass the guards of disks, whatever its own schemas permit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BUILT_IN = Path(__file__).resolve().parents[2] / "templates" / "delivery"
APPLICATION, SET, KUSTOMIZATION = "argocd/application.yaml.j2", "argocd/application-set.yaml.j2", "flux/kustomization.yaml.j2"
SCHEMAS = {APPLICATION: "application", SET: "application-set", KUSTOMIZATION: "kustomization"}
SPEC, ANNOTATIONS, END = "spec:\n", "  annotations:\n", ""
HAZARDS = {
    "approval": (
        APPLICATION,
        ANNOTATIONS,
        "    argocd.argoproj.io/deletion-approved: '2099-01-01T00:00:00Z'\n",
        "deletion-approved",
    ),
    "approval in the past": (
        APPLICATION,
        ANNOTATIONS,
        "    argocd.argoproj.io/deletion-approved: '2020-01-01'\n",
        "deletion-approved",
    ),
    "empty approval": (APPLICATION, ANNOTATIONS, "    argocd.argoproj.io/deletion-approved: ''\n", "deletion-approved"),
    "forced operation": (APPLICATION, END, "operation: {sync: {syncStrategy: {apply: {force: true}}}}\n", "operation"),
    "patches of Argo CD": (
        APPLICATION,
        "  source:\n",
        "    kustomize: {patches: [{patch: x}]}\n",
        "spec.source.kustomize.patches",
    ),
    "annotations of Argo CD": (
        APPLICATION,
        "  source:\n",
        "    kustomize: {commonAnnotations: {argocd.argoproj.io/sync-options: Prune=true}}\n",
        "spec.source.kustomize.commonAnnotations",
    ),
    "forced": (
        APPLICATION,
        "    syncOptions:{{ syncOptions | block(6) }}\n",
        "      - Replace=true,Force=true\n",
        "syncOptions",
    ),
    "more sources": (APPLICATION, SPEC, "  sources: [{repoURL: x, path: y}]\n", "spec.sources"),
    "approval by a set": (
        SET,
        "      annotations:\n",
        "        argocd.argoproj.io/deletion-approved: '2099-01-01T00:00:00Z'\n",
        "spec.template.metadata.annotations",
    ),
    "patch of a set": (SET, SPEC, "  templatePatch: '{}'\n", "spec.templatePatch"),
    "patches of Flux": (
        KUSTOMIZATION,
        SPEC,
        "  patches: [{target: {kind: VMDisk}, patch: '[{op: remove, path: /metadata/annotations}]'}]\n",
        "spec.patches",
    ),
    "old patches of Flux": (KUSTOMIZATION, SPEC, "  patchesStrategicMerge: [{kind: VMDisk}]\n", "spec.patchesStrategicMerge"),
    "components": (KUSTOMIZATION, SPEC, "  components: [../unguard]\n", "spec.components"),
    "prefix": (KUSTOMIZATION, SPEC, "  namePrefix: new-\n", "spec.namePrefix"),
    "force": (KUSTOMIZATION, SPEC, "  force: true\n", "spec.force"),
    "a guard that is replaced": (
        KUSTOMIZATION,
        SPEC,
        "  commonMetadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: enabled}}\n",
        "spec.commonMetadata",
    ),
    "force as a label": (
        KUSTOMIZATION,
        SPEC,
        "  commonMetadata: {labels: {kustomize.toolkit.fluxcd.io/force: enabled}}\n",
        "spec.commonMetadata",
    ),
    "a hook for each object": (
        KUSTOMIZATION,
        SPEC,
        "  commonMetadata: {annotations: {argocd.argoproj.io/hook: PreSync}}\n",
        "spec.commonMetadata",
    ),
}
HARMLESS = {
    "a label": (KUSTOMIZATION, SPEC, "  commonMetadata: {labels: {team: shop}}\n"),
    "no force": (KUSTOMIZATION, SPEC, "  force: false\n  patches: []\n"),
    "a note": (APPLICATION, ANNOTATIONS, "    team: shop\n"),
}


def write(repository: Callable[..., Any], template: str, behind: str, text: str) -> Any:
    """Return a repository whose own template has some lines more, and whose own schema takes everything."""
    source = (BUILT_IN / template).read_text(encoding="utf-8")
    assert behind in source
    source = source.replace(behind, behind + text, 1) if behind else source + text
    argocd = "argocd: {repoURL: 'https://git.example.com/vms.git', destination: {name: hikube}"
    argocd += ", applicationSet: true}" if template == SET else "}"
    production = f"""namespace: tenant-acme
vms:
  web: {{instanceType: u1.large, image: ubuntu-2404}}
delivery:
  {argocd}
  flux: {{sourceRef: {{name: vms}}}}
"""
    schema = f"templates/delivery/{SCHEMAS[template]}.schema.json"
    return repository(production, {f"templates/delivery/{template}": source, schema: "{}"})


@pytest.mark.parametrize("name", HAZARDS)
def test_a_hazard_is_refused(name: str, repository: Callable[..., Any]) -> None:
    """The field is refused at the template, and nothing is written."""
    template, behind, text, field = HAZARDS[name]
    made = write(repository, template, behind, text)
    done = made.run("render")
    assert done.code == 1
    assert f"templates/delivery/{template}" in done.messages
    assert "[delivery-unguarded]" in done.messages
    assert field in done.messages
    assert made.files("delivery") == {}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_passes(name: str, repository: Callable[..., Any]) -> None:
    """An own template with other fields renders."""
    assert write(repository, *HARMLESS[name]).run("render").code == 0


def test_another_kind_is_refused(repository: Callable[..., Any]) -> None:
    """An own template that writes another kind than the one that is asked for is refused."""
    made = write(repository, KUSTOMIZATION, SPEC, "  force: false\n")
    path = made.root / "templates/delivery" / KUSTOMIZATION
    path.write_text(path.read_text(encoding="utf-8").replace("kind: Kustomization", "kind: HelmRelease"), encoding="utf-8")
    assert "kind must be 'Kustomization', and is 'HelmRelease'" in made.run("render").messages
