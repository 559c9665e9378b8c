"""The way of an import, in one place: read, translate, divide, share, write, prove."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from vmgen.importer.dialect import PlatformConventions, load_conventions
from vmgen.importer.environment import EnvironmentText, build_environment_text
from vmgen.importer.inputs import Diagnostics, ImportNote, SourceManifest, read_manifests
from vmgen.importer.ownership import assign_disks
from vmgen.importer.proof import RoundTripResult, verify_round_trip
from vmgen.importer.translate import translate_disk, translate_vm
from vmgen.merge.layers import load_layers
from vmgen.merge.platform import DEFAULT_PLATFORM
from vmgen.pipeline import Renderer
from vmgen.problems import Place, Problem, VmgenError, did_you_mean, has_errors, sort_problems
from vmgen.read.located import Located, to_plain
from vmgen.read.repository import Project, is_environment_name
from vmgen.read.schema import Schema, load_builtin_schema


class ImportRequest(NamedTuple):
    """What is asked for. Names that are None follow from the manifests, or from `_defaults.yaml`."""

    paths: tuple[str, ...]
    environment: str | None = None
    platform: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedEnvironment:
    """The environment that some manifests became. `proof` is None where it could not be rendered."""

    name: str
    namespace: str
    file: str
    content: EnvironmentText = field(repr=False)
    notes: tuple[ImportNote, ...] = field(repr=False)
    round_trip: RoundTripResult | None = field(repr=False)
    problems: tuple[Problem, ...]

    @property
    def is_verified(self) -> bool:
        """Whether the environment renders what was imported."""
        return self.round_trip is not None and not has_errors(self.problems)


class ImportResult(NamedTuple):
    """All that an import makes: an environment for each namespace; `skipped` is what is no VM and no disk."""

    environments: tuple[ImportedEnvironment, ...]
    skipped: tuple[ImportNote, ...]
    problems: tuple[Problem, ...]

    @property
    def is_verified(self) -> bool:
        """Whether everything that was given is imported and proved."""
        return bool(self.environments) and all(each.is_verified for each in self.environments) and not has_errors(self.problems)


def import_manifests(project: Project, request: ImportRequest, stdin: BinaryIO) -> ImportResult:
    """The manifests as environments, each proved by rendering it. Nothing is written."""
    if request.environment and not is_environment_name(request.environment):
        raise VmgenError(f"'{request.environment}' cannot name an environment; use lower-case letters, digits and dashes")
    workshop = Renderer(project)
    base = _load_defaults(workshop, project)
    tables = _find_conventions(workshop, request.platform or base.get_plain("platform") or DEFAULT_PLATFORM)
    findings = Diagnostics()
    found = _deduplicate(read_manifests(request.paths, stdin, tables, findings), findings)
    spaces = _group_by_namespace(found, request.namespace or base.get_plain("namespace"), findings)
    if len(spaces) > 1 and request.environment:
        names = ", ".join(spaces)
        raise VmgenError(f"the manifests are of {len(spaces)} namespaces ({names}); leave out --env for one environment each")
    environments = tuple(
        _import_namespace(workshop, tables, base, request.environment or namespace, namespace, some)
        for namespace, some in spaces.items()
    )
    return ImportResult(environments, tuple(findings.notes), sort_problems(findings.problems))


def _load_defaults(workshop: Renderer, project: Project) -> Located:
    """What an environment has before a line of it is written: `_defaults.yaml` and what that extends."""
    name = "_imported"
    workshop.layer_loader.override_text(project.environments / f"{name}.yaml", b"")
    return load_layers(name, workshop.layer_loader).content


def _find_conventions(workshop: Renderer, name: str) -> PlatformConventions:
    known = workshop.project.platform_names
    if name not in known:
        raise VmgenError(f"no platform '{name}'{did_you_mean(name, known) or '; there are: ' + ', '.join(known)}")
    return load_conventions(workshop.platform_loader.load(name), workshop.platform_loader)


def _deduplicate(found: Iterable[SourceManifest], findings: Diagnostics) -> list[SourceManifest]:
    """The manifests without those that repeat another; two that differ under one name are refused."""
    first: dict[tuple[str, str, str], SourceManifest] = {}
    for manifest in found:
        known = first.setdefault((manifest.namespace, manifest.kind, manifest.name), manifest)
        if known is manifest:
            continue
        if _to_comparable(known) == _to_comparable(manifest):
            text = f"the same as at {known.place}"
            findings.notes.append(ImportNote(manifest.place, "skipped", manifest.display_name, "", text))
        else:
            message = f"differs from the one of the same name at {known.place}; import one of the two"
            findings.add_error(manifest.place, "import-duplicate", manifest.display_name, message)
    return list(first.values())


def _to_comparable(manifest: SourceManifest) -> object:
    parts = (manifest.labels, manifest.annotations, manifest.spec)
    return [{key: to_plain(value) for key, value in part.items()} for part in parts]


def _group_by_namespace(
    found: Sequence[SourceManifest], otherwise: str | None, findings: Diagnostics
) -> dict[str, list[SourceManifest]]:
    schema = Schema(load_builtin_schema("environment").document["properties"]["namespace"])
    spaces: dict[str, list[SourceManifest]] = {}
    for manifest in found:
        namespace = manifest.namespace or otherwise
        if not namespace:
            message = "no namespace; name it with --namespace tenant-..., or write metadata.namespace"
            findings.add_error(manifest.place, "import-without-namespace", manifest.display_name, message)
        elif not schema.is_valid(namespace):
            message = f"'{namespace}' is not a tenant namespace such as tenant-acme; correct it"
            findings.add_error(manifest.place, "import-invalid-field", f"{manifest.display_name}: metadata.namespace", message)
        else:
            spaces.setdefault(namespace, []).append(manifest)
    return spaces


def _import_namespace(
    workshop: Renderer,
    tables: PlatformConventions,
    base: Located,
    name: str,
    namespace: str,
    found: Sequence[SourceManifest],
) -> ImportedEnvironment:
    findings = Diagnostics()
    vms = [translate_vm(each, tables, findings) for each in found if each.kind == "VMInstance"]
    disks = [translate_disk(each, tables, findings) for each in found if each.kind == "VMDisk"]
    made = build_environment_text(namespace, *assign_disks(vms, disks, tables, findings), tables, base)
    path = workshop.project.environments / f"{name}.yaml"
    workshop.layer_loader.override_text(path, made.text.encode())
    rendered = workshop.render(name)
    file = workshop.project.display_path(path)
    problems = [*findings.problems, *_map_to_manifests(rendered.problems, file, made, findings.problems)]
    notes = (*(note for each in found for note in each.notes), *findings.notes)
    proof = None
    if rendered.fleet and not has_errors(rendered.problems):
        proof = verify_round_trip(found, rendered.files, notes, tables)
        refused = {problem.subject.partition(":")[0] for problem in findings.problems}
        problems.extend(problem for problem in proof.problems if problem.subject.partition(":")[0] not in refused)
    return ImportedEnvironment(name, namespace, file, made, notes, proof, sort_problems(problems))


def _map_to_manifests(
    problems: Iterable[Problem], file: str, made: EnvironmentText, known: Sequence[Problem]
) -> Iterable[Problem]:
    """Problems of the environment at the lines of the manifests that they come from; what is said already is not again."""
    said: set[Place] = {problem.place for problem in known}
    for problem in problems:
        place = made.find_place(problem.place.line) if problem.place.file == file else None
        if place is None:
            yield problem
        elif place not in said or problem.rule != "unknown-disk":
            yield Problem(place, problem.rule, problem.subject, problem.message, problem.severity)
