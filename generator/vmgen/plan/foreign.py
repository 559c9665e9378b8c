"""Files that vmgen did not write, and what an engine makes of them where it applies whole folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from vmgen.filesystem.reader import read_start
from vmgen.problems import Place, Problem
from vmgen.read.repository import Project
from vmgen.rules import FOREIGN_FILE, FOREIGN_OBJECT
from vmgen.yaml_text import HEADER_PREFIX

_MAX_BYTES = 16 * 1024 * 1024
_KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# Argo CD takes a folder with one of these for Helm: https://argo-cd.readthedocs.io/en/stable/user-guide/tool_detection/
_CHART_NAME = "Chart.yaml"
# Argo CD lays the parameters in it over the Application: https://argo-cd.readthedocs.io/en/stable/user-guide/parameters/
_OVERRIDE_PREFIX = ".argocd-source"
_JSONNET_SUFFIXES = (".jsonnet", ".libsonnet")
# What somebody needs beside our files in delivery/, and no engine deletes a disk by.
CONFIGURATION_KINDS = frozenset(
    {"AppProject", "ConfigManagementPlugin", "GitRepository", "OCIRepository", "Bucket", "ConfigMap", "Namespace"}
)
_KUSTOMIZATION_KEYS = frozenset({"apiVersion", "kind", "resources", "configurations"})


def find_foreign_files(
    project: Project, paths: Iterable[str], permitted_kinds: frozenset[str] = frozenset(), *, reports_others: bool = True
) -> Iterator[Problem]:
    """Report files below the output folder that vmgen did not write: an error if an engine would apply something of them.

    Objects of permitted kinds pass. Without `reports_others`, what no engine applies is not reported.
    """
    for path in paths:
        place = Place(project.display_path(project.manifests / path))
        effect = describe_effect(project, path, permitted_kinds)
        if effect:
            message = f"{effect}, and vmgen did not write it: a sync tool may apply it without plan and gate; move it out of"
            yield FOREIGN_OBJECT.build_problem(place, "", f"{message} {project.output}/")
        elif reports_others:
            message = f"was not written by vmgen and is left alone; move it out of {project.output}/"
            yield FOREIGN_FILE.build_problem(place, "", message)


def describe_effect(project: Project, path: str, permitted_kinds: frozenset[str] = frozenset()) -> str:
    """Return what an engine takes a foreign file for; empty for a file that it does not look at."""
    # A render that has nothing to do, and meets no foreign file, is spared the YAML parser.
    from vmgen.read.manifests import InvalidYamlError, is_manifest_file, iter_objects, parse_objects

    name = PurePosixPath(path).name
    if name.startswith(_OVERRIDE_PREFIX):
        return "changes how Argo CD reads this folder"
    # Flux, and Argo CD without a directory source, build a folder that has one, and apply nothing that it does not list.
    if name in _KUSTOMIZATION_NAMES:
        return "" if permitted_kinds else "is a kustomization"
    if name == _CHART_NAME:
        return "is a Helm chart"
    if name.endswith(_JSONNET_SUFFIXES):
        return "is a Jsonnet program"
    if not is_manifest_file(name):
        return ""
    try:
        content = read_start(f"{project.manifests}/{path}", _MAX_BYTES + 1)
        objects = list(iter_objects(parse_objects(content))) if len(content) <= _MAX_BYTES else []
    except (OSError, InvalidYamlError, RecursionError):
        return "cannot be read"
    if len(content) > _MAX_BYTES:
        return "is larger than 16 MiB"
    identities = (_identify(document) for document in objects if document["kind"] not in permitted_kinds)
    names = [f"{kind} {name}" if isinstance(name, str) else str(kind) for kind, _, name in identities]
    return f"contains {', '.join(names)}" if names else ""


def has_lost_header(content: bytes, desired: bytes) -> bool:
    """Return true if a file without our first line is one of ours all the same: of the object, or the list, that is desired."""
    from vmgen.read.manifests import InvalidYamlError, parse_objects

    if content.startswith(HEADER_PREFIX.encode()):
        return False
    try:
        existing, desired_objects = parse_objects(content), parse_objects(desired)
    except InvalidYamlError:
        return False
    if len(existing) != 1 or not isinstance(existing[0], dict) or len(desired_objects) != 1:
        return False
    # The list has changed with each VM since, so only its shape can tell that it is the one that was written here.
    if desired_objects[0].get("kind") == "Kustomization":
        return existing[0].get("kind") == "Kustomization" and existing[0].keys() <= _KUSTOMIZATION_KEYS
    return _identify(existing[0]) == _identify(desired_objects[0])


def _identify(document: Mapping[str, Any]) -> tuple[Any, ...]:
    metadata = document.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    return document.get("kind"), names.get("namespace"), names.get("name")
