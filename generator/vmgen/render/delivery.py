"""The files below `delivery/`: those of each environment, and those that environments share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vmgen.expand.model import Fleet
from vmgen.mark import header
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.quoting import block, finalized, literal
from vmgen.read.delivery import ARGOCD, FLUX, FOLDER, STANDALONE, delivery_defaults, shape
from vmgen.read.located import Located, plain
from vmgen.read.manifests import NotYaml, objects
from vmgen.read.overlay import overlaid
from vmgen.read.project import Project
from vmgen.read.templates import Templates
from vmgen.render.argocd import Wanted, application_set, applications, health
from vmgen.render.flux import kustomizations, late_classes
from vmgen.render.kustomization import KUSTOMIZATION
from vmgen.render.shards import shards

# Files of argocd/ that belong to no environment, and what its environments therefore cannot be named.
HEALTH, APPLICATION_SET, PLUGIN = "health", "application-set", "plugin"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What delivers one environment. `files` are by path below delivery/; `argocd` is None where Argo CD does not.

    `named` are the objects that were made, as kind, namespace and name, each with the place of the setting that asked for it.
    """

    environment: str
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    named: Mapping[tuple[str, str, str], Place] = field(default_factory=dict)
    argocd: Located | None = None
    path: str = ""
    prefix: str = ""
    late_classes: tuple[str, ...] = ()


