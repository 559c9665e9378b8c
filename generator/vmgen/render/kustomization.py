"""The kustomization.yaml of every folder, and the configuration that lets kustomize rename disks and what names them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from vmgen.expand.model import Fleet
from vmgen.read.templates import Templates

KUSTOMIZATION = "kustomization.yaml"
NAME_REFERENCE = "name-reference.yaml"


def render_kustomizations(fleet: Fleet, paths: tuple[str, ...], templates: Templates) -> Iterator[tuple[str, str]]:
    """The kustomization.yaml of each folder above the manifests, listing exactly what lies in it, sorted."""
    entries = _collect_entries(paths, fleet.environment)
    for folder in sorted(entries):
        root = folder == fleet.environment
        values = {"resources": sorted(entries[folder]), "configurations": [NAME_REFERENCE] if root else []}
        yield f"{folder}/{KUSTOMIZATION}", templates.render("kustomize/kustomization.yaml.j2", values)
    if entries:
        references = {"diskReferences": fleet.platform.get_section("diskReferences")}
        yield f"{fleet.environment}/{NAME_REFERENCE}", templates.render("kustomize/name-reference.yaml.j2", references)


def _collect_entries(paths: tuple[str, ...], environment: str) -> dict[str, set[str]]:
    """What lies in each folder: files by name, folders by name."""
    entries: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        child = path
        while child != environment:
            folder, _, name = child.rpartition("/")
            if name in entries[folder]:
                break
            entries[folder].add(name)
            child = folder
    return entries
