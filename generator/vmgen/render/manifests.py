"""The tree of one environment: every file that is wanted, by its path below `manifests/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vmgen.expand.model import Fleet, Resource
from vmgen.mark import format_header
from vmgen.problems import Problem
from vmgen.quoting import finalize, is_plain, to_block
from vmgen.read.prepared import Prepared
from vmgen.read.project import Project
from vmgen.read.templates import Templates
from vmgen.render.kustomization import render_kustomizations
from vmgen.render.stencil import ManifestTemplate, build_manifest_template, list_names
from vmgen.render.verify import ManifestVerifier

# All that the templates of manifests may do to a value.
MANIFEST_FILTERS = {"block": to_block}


class Tree(NamedTuple):
    """The files of one environment, with the object that each manifest holds."""

    environment: str
    files: Mapping[str, bytes]
    resources: Mapping[str, Resource]


def load_manifest_templates(project: Project, prepared: Prepared | None = None) -> Templates:
    """The templates of manifests, in which every `{{ … }}` is one YAML value."""
    return Templates(project, finalize, MANIFEST_FILTERS, prepared=prepared)


def get_manifest_path(fleet: Fleet, resource: Resource) -> str:
    """Where a manifest lies: `production/vms/web/web-1.yaml`."""
    folder = f"{fleet.environment}/{fleet.get_kind(resource).folder}"
    return f"{folder}/{resource.group}/{resource.name}.yaml" if resource.group else f"{folder}/{resource.name}.yaml"


def render_tree(fleet: Fleet, templates: Templates, *, verify_all: bool = False) -> tuple[Tree, list[Problem]]:
    """Every file of an environment, and what its templates got wrong.

    The first object of each shape is read back and compared, and the others are filled into its stencil. With
    `verify_all`, each one is rendered and read back by itself; the bytes are the same.
    """
    press = _ManifestRenderer(fleet, templates, ManifestVerifier(fleet, templates), by_itself=verify_all)
    first = format_header(fleet.file)
    files: dict[str, bytes] = {}
    resources: dict[str, Resource] = {}
    for resource in fleet.resources:
        path = get_manifest_path(fleet, resource)
        files[path] = (first + press.render(resource)).encode()
        resources[path] = resource
    for path, text in render_kustomizations(fleet, tuple(resources), templates):
        files[path] = (first + text).encode()
    return Tree(fleet.environment, files, resources), press.verifier.problems


class _ManifestRenderer:
    """Makes manifests: by the template for the first object of a shape, by its stencil for the rest."""

    def __init__(self, fleet: Fleet, templates: Templates, verifier: ManifestVerifier, *, by_itself: bool) -> None:
        self.verifier = verifier
        self._fleet = fleet
        self._templates = templates
        self._verify_all = by_itself
        self._manifest_templates: dict[tuple[object, ...], ManifestTemplate | None] = {}

    def render(self, resource: Resource) -> str:
        """The text of one manifest."""
        shape = resource.render_key
        names = list_names(resource)
        known = None if self._verify_all else self._manifest_templates.get(shape)
        if known is not None and is_plain(names):  # a VM called `no` is rendered by itself, in quotes
            return known.format(names)
        template = self._fleet.get_kind(resource).template
        rendered = self._templates.render(template, resource.build_context())
        if self._verify_all or shape not in self._manifest_templates:
            self.verifier.verify(resource, rendered)
        if shape not in self._manifest_templates:
            self._manifest_templates[shape] = None if self._verify_all else self._build_template(resource, template, rendered)
        return rendered

    def _build_template(self, resource: Resource, template: str, rendered: str) -> ManifestTemplate | None:
        """The stencil of a shape, if it gives back what its template rendered."""
        made = build_manifest_template(resource, template, self._templates)
        return made if made and made.format(list_names(resource)) == rendered else None