class Deliveries:
    """Makes the files of delivery/ from templates, and reads back what comes out."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.templates = Templates(project, finalized, {"block": block, "quoted": literal})
        self._defaults: Located | None = None

    def of(self, environment: Environment, fleet: Fleet) -> tuple[Delivery, list[Problem]]:
        """The files that deliver an environment, and what their templates got wrong."""
        written = environment.settings.get("delivery")
        if written is None or not written.mapping:
            return Delivery(fleet.environment), []
        argocd, flux = self._settings(written, ARGOCD), self._settings(written, FLUX)
        prefix, path = str(written.value("prefix", "")), str(written.value("path", ""))
        parts = shards(fleet, f"{prefix}{fleet.environment}", written.value("shardSize"))
        folder = _joined(path, f"manifests/{fleet.environment}")
        made = _Made(self.templates, self.project, fleet.file)
        if argocd and not argocd.value("applicationSet"):
            objects_ = applications(fleet, parts, folder, plain(argocd))
            made.add(f"{ARGOCD}/{fleet.environment}.yaml", objects_, argocd.place)
        if flux:
            beside = f"{STANDALONE}/{fleet.environment}"
            objects_ = kustomizations(fleet, parts, folder, _joined(path, f"{FOLDER}/{beside}"), plain(flux))
            made.add(f"{FLUX}/{fleet.environment}.yaml", objects_, flux.place)
            self._standalone(fleet, made, beside, [disk for part in parts if part.apart for disk in part.disks])
        classes = tuple(late_classes(fleet))
        done = Delivery(fleet.environment, made.files, made.named, argocd, path, prefix, classes)
        return done, made.problems

    def shared(self, deliveries: Iterable[Delivery], environments: Iterable[str]) -> tuple[dict[str, bytes], list[Problem]]:
        """The files that all environments share, and what is wrong between them. `deliveries` are those of all of them."""
        each = tuple(deliveries)
        with_argocd = [(one, one.argocd) for one in each if one.argocd]
        made = _Made(self.templates, self.project, "environments/")
        made.problems.extend(_clashes(each))
        for namespace in sorted({settings.value("namespace") for _, settings in with_argocd})[:1]:
            classes = [name for one, _ in with_argocd for name in one.late_classes]
            made.add(f"{ARGOCD}/{HEALTH}.yaml", [health(namespace, classes)], Place(f"{ARGOCD}/{HEALTH}.yaml"))
        in_set = [(one, settings) for one, settings in with_argocd if settings.value("applicationSet")]
        if in_set:
            first, settings = in_set[0]
            made.problems.extend(_differences(in_set))
            excluded = [name for name in environments if name not in {one.environment for one, _ in in_set}]
            folder = _joined(first.path, "manifests")
            wanted = application_set(f"{first.prefix}vms", folder, excluded, first.prefix, plain(settings))
            made.add(f"{ARGOCD}/{APPLICATION_SET}.yaml", [wanted], settings.place)
        return made.files, made.problems

    def _settings(self, written: Located, engine: str) -> Located | None:
        """The settings of an engine over its defaults; None where the environment is not delivered by it."""
        own = written.get(engine)
        if own is None or not own.mapping:
            return None
        if self._defaults is None:
            self._defaults = delivery_defaults(self.project)
        return overlaid(self._defaults.data[engine], own)

    def _standalone(self, fleet: Fleet, made: _Made, folder: str, disks: list[str]) -> None:
        """Flux takes whole folders, and the standalone disks lie beside the folders of the groups: they need a list."""
        if disks:
            lies = f"../../../manifests/{fleet.environment}/{fleet.platform.kinds['VMDisk'].folder}"
            values = {"configurations": [], "resources": sorted(f"{lies}/{disk}.yaml" for disk in disks)}
            text = self.templates.render("kustomize/kustomization.yaml.j2", values)
            made.files[f"{folder}/{KUSTOMIZATION}"] = (header(fleet.file) + text).encode()


class _Made:
    """The files of one source, as they are made."""

    def __init__(self, templates: Templates, project: Project, source: str) -> None:
        self.files: dict[str, bytes] = {}
        self.named: dict[tuple[str, str, str], Place] = {}
        self.problems: list[Problem] = []
        self._templates = templates
        self._project = project
        self._source = source

    def add(self, path: str, wanted: Iterable[Wanted], place: Place) -> None:
        """Put a file together from its objects; no file where there are none."""
        texts = []
        for each in wanted:
            text = self._templates.render(each.template, each.values)
            self.problems.extend(self._wrong(each, text))
            self.named[each.kind, each.namespace, each.name] = place
            texts.append(text)
        if texts:
            self.files[path] = (header(self._source) + "---\n".join(texts)).encode()

    def _wrong(self, wanted: Wanted, text: str) -> list[Problem]:
        """What came out that is not one object of the kind, name and shape that was meant."""
        try:
            found = objects(text)
        except NotYaml as error:
            return [self._problem(wanted, f"what it renders for {wanted.name} is not YAML: {error}")]
        if len(found) != 1 or not isinstance(found[0], dict):
            return [self._problem(wanted, f"must render one object, and renders {len(found)} documents")]
        meant = {"name": wanted.name, "namespace": wanted.namespace}
        metadata: Any = found[0].get("metadata")
        messages = [
            f"{'.'.join(map(str, path)) or 'the object'}: {message}"
            for path, message in shape(wanted.kind, self._project).plain_errors(found[0])
        ] or [f"{key} must be {value!r}, and is {metadata[key]!r}" for key, value in meant.items() if metadata[key] != value]
        return [self._problem(wanted, f"{message} (rendered for {wanted.kind} {wanted.name})") for message in messages]

    def _problem(self, wanted: Wanted, message: str) -> Problem:
        return Problem(self._templates.place_of(wanted.template, "^"), "template-output", "", message)


def _clashes(deliveries: Iterable[Delivery]) -> Iterable[Problem]:
    """Two environments that would make one object: the engine would take the one for the other, and prune."""
    seen: dict[tuple[str, str, str], str] = {}
    for each in deliveries:
        for identity, place in each.named.items():
            if identity in seen:
                kind, _, name = identity
                message = f"{kind} {name} is that of environment {seen[identity]} too; write a `prefix:` that tells them apart"
                yield Problem(place, "delivery-clash", "delivery", message)
            seen.setdefault(identity, each.environment)


def _differences(in_set: list[tuple[Delivery, Located]]) -> Iterable[Problem]:
    """Environments of one ApplicationSet that do not agree on its settings."""
    first, settings = in_set[0]
    for other, theirs in in_set[1:]:
        keys = [key for key in {**settings.mapping, **theirs.mapping} if settings.value(key) != theirs.value(key)]
        keys += [key for key in ("path", "prefix") if getattr(first, key) != getattr(other, key)]
        for key in keys:
            found = theirs.get(key)
            message = (
                f"`{key}` differs from that of environment {first.environment}, and one ApplicationSet makes both; "
                "write the settings in _defaults.yaml, or leave `applicationSet` out of one of them"
            )
            yield Problem(found.place if found else theirs.place, "delivery-clash", f"delivery.argocd.{key}", message)


def _joined(folder: str, path: str) -> str:
    return f"{folder.rstrip('/')}/{path}" if folder else path
