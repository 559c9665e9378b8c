"""Manifests as the page keeps them: one form for all objects that differ in their names only, secrets masked."""

from __future__ import annotations

from vmgen.expand.model import Fleet, Resource, VirtualMachine
from vmgen.mark import format_header
from vmgen.masking import redact
from vmgen.quoting import is_plain
from vmgen.read.project import Project
from vmgen.render.manifests import load_manifest_templates
from vmgen.render.stencil import build_manifest_template, list_names

# Around the number of a name: 0 is the object's own, the others are those of its disks in order.
PLACEHOLDER_START, PLACEHOLDER_END = "\ue000", "\ue001"


class RedactedManifests:
    """The masked manifests of one environment."""

    def __init__(self, project: Project, fleet: Fleet) -> None:
        self._fleet = fleet
        self._templates = load_manifest_templates(project)
        self._shared_texts: dict[tuple[object, ...], str | None] = {}

    def render(self, resource: Resource) -> str:
        """The manifest of an object, its names left open where all objects of its shape can share the text."""
        if resource.render_key not in self._shared_texts:
            self._shared_texts[resource.render_key] = self._render_shared(resource)
        form = self._shared_texts[resource.render_key] if is_plain(list_names(resource)) else None
        return format_header(self._fleet.file) + (form if form is not None else self._render_single(resource))

    def _render_shared(self, resource: Resource) -> str | None:
        cut = build_manifest_template(_redact_resource(resource), self._fleet.get_kind(resource).template, self._templates)
        return (
            cut.format([f"{PLACEHOLDER_START}{index}{PLACEHOLDER_END}" for index in range(len(list_names(resource)))])
            if cut
            else None
        )

    def _render_single(self, resource: Resource) -> str:
        return self._templates.render(self._fleet.get_kind(resource).template, _redact_resource(resource).build_context())


def _redact_resource(resource: Resource) -> Resource:
    if isinstance(resource, VirtualMachine):
        hidden = redact(resource.cloud_init, "cloudInit")
        text = f"(masked: {hidden})" if hidden else ""
        return resource._replace(values=redact(dict(resource.values)), cloud_init=text)
    return resource._replace(values=redact(dict(resource.values)))
