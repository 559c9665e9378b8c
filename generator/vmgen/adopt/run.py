"""The way of an import, in one place: read, translate, divide, share, write, prove."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from vmgen.adopt.dialect import Dialect, dialect
from vmgen.adopt.environment import Written, written
from vmgen.adopt.inputs import Manifest, manifests
from vmgen.adopt.notes import Findings, Note
from vmgen.adopt.ownership import divided
from vmgen.adopt.proof import Proof, proved
from vmgen.adopt.translate import disk, vm
from vmgen.merge.layers import layered
from vmgen.pipeline import Workshop
from vmgen.problems import Place, Problem, VmgenError, has_errors, in_order
from vmgen.read.located import Located, plain
from vmgen.read.platform import DEFAULT_PLATFORM
from vmgen.read.project import Project, may_name_environment
from vmgen.read.schema import Schema, own_schema
from vmgen.suggestions import did_you_mean


class Request(NamedTuple):
    """What is asked for. Names that are None follow from the manifests, or from `_defaults.yaml`."""

    paths: tuple[str, ...]
    environment: str | None = None
    platform: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Adopted:
    """The environment that some manifests became. `proof` is None where it could not be rendered."""

    name: str
    namespace: str
    file: str
    written: Written = field(repr=False)
    notes: tuple[Note, ...] = field(repr=False)
    proof: Proof | None = field(repr=False)
    problems: tuple[Problem, ...]

    @property
    def holds(self) -> bool:
        """Whether the environment renders what was imported."""
        return self.proof is not None and not has_errors(self.problems)


class Adoption(NamedTuple):
    """All that an import makes: an environment for each namespace; `skipped` is what is no VM and no disk."""

    environments: tuple[Adopted, ...]
    skipped: tuple[Note, ...]
    problems: tuple[Problem, ...]

    @property
    def holds(self) -> bool:
        """Whether everything that was given is imported and proved."""
        return bool(self.environments) and all(each.holds for each in self.environments) and not has_errors(self.problems)


def adopted(project: Project, request: Request, stdin: BinaryIO) -> Adoption:
    """The manifests as environments, each proved by rendering it. Nothing is written."""
    if request.environment and not may_name_environment(request.environment):
        raise VmgenError(f"'{request.environment}' cannot name an environment; use lower-case letters, digits and dashes")
    workshop = Workshop(project)
    base = _base(workshop, project)
    tables = _dialect(workshop, request.platform or base.value("platform") or DEFAULT_PLATFORM)
    findings = Findings()
    found = _once(manifests(request.paths, stdin, tables, findings), findings)
    spaces = _by_namespace(found, request.namespace or base.value("namespace"), findings)
    if len(spaces) > 1 and request.environment:
        names = ", ".join(spaces)
        raise VmgenError(f"the manifests are of {len(spaces)} namespaces ({names}); leave out --env for one environment each")
    environments = tuple(
        _adopted(workshop, tables, base, request.environment or namespace, namespace, some)
        for namespace, some in spaces.items()
    )
    return Adoption(environments, tuple(findings.notes), in_order(findings.problems))


def _base(workshop: Workshop, project: Project) -> Located:
    """What an environment has before a line of it is written: `_defaults.yaml` and what that extends."""
    name = "_imported"
    workshop.files.suppose(project.environments / f"{name}.yaml", b"")
    return layered(name, workshop.files).content


def _dialect(workshop: Workshop, name: str) -> Dialect:
    known = workshop.project.platforms
    if name not in known:
        raise VmgenError(f"no platform '{name}'{did_you_mean(name, known) or '; there are: ' + ', '.join(known)}")
    return dialect(workshop.platforms.named(name), workshop.platforms)


def _once(found: Iterable[Manifest], findings: Findings) -> list[Manifest]:
    """The manifests without those that repeat another; two that differ under one name are refused."""
    first: dict[tuple[str, str, str], Manifest] = {}
    for manifest in found:
        known = first.setdefault((manifest.namespace, manifest.kind, manifest.name), manifest)
        if known is manifest:
            continue
        if _content(known) == _content(manifest):
            text = f"the same as at {known.place}"
            findings.notes.append(Note(manifest.place, "skipped", manifest.label, "", text))
        else:
            message = f"differs from the one of the same name at {known.place}; import one of the two"
            findings.refuse(manifest.place, "import-duplicate", manifest.label, message)
    return list(first.values())


def _content(manifest: Manifest) -> object:
    parts = (manifest.labels, manifest.annotations, manifest.spec)
    return [{key: plain(value) for key, value in part.items()} for part in parts]


def _by_namespace(found: Sequence[Manifest], otherwise: str | None, findings: Findings) -> dict[str, list[Manifest]]:
    schema = Schema(own_schema("environment").document["properties"]["namespace"])
    spaces: dict[str, list[Manifest]] = {}
    for manifest in found:
        namespace = manifest.namespace or otherwise
        if not namespace:
            message = "no namespace; name it with --namespace tenant-..., or write metadata.namespace"
            findings.refuse(manifest.place, "import-without-namespace", manifest.label, message)
        elif not schema.valid(namespace):
            message = f"'{namespace}' is not a tenant namespace such as tenant-acme; correct it"
            findings.refuse(manifest.place, "import-invalid-field", f"{manifest.label}: metadata.namespace", message)
        else:
            spaces.setdefault(namespace, []).append(manifest)
    return spaces


def _adopted(
    workshop: Workshop,
    tables: Dialect,
    base: Located,
    name: str,
    namespace: str,
    found: Sequence[Manifest],
) -> Adopted:
    findings = Findings()
    vms = [vm(each, tables, findings) for each in found if each.kind == "VMInstance"]
    disks = [disk(each, tables, findings) for each in found if each.kind == "VMDisk"]
    made = written(namespace, *divided(vms, disks, tables, findings), tables, base)
    path = workshop.project.environments / f"{name}.yaml"
    workshop.files.suppose(path, made.text.encode())
    rendered = workshop.rendered(name)
    file = workshop.project.shown(path)
    problems = [*findings.problems, *_at_manifests(rendered.problems, file, made, findings.problems)]
    notes = (*(note for each in found for note in each.notes), *findings.notes)
    proof = None
    if rendered.fleet and not has_errors(rendered.problems):
        proof = proved(found, rendered.files, notes, tables)
        refused = {problem.subject.partition(":")[0] for problem in findings.problems}
        problems.extend(problem for problem in proof.problems if problem.subject.partition(":")[0] not in refused)
    return Adopted(name, namespace, file, made, notes, proof, in_order(problems))


def _at_manifests(problems: Iterable[Problem], file: str, made: Written, known: Sequence[Problem]) -> Iterable[Problem]:
    """Problems of the environment at the lines of the manifests that they come from; what is said already is not again."""
    said: set[Place] = {problem.place for problem in known}
    for problem in problems:
        place = made.place(problem.place.line) if problem.place.file == file else None
        if place is None:
            yield problem
        elif place not in said or problem.rule != "unknown-disk":
            yield Problem(place, problem.rule, problem.subject, problem.message, problem.severity)
