"""Import manifests: read, translate, assign disks, group, write the text, and verify it by rendering."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from vmgen.check.rule import is_policy_set
from vmgen.check.rules.disks import clone_storage_class, size_notation, unknown_disk
from vmgen.check.rules.platform_fields import platform_version_not_written
from vmgen.importer.claimed_objects import find_claimed_objects
from vmgen.importer.conventions import PlatformConventions, load_conventions
from vmgen.importer.detection import choose_version, collect_evidence, combine
from vmgen.importer.environment import EnvironmentBuilder, EnvironmentText
from vmgen.importer.inputs import read_manifests
from vmgen.importer.manifests import Diagnostics, ImportNote, SourceManifest
from vmgen.importer.ownership import StandaloneDiskDraft, VmDraft, assign_disks
from vmgen.importer.round_trip import RoundTripResult, verify_round_trip
from vmgen.importer.translate import Translator
from vmgen.importer.user_data_templates import InferredTemplate, infer_templates
from vmgen.merge.layers import DEFAULT_PLATFORM, load_defaults
from vmgen.problems import Place, Problem, VmgenError, did_you_mean, has_errors, sort_problems
from vmgen.read.located import Located, to_plain
from vmgen.read.repository import Project, is_environment_name
from vmgen.read.schema import Schema, load_builtin_schema
from vmgen.render.policies import ADVICE_IDS
from vmgen.renderer import Renderer, RenderResult
from vmgen.rules import IMPORT_DUPLICATE, IMPORT_INVALID_FIELD, IMPORT_WITHOUT_NAMESPACE

# In which manifests are judged whose own namespace is refused, so that one run tells all that is wrong with them.
_STAND_IN_NAMESPACE = "tenant-refused"
# Policies against what nobody should write, but a live disk may be: its size and its class are as they are.
ADOPTED_POLICIES = {size_notation.rule.id: "off", clone_storage_class.rule.id: "warning"}


class ImportRequest(NamedTuple):
    """The arguments of an import. None means: as in the manifests, or else in `_defaults.yaml`."""

    paths: tuple[str, ...]
    environment: str | None = None
    platform: str | None = None
    namespace: str | None = None
    platform_version: str | None = None


class ImportedEnvironment(NamedTuple):
    """The environment for the manifests of a namespace. `round_trip` is None if it could not be rendered."""

    name: str
    namespace: str
    file: str
    content: EnvironmentText
    notes: tuple[ImportNote, ...]
    round_trip: RoundTripResult | None
    problems: tuple[Problem, ...]
    templates: tuple[InferredTemplate, ...] = ()

    @property
    def is_verified(self) -> bool:
        """True if the environment renders the objects that were imported."""
        return self.round_trip is not None and not has_errors(self.problems)


class ImportResult(NamedTuple):
    """The environments of an import, one for each namespace; `skipped_notes` has the objects of other kinds and repetitions."""

    environments: tuple[ImportedEnvironment, ...]
    skipped_notes: tuple[ImportNote, ...]
    problems: tuple[Problem, ...]

    @property
    def is_verified(self) -> bool:
        """True if something was imported, and all of it is verified."""
        is_complete = bool(self.environments) and not has_errors(self.problems)
        return is_complete and all(environment.is_verified for environment in self.environments)


def import_manifests(project: Project, request: ImportRequest, stdin: BinaryIO) -> ImportResult:
    """Convert manifests to environments, and verify each by rendering it. Nothing is written.

    Raises VmgenError for a name that no environment can have, an unknown platform, unreadable input, and one name for
    several namespaces, and ProblemsError if `_defaults.yaml` or a layer that it extends has an error.
    """
    if request.environment and not is_environment_name(request.environment):
        raise VmgenError(f"'{request.environment}' is not a valid environment name; use lower-case letters, digits and dashes")
    renderer = Renderer(project)
    base = load_defaults(renderer.layer_loader)
    conventions = _load_conventions(renderer, request, base)
    diagnostics = Diagnostics()
    manifests = _deduplicate(read_manifests(request.paths, stdin, conventions, diagnostics), diagnostics)
    if request.platform_version is None:
        conventions = _detect_conventions(manifests, conventions, renderer)
    namespaces, refused_manifests = _group_by_namespace(
        manifests, request.namespace or base.get_plain("namespace"), diagnostics
    )
    if len(namespaces) > 1 and request.environment:
        names = ", ".join(namespaces)
        raise VmgenError(f"the manifests have {len(namespaces)} namespaces ({names}); omit --env for one environment each")
    diagnostics.problems.extend(find_claimed_objects(project, base.get_plain("cluster", ""), namespaces))
    environments = tuple(
        _import_namespace(renderer, conventions, base, request.environment or namespace, namespace, members)
        for namespace, members in namespaces.items()
    )
    if refused_manifests:
        # All that is wrong is reported in one run, so objects without a namespace are checked in one that stands in for theirs.
        check_result = _import_namespace(renderer, conventions, base, "_refused", _STAND_IN_NAMESPACE, refused_manifests)
        diagnostics.problems.extend(problem for problem in check_result.problems if "metadata.namespace" not in problem.subject)
    return ImportResult(environments, tuple(diagnostics.notes), sort_problems(diagnostics.problems))


def _load_conventions(renderer: Renderer, request: ImportRequest, base: Located) -> PlatformConventions:
    """Load the platform and the version that the request names, or else the layers."""
    names, loader = renderer.project.platform_names, renderer.platform_loader
    platform_name = base.get_plain("platform") or DEFAULT_PLATFORM
    name = request.platform or platform_name
    if name not in names:
        raise VmgenError(f"no platform '{name}'{did_you_mean(name, names) or '; available: ' + ', '.join(names)}")
    version = request.platform_version
    # A version in the layers is one of their platform, and another platform has its own versions.
    if version is None and name == platform_name:
        version = base.get_plain("platformVersion")
    return load_conventions(loader.load(name, loader.load_release(name).resolve(version)), loader)


def _detect_conventions(
    manifests: Iterable[SourceManifest], conventions: PlatformConventions, renderer: Renderer
) -> PlatformConventions:
    """Return the conventions of the version that carries the manifests as they are: a live `{name}` is proof of its form."""
    # A name is no evidence, so that manifests which differ in nothing else are looked at once.
    distinct = {id(item.nameless or item): item.nameless or item for item in manifests}.values()
    plain = ((item.kind, {key: to_plain(value) for key, value in item.spec.items()}) for item in distinct)
    # Without metadata, which would mark the objects as served: manifests to import may leave any field out.
    evidence = combine(collect_evidence(kind, {}, spec) for kind, spec in plain)
    platform = choose_version(conventions.platform, evidence)
    return conventions if platform is conventions.platform else load_conventions(platform, renderer.platform_loader)


def _deduplicate(manifests: Iterable[SourceManifest], diagnostics: Diagnostics) -> list[SourceManifest]:
    """Return the manifests without repetitions; two of one name that differ are an error."""
    unique: dict[tuple[str, str, str], SourceManifest] = {}
    for manifest in manifests:
        # kubectl get of several kinds, or of two folders, prints an object twice.
        first = unique.setdefault((manifest.namespace, manifest.kind, manifest.name), manifest)
        if first is manifest:
            continue
        if _to_comparable(first) == _to_comparable(manifest):
            text = f"the same as at {first.place}"
            diagnostics.notes.append(ImportNote(manifest.place, "skipped", manifest.display_name, "", text))
        else:
            message = f"differs from the object of the same name at {first.place}; import one of the two"
            diagnostics.add_error(manifest.place, IMPORT_DUPLICATE.id, manifest.display_name, message)
    return list(unique.values())


def _to_comparable(manifest: SourceManifest) -> object:
    sections = (manifest.labels, manifest.annotations, manifest.spec)
    return [{key: to_plain(value) for key, value in section.items()} for section in sections]


def _group_by_namespace(
    manifests: Iterable[SourceManifest], default: str | None, diagnostics: Diagnostics
) -> tuple[dict[str, list[SourceManifest]], list[SourceManifest]]:
    """Return the manifests by their namespaces, and those whose namespace is missing or refused."""
    refused_manifests: list[SourceManifest] = []
    schema = Schema(load_builtin_schema("environment").document["properties"]["namespace"])
    namespaces: dict[str, list[SourceManifest]] = {}
    for manifest in manifests:
        name, namespace = manifest.display_name, manifest.namespace or default
        if namespace in namespaces:
            namespaces[namespace].append(manifest)
        elif not namespace:
            message = "no namespace; pass --namespace tenant-..., or add metadata.namespace"
            diagnostics.add_error(manifest.place, IMPORT_WITHOUT_NAMESPACE.id, name, message)
            refused_manifests.append(manifest)
        elif not schema.is_valid(namespace):
            message = f"'{namespace}' is not a tenant namespace such as tenant-acme; correct it"
            diagnostics.add_error(manifest.place, IMPORT_INVALID_FIELD.id, f"{name}: metadata.namespace", message)
            refused_manifests.append(manifest)
        else:
            namespaces[namespace] = [manifest]
    return namespaces, refused_manifests


def _import_namespace(
    renderer: Renderer,
    conventions: PlatformConventions,
    base: Located,
    name: str,
    namespace: str,
    manifests: Sequence[SourceManifest],
) -> ImportedEnvironment:
    diagnostics = Diagnostics()
    translator = Translator(conventions, diagnostics)
    vms = [translator.translate_vm(item) for item in manifests if item.kind == "VMInstance"]
    disks = [translator.translate_disk(item) for item in manifests if item.kind == "VMDisk"]
    vm_drafts, disk_drafts = assign_disks(vms, disks, conventions, diagnostics)
    notes = (*(note for manifest in manifests for note in manifest.notes), *diagnostics.notes)
    attempt = _Attempt(renderer, conventions, base, name, namespace, manifests, notes, diagnostics.problems)
    templated_drafts, templates = infer_templates(
        vm_drafts, name, lambda file: not renderer.user_data_builder.has_template(file)
    )
    if templates:
        environment = attempt.build(templated_drafts, disk_drafts, templates)
        # The template that was inferred has to give each VM its own text again; else each keeps its text.
        if environment.is_verified:
            return environment
    return attempt.build(vm_drafts, disk_drafts, ())


class _Attempt(NamedTuple):
    """One way to write the manifests of a namespace as an environment, proved by rendering it."""

    renderer: Renderer
    conventions: PlatformConventions
    base: Located
    name: str
    namespace: str
    manifests: Sequence[SourceManifest]
    notes: tuple[ImportNote, ...]
    reported_problems: Sequence[Problem]

    def build(
        self, vms: Sequence[VmDraft], disks: Sequence[StandaloneDiskDraft], templates: tuple[InferredTemplate, ...]
    ) -> ImportedEnvironment:
        """Return the environment, and what rendering it shows."""
        for template in templates:
            self.renderer.user_data_builder.add_template(template.name, template.text)
        content, render_result = self._render(vms, disks, {})
        # The problems tell which policies live objects break, so the environment is rendered twice.
        policies = {
            problem.rule: ADOPTED_POLICIES[problem.rule]
            for problem in render_result.problems
            if problem.rule in ADOPTED_POLICIES and problem.severity == "error"
        }
        if policies:
            content, render_result = self._render(vms, disks, policies)
        file = self.renderer.project.display_path(self._path)
        new_problems = tuple(_without_advice(render_result))
        problems = [*self.reported_problems, *self._map_to_manifests(new_problems, file, content)]
        round_trip = None
        if render_result.fleet and not has_errors(new_problems):
            round_trip = verify_round_trip(self.manifests, render_result.files, self.notes, self.conventions)
            # An object that could not be translated differs in any case, and one problem of it is enough.
            refused_objects = {_get_object(problem) for problem in self.reported_problems}
            problems.extend(problem for problem in round_trip.problems if _get_object(problem) not in refused_objects)
        result = (self.name, self.namespace, file, content, self.notes, round_trip, sort_problems(problems))
        return ImportedEnvironment(*result, templates)

    @property
    def _path(self) -> Path:
        return self.renderer.project.environments / f"{self.name}.yaml"

    def _render(
        self, vms: Sequence[VmDraft], disks: Sequence[StandaloneDiskDraft], policies: Mapping[str, str]
    ) -> tuple[EnvironmentText, RenderResult]:
        content = EnvironmentBuilder(self.namespace, vms, disks, self.conventions, self.base, policies).build()
        self.renderer.layer_loader.override_text(self._path, content.text.encode())
        return content, self.renderer.render(self.name)

    def _map_to_manifests(self, problems: Iterable[Problem], file: str, content: EnvironmentText) -> Iterator[Problem]:
        """Yield the problems of the environment at the lines of the manifests that they come from.

        Consequences of what the import has refused are left out: a missing disk, and the default of a refused field.
        """
        reported_places = {problem.place for problem in self.reported_problems}
        refused_fields = self._find_refused_fields()
        for problem in problems:
            place = content.find_place(problem.place.line) if problem.place.file == file else None
            if place is None:
                yield problem
            # A user can mend only what the manifests say, so each consequence of a refusal would be a second message about it.
            elif (place, problem.subject.rpartition(".")[2]) not in refused_fields and (
                place not in reported_places or problem.rule != unknown_disk.rule.id
            ):
                yield Problem(place, problem.rule, problem.subject, problem.message, problem.severity)

    def _find_refused_fields(self) -> set[tuple[Place, str]]:
        """Return the names of refused fields, each with the places that a problem of its default value may have."""
        places = {manifest.display_name: manifest.place for manifest in self.manifests}
        refused_fields: set[tuple[Place, str]] = set()
        for problem in self.reported_problems:
            name, _, field = problem.subject.partition(": ")
            refused_fields |= {(place, field.rpartition(".")[2]) for place in (problem.place, places.get(name)) if place}
        return refused_fields


def _without_advice(result: RenderResult) -> Iterator[Problem]:
    """Yield the problems of an environment but for advice that nobody set: what lives is adopted first, and then improved."""
    for problem in result.problems:
        is_set = result.environment is not None and is_policy_set(result.environment, problem.rule)
        if problem.rule not in (*ADVICE_IDS, platform_version_not_written.rule.id) or is_set:
            yield problem


def _get_object(problem: Problem) -> str:
    return problem.subject.partition(":")[0]
