"""Render the files of one environment: a manifest for each object, a kustomization.yaml for each folder.

Objects that differ in their names only are rendered once; docs/decisions.md ("Rendered text is safe by construction") tells why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.expand.model import Attachment, Fleet, Resource, VirtualMachine
from vmgen.nameless import abstract, fill
from vmgen.problems import Problem
from vmgen.read.repository import Project
from vmgen.read.templates import Templates
from vmgen.render.verify import ManifestVerifier
from vmgen.yaml_text import finalize, format_header, is_plain, to_block

KUSTOMIZATION = "kustomization.yaml"
NAME_REFERENCE = "name-reference.yaml"
# The filters of manifest templates.
MANIFEST_FILTERS = {"block": to_block}
# The template variables in which objects of one render key differ.
NAME_KEYS = frozenset({"name", "disks", "diskNames"})
_STAND_IN = "vmgen-stand-in-"


class Tree(NamedTuple):
    """The files of one environment, and the object of each manifest. Paths are below `manifests/`."""

    environment: str
    files: Mapping[str, bytes]
    resources: Mapping[str, Resource]


def load_manifest_templates(project: Project) -> Templates:
    """Return the templates of manifests, in which every `{{ … }}` is one YAML value."""
    return Templates(project, finalize, MANIFEST_FILTERS)


def render_tree(fleet: Fleet, templates: Templates, *, verify_all: bool = False) -> tuple[Tree, list[Problem]]:
    """Render every file of an environment; return the problems of its templates too.

    The first object of each render key is verified. With `verify_all`, each object is rendered and verified by itself; the
    bytes are the same.
    """
    verifier = ManifestVerifier(fleet, templates)
    renderer = _ManifestRenderer(fleet, templates, verifier, verify_all=verify_all)
    header = format_header(fleet.file)
    resources = {get_manifest_path(fleet, resource): resource for resource in fleet.resources}
    files = {path: (header + renderer.render(resource)).encode() for path, resource in resources.items()}
    for path, text in _render_kustomizations(fleet, resources, templates):
        files[path] = (header + text).encode()
    return Tree(fleet.environment, files, resources), verifier.problems


def get_manifest_path(fleet: Fleet, resource: Resource) -> str:
    """Return the path of a manifest below `manifests/`, such as `production/vms/web/web-1.yaml`."""
    folder = f"{fleet.environment}/{fleet.get_kind(resource).folder}"
    return f"{folder}/{resource.group}/{resource.name}.yaml" if resource.group else f"{folder}/{resource.name}.yaml"


class _ManifestRenderer:
    """Renders the template for the first object of each render key, and fills in the names of the others."""

    def __init__(self, fleet: Fleet, templates: Templates, verifier: ManifestVerifier, *, verify_all: bool) -> None:
        self._fleet = fleet
        self._templates = templates
        self._verifier = verifier
        self._verify_all = verify_all
        self._nameless_manifests: dict[tuple[object, ...], str | None] = {}
        self._steps: dict[tuple[object, ...], int] = {}

    def render(self, resource: Resource) -> str:
        names = list_names(resource)
        nameless = self._nameless_manifests.get(resource.render_key)
        if nameless is not None and is_plain(names):  # a VM called `no` needs quotes
            self._templates.count_object(self._steps[resource.render_key])
            return fill(nameless, names)
        template = self._fleet.get_kind(resource).template
        manifest = self._templates.render(template, resource.build_context())
        self._steps[resource.render_key] = self._templates.steps
        if self._verify_all or resource.render_key not in self._nameless_manifests:
            self._verifier.verify(resource, manifest)
        if not self._verify_all and resource.render_key not in self._nameless_manifests:
            nameless = render_nameless_manifest(resource, manifest, template, self._templates)
            self._nameless_manifests[resource.render_key] = nameless
        return manifest


def list_names(resource: Resource) -> list[str]:
    """Return the name of an object and those of its disks: all in which objects of one render key differ."""
    if isinstance(resource, VirtualMachine):
        return [resource.name, *[disk.name for disk in resource.disks]]
    return [resource.name]


def render_nameless_manifest(resource: Resource, manifest: str, template: str, templates: Templates) -> str | None:
    """Return the manifest of an object without names, to fill in those of any other with the same render key.

    Return None if the template decides by names, or if the names of the object do not give its manifest back.
    """
    if _STAND_IN in manifest or not templates.is_name_independent(template, NAME_KEYS):
        return None
    names = list_names(resource)
    # The object's own names may occur in the manifest for other reasons: a VM may be called `running`.
    stand_ins = [f"{_STAND_IN}{index}" for index in range(len(names))]
    context = resource.build_context() | {"name": stand_ins[0]}
    if isinstance(resource, VirtualMachine):
        disks = [Attachment(name, disk.bus) for name, disk in zip(stand_ins[1:], resource.disks)]
        context |= {"diskNames": stand_ins[1:], "disks": disks}
    nameless = abstract(templates.render(template, context), stand_ins)
    return nameless if nameless is not None and fill(nameless, names) == manifest else None


def _render_kustomizations(fleet: Fleet, paths: Iterable[str], templates: Templates) -> Iterator[tuple[str, str]]:
    """Yield path and text of the kustomization.yaml in each folder above the manifests, and of name-reference.yaml."""
    entries = _collect_entries(paths, fleet.environment)
    for folder in sorted(entries):
        configurations = [NAME_REFERENCE] if folder == fleet.environment else []
        values = {"resources": sorted(entries[folder]), "configurations": configurations}
        yield f"{folder}/{KUSTOMIZATION}", templates.render("kustomize/kustomization.yaml.j2", values)
    if entries:
        references = {"diskReferences": fleet.platform.get_section("diskReferences")}
        yield f"{fleet.environment}/{NAME_REFERENCE}", templates.render("kustomize/name-reference.yaml.j2", references)


def _collect_entries(paths: Iterable[str], environment: str) -> Mapping[str, set[str]]:
    """Return the names of the files and folders in each folder."""
    entries: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        while path != environment:
            folder, _, name = path.rpartition("/")
            if name in entries[folder]:
                break
            entries[folder].add(name)
            path = folder
    return entries
