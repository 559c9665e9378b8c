"""Render the files of one environment: a manifest for each object, a kustomization.yaml for each folder.

Objects that differ in their names only are rendered once; docs/decisions.md ("Rendered text is safe by construction").
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from vmgen.expand.model import Attachment, Fleet, Resource, VirtualMachine
from vmgen.merge.number_ranges import NumberRange
from vmgen.nameless import fill, render_nameless
from vmgen.problems import Problem
from vmgen.read.repository import Project
from vmgen.read.template_names import NameVariables
from vmgen.read.templates import Templates
from vmgen.render.verify import ManifestVerifier
from vmgen.yaml_text import finalize, format_header, is_plain, quote, to_block

KUSTOMIZATION = "kustomization.yaml"
NAME_REFERENCE = "name-reference.yaml"
# The filters of manifest templates.
MANIFEST_FILTERS = {"block": to_block}
# The template variables in which objects of one render key differ.
NAME_VARIABLES = NameVariables(
    output_names=frozenset({"name"}),
    condition_names=frozenset({"cloudInit", "cloudInitSeed"}),
    lists=frozenset({"disks", "diskNames"}),
)


class Tree(NamedTuple):
    """The files of one environment, and the object of each manifest. Paths are below `manifests/`."""

    environment: str
    files: Mapping[str, bytes]
    resources: Mapping[str, Resource]


def load_manifest_templates(project: Project) -> Templates:
    """Return the templates of manifests, in which every `{{ … }}` is one YAML value."""
    return Templates(project, finalize, MANIFEST_FILTERS, name_variables=NAME_VARIABLES)


def render_tree(fleet: Fleet, templates: Templates, *, verify_all: bool = False) -> tuple[Tree, list[Problem]]:
    """Render every file of an environment; return the problems of its templates too.

    The first object of each render key is verified, and each one if the template decides by names. With `verify_all`, each
    object is rendered and verified by itself; the bytes are the same.
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
    """Return the path of a manifest below `manifests/`, such as `production/vms/web/web-1.yaml`.

    In a group that is split it is `production/vms/web/1-500/web-1.yaml`.
    """
    folder = f"{fleet.environment}/{fleet.get_kind(resource).folder}"
    if resource.group:
        folder = f"{folder}/{get_group_folder(resource.group, resource.numbers)}"
    return f"{folder}/{resource.name}.yaml"


def is_manifest(path: str) -> bool:
    """Return True for the path of a manifest, False for that of a file which tells kustomize what to build."""
    return path.count("/") > 1 and not path.endswith(f"/{KUSTOMIZATION}")


def get_group_folder(group: str, numbers: NumberRange | None) -> str:
    """Return the folder of a group, or of one range of its VMs, below that of a kind."""
    return f"{group}/{numbers}" if numbers else group


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
        texts = list_texts(resource, names)
        key = (*resource.render_key, texts[-1].startswith("|"))
        nameless = self._nameless_manifests.get(key)
        manifest_of_shape = None
        # Why this is safe: docs/decisions.md#rendered-text-is-safe-by-construction-and-parsed-again-once-per-shape
        if nameless is not None and is_plain(names):  # a VM called `no` needs quotes
            manifest_of_shape = fill(nameless, texts)
            if not self._verify_all:
                self._templates.count_object(self._steps[key])
                return manifest_of_shape
        template = self._fleet.get_kind(resource).template
        manifest = self._templates.render(template, resource.build_context())
        self._steps[key] = self._templates.steps
        if nameless is not None and manifest == manifest_of_shape:
            self._verifier.verify_filled(resource, manifest, nameless, list_values(resource))
        else:  # the first of its shape, or one for which the template may decide otherwise
            self._verifier.verify(resource, manifest)
        if key not in self._nameless_manifests:
            self._nameless_manifests[key] = render_nameless_manifest(resource, manifest, template, self._templates)
        return manifest


def list_names(resource: Resource) -> list[str]:
    """Return the name of an object and those of its disks."""
    if isinstance(resource, VirtualMachine):
        return [resource.name, *[disk.name for disk in resource.disks]]
    return [resource.name]


def list_texts(resource: Resource, names: list[str]) -> list[str]:
    """Return all in which objects of one shape differ, as a template writes it: the names, and the user data of a VM."""
    if isinstance(resource, VirtualMachine):
        return [*names, quote(resource.seed), to_block(resource.cloud_init).lstrip(" ")]
    return names


def list_values(resource: Resource) -> list[str]:
    """Return what the texts of `list_texts` are read as."""
    return (
        [*list_names(resource), resource.seed, resource.cloud_init] if isinstance(resource, VirtualMachine) else [resource.name]
    )


def render_nameless_manifest(resource: Resource, manifest: str, template: str, templates: Templates) -> str | None:
    """Return the manifest of an object without its texts, to fill in those of any other object of its shape.

    Return None if the template decides by them, or if those of the object do not give its manifest back.
    """
    if not templates.is_name_independent(template, NAME_VARIABLES):
        return None

    def render(texts: Sequence[str]) -> str:
        context = resource.build_context() | {"name": texts[0]}
        if isinstance(resource, VirtualMachine):
            *names, seed, cloud_init = texts[1:]
            disks = [Attachment(name, disk.bus) for name, disk in zip(names, resource.disks)]
            context |= {"diskNames": names, "disks": disks, "cloudInit": cloud_init if resource.cloud_init else ""}
            context |= {"cloudInitSeed": seed} if resource.seed else {}
        return templates.render(template, context)

    return render_nameless(render, list_texts(resource, list_names(resource)), manifest)


def _render_kustomizations(fleet: Fleet, paths: Iterable[str], templates: Templates) -> Iterator[tuple[str, str]]:
    """Yield path and text of the kustomization.yaml in each folder above the manifests, and of name-reference.yaml."""
    entries = _collect_entries(paths, fleet.environment)
    for folder in sorted(entries):
        # kustomize renames a disk with `namePrefix:`, but not where a VM names it, unless it is told where to look. Told at
        # the root alone, an overlay above inherits it.
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
