"""The tree of one environment: every file that is wanted, by its path below `manifests/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vmgen.expand.model import Fleet, Resource
from vmgen.mark import header
from vmgen.problems import Problem
from vmgen.quoting import bare, block, finalized
from vmgen.read.prepared import Prepared
from vmgen.read.project import Project
from vmgen.read.templates import Templates
from vmgen.render.kustomization import kustomizations
from vmgen.render.stencil import Stencil, names_of, stencil
from vmgen.render.verify import Verifier

# All that the templates of manifests may do to a value.
FILTERS = {"block": block}


class Tree(NamedTuple):
    """The files of one environment, with the object that each manifest holds."""

    environment: str
    files: Mapping[str, bytes]
    resources: Mapping[str, Resource]


def manifest_templates(project: Project, prepared: Prepared | None = None) -> Templates:
    """The templates of manifests, in which every `{{ … }}` is one YAML value."""
    return Templates(project, finalized, FILTERS, prepared=prepared)


def path_of(fleet: Fleet, resource: Resource) -> str:
    """Where a manifest lies: `production/vms/web/web-1.yaml`."""
    folder = f"{fleet.environment}/{fleet.kind_of(resource).folder}"
    return f"{folder}/{resource.group}/{resource.name}.yaml" if resource.group else f"{folder}/{resource.name}.yaml"


def tree(fleet: Fleet, templates: Templates, *, verify_all: bool = False) -> tuple[Tree, list[Problem]]:
    """Every file of an environment, and what its templates got wrong.

    The first object of each shape is read back and compared, and the others are filled into its stencil. With
    `verify_all`, each one is rendered and read back by itself; the bytes are the same.
    """
    press = _Press(fleet, templates, Verifier(fleet, templates), by_itself=verify_all)
    first = header(fleet.file)
    files: dict[str, bytes] = {}
    resources: dict[str, Resource] = {}
    for resource in fleet.resources:
        path = path_of(fleet, resource)
        files[path] = (first + press.manifest(resource)).encode()
        resources[path] = resource
    for path, text in kustomizations(fleet, tuple(resources), templates):
        files[path] = (first + text).encode()
    return Tree(fleet.environment, files, resources), press.verifier.problems


class _Press:
    """Makes manifests: by the template for the first object of a shape, by its stencil for the rest."""

    def __init__(self, fleet: Fleet, templates: Templates, verifier: Verifier, *, by_itself: bool) -> None:
        self.verifier = verifier
        self._fleet = fleet
        self._templates = templates
        self._by_itself = by_itself
        self._stencils: dict[tuple[object, ...], Stencil | None] = {}

    def manifest(self, resource: Resource) -> str:
        """The text of one manifest."""
        shape = resource.shape
        names = names_of(resource)
        known = None if self._by_itself else self._stencils.get(shape)
        if known is not None and bare(names):  # a VM called `no` is rendered by itself, in quotes
            return known.filled(names)
        template = self._fleet.kind_of(resource).template
        rendered = self._templates.render(template, resource.context())
        if self._by_itself or shape not in self._stencils:
            self.verifier.look(resource, rendered)
        if shape not in self._stencils:
            self._stencils[shape] = None if self._by_itself else self._cut(resource, template, rendered)
        return rendered

    def _cut(self, resource: Resource, template: str, rendered: str) -> Stencil | None:
        """The stencil of a shape, if it gives back what its template rendered."""
        made = stencil(resource, template, self._templates)
        return made if made and made.filled(names_of(resource)) == rendered else None
