"""What is known of Argo CD and Flux: the lowest layer of `delivery:`, and the shape of each object that is written for them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from vmgen.problems import VmgenError
from vmgen.read.located import Located
from vmgen.read.platform import load_extended
from vmgen.read.project import Project
from vmgen.read.schema import Schema

DELIVERY_FOLDER = "delivery"
ARGOCD, FLUX, STANDALONE_FOLDER = "argocd", "flux", "standalone"
DEFAULTS_FILE = "delivery/defaults.yaml"
# The schema of each kind: the fields that are written, and no other.
SCHEMA_FILES: Mapping[str, str] = {
    "Application": "delivery/application.schema.json",
    "ApplicationSet": "delivery/application-set.schema.json",
    "ConfigMap": "delivery/config-map.schema.json",
    "Kustomization": "delivery/kustomization.schema.json",
}


def load_delivery_defaults(project: Project) -> Located:
    """The settings of `argocd` and `flux` that hold where an environment writes none."""
    return load_extended(DEFAULTS_FILE, project)


def load_schema(kind: str, project: Project) -> Schema:
    """The schema of a kind."""
    path = project.find_template(SCHEMA_FILES[kind])
    if path is None:
        raise VmgenError(f"templates/{SCHEMA_FILES[kind]} is missing")
    try:
        return Schema(json.loads(path.read_text(encoding="utf-8")), ours=project.is_built_in(path))
    except ValueError as error:
        raise VmgenError(f"{project.display_path(path)} is not JSON: {error}") from None
