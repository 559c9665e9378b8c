"""What is known of Argo CD and Flux: the lowest layer of `delivery:`, and the shape of each object that is written for them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from vmgen.problems import VmgenError
from vmgen.read.located import Located
from vmgen.read.platform import layered_data
from vmgen.read.project import Project
from vmgen.read.schema import Schema

FOLDER = "delivery"
ARGOCD, FLUX, STANDALONE = "argocd", "flux", "standalone"
DEFAULTS = "delivery/defaults.yaml"
# The schema of each kind: the fields that are written, and no other.
SHAPES: Mapping[str, str] = {
    "Application": "delivery/application.schema.json",
    "ApplicationSet": "delivery/application-set.schema.json",
    "ConfigMap": "delivery/config-map.schema.json",
    "Kustomization": "delivery/kustomization.schema.json",
}


def delivery_defaults(project: Project) -> Located:
    """The settings of `argocd` and `flux` that hold where an environment writes none."""
    return layered_data(DEFAULTS, project)


def shape(kind: str, project: Project) -> Schema:
    """The schema of a kind."""
    path = project.template(SHAPES[kind])
    if path is None:
        raise VmgenError(f"templates/{SHAPES[kind]} is missing")
    try:
        return Schema(json.loads(path.read_text(encoding="utf-8")), ours=project.is_built_in(path))
    except ValueError as error:
        raise VmgenError(f"{project.shown(path)} is not JSON: {error}") from None
