"""The kustomization.yaml of every folder, and the configuration that lets kustomize rename disks and what names them.

One rendering serves all objects of a shape: what tells them apart is left open in the text, and filled in.

A template is rendered once with words that stand for the names; the result becomes a form with holes. Filling a form
costs a fortieth of rendering the template, and gives the same bytes as long as the template only writes the names, and
decides nothing by them: `Templates.only_writes` reads that off its syntax tree.

The tree of one environment: every file that is wanted, by its path below `manifests/`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vmgen.expand.model import Attachment, Fleet, Resource, VirtualMachine
from vmgen.problems import Problem
from vmgen.read.repository import Project
from vmgen.read.templates import Templates
from vmgen.render.verify import ManifestVerifier
from vmgen.yaml_text import finalize, format_header, is_plain, to_block

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


# What differs between the objects of a shape.
NAME_KEYS = frozenset({"name", "disks", "diskNames"})
_PLACEHOLDER = re.compile(r"vmgen-hole-(\d+)-end")


class ManifestTemplate(NamedTuple):
    """A manifest with holes; `order` says which name goes into each."""

    format_string: str
    name_indexes: tuple[int, ...]

    def format(self, names: Sequence[str]) -> str:
        """The manifest of the object with these names."""
        return self.format_string % tuple([names[index] for index in self.name_indexes])


def list_names(resource: Resource) -> list[str]:
    """What tells an object from the others of its shape: its name, then those of its disks."""
    if isinstance(resource, VirtualMachine):
        return [resource.name, *[disk.name for disk in resource.disks]]
    return [resource.name]


def build_manifest_template(resource: Resource, template: str, templates: Templates) -> ManifestTemplate | None:
    """The form of an object's shape; None where its template looks at the names."""
    if not templates.is_name_independent(template, NAME_KEYS):
        return None
    if any("vmgen-hole-" in str(value) for value in resource.values.values()):
        return None
    holes = [f"vmgen-hole-{index}-end" for index in range(len(list_names(resource)))]
    context = resource.build_context() | {"name": holes[0]}
    if isinstance(resource, VirtualMachine):
        buses = [disk.bus for disk in resource.disks]
        context |= {"diskNames": holes[1:], "disks": [Attachment(*both) for both in zip(holes[1:], buses)]}
    rendered = templates.render(template, context)
    order = tuple(int(index) for index in _PLACEHOLDER.findall(rendered))
    return ManifestTemplate(_PLACEHOLDER.sub("%s", rendered.replace("%", "%%")), order)


# All that the templates of manifests may do to a value.
MANIFEST_FILTERS = {"block": to_block}


class Tree(NamedTuple):
    """The files of one environment, with the object that each manifest holds."""

    environment: str
    files: Mapping[str, bytes]
    resources: Mapping[str, Resource]


def load_manifest_templates(project: Project) -> Templates:
    """The templates of manifests, in which every `{{ … }}` is one YAML value."""
    return Templates(project, finalize, MANIFEST_FILTERS)


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
