"""Manifests as the page keeps them: one form for all objects that differ in their names only, secrets masked."""

from __future__ import annotations

from vmgen.expand.model import Fleet, Resource, VirtualMachine
from vmgen.mark import header
from vmgen.masking import shown
from vmgen.quoting import bare
from vmgen.read.project import Project
from vmgen.render.manifests import manifest_templates
from vmgen.render.stencil import names_of, stencil

# Around the number of a name: 0 is the object's own, the others are those of its disks in order.
OPEN, CLOSE = "\ue000", "\ue001"


class Manifests:
    """The masked manifests of one environment."""

    def __init__(self, project: Project, fleet: Fleet) -> None:
        self._fleet = fleet
        self._templates = manifest_templates(project)
        self._forms: dict[tuple[object, ...], str | None] = {}

    def form(self, resource: Resource) -> str:
        """The manifest of an object, its names left open where all objects of its shape can share the text."""
        if resource.shape not in self._forms:
            self._forms[resource.shape] = self._shared(resource)
        form = self._forms[resource.shape] if bare(names_of(resource)) else None
        return header(self._fleet.file) + (form if form is not None else self._alone(resource))

    def _shared(self, resource: Resource) -> str | None:
        cut = stencil(_masked(resource), self._fleet.kind_of(resource).template, self._templates)
        return cut.filled([f"{OPEN}{index}{CLOSE}" for index in range(len(names_of(resource)))]) if cut else None

    def _alone(self, resource: Resource) -> str:
        return self._templates.render(self._fleet.kind_of(resource).template, _masked(resource).context())


def _masked(resource: Resource) -> Resource:
    if isinstance(resource, VirtualMachine):
        hidden = shown(resource.cloud_init, "cloudInit")
        text = f"(masked: {hidden})" if hidden else ""
        return resource._replace(values=shown(dict(resource.values)), cloud_init=text)
    return resource._replace(values=shown(dict(resource.values)))
