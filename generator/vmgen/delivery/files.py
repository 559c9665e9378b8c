"""What is known of Argo CD and Flux: the lowest layer of `delivery:`, and the shape of each object that is written for them.

The files below `delivery/`: those of each environment, and those that environments share.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vmgen.delivery.engines import (
    DeliveryObject,
    build_application_set,
    build_applications,
    build_health_patch,
    build_kustomizations,
    find_late_binding_classes,
    split_into_shards,
)
from vmgen.expand.model import Fleet
from vmgen.merge.environment import Environment
from vmgen.merge.layers import merge
from vmgen.merge.platform import load_extended
from vmgen.problems import Place, Problem, VmgenError
from vmgen.read.located import Located, to_plain
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.repository import ARGOCD, DELIVERY_FOLDER, FLUX, STANDALONE_FOLDER, Project
from vmgen.read.schema import Schema
from vmgen.read.templates import Templates
from vmgen.render.manifests import KUSTOMIZATION
from vmgen.yaml_text import finalize, format_header, to_block, to_json_literal

DEFAULTS_FILE = "delivery/defaults.yaml"
# The schema of each kind: the fields that are written, and no other.
SCHEMA_FILES: Mapping[str, str] = {
    "Application": "delivery/application.schema.json",
    "ApplicationSet": "delivery/application-set.schema.json",
    "ConfigMap": "delivery/config-map.schema.json",
    "Kustomization": "delivery/kustomization.schema.json",
}


def load_delivery_defaults(project: Project) -> Located:
    """The settings of `argocd` and `flux` that hold where an environment writes none."""
    return load_extended(DEFAULTS_FILE, project)


def load_schema(kind: str, project: Project) -> Schema:
    """The schema of a kind."""
    path = project.find_template(SCHEMA_FILES[kind])
    if path is None:
        raise VmgenError(f"templates/{SCHEMA_FILES[kind]} is missing")
    try:
        return Schema(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise VmgenError(f"{project.display_path(path)} is not JSON: {error}") from None


# Files of argocd/ that belong to no environment, and what its environments therefore cannot be named.
HEALTH, APPLICATION_SET, PLUGIN = "health", "application-set", "plugin"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What delivers one environment. `files` are by path below delivery/; `argocd` is None where Argo CD does not.

    `named` are the objects that were made, as kind, namespace and name, each with the place of the setting that asked for it.
    """

    environment: str
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    object_places: Mapping[tuple[str, str, str], Place] = field(default_factory=dict)
    argocd: Located | None = None
    path: str = ""
    prefix: str = ""
    late_binding_classes: tuple[str, ...] = ()


class DeliveryRenderer:
    """Makes the files of delivery/ from templates, and reads back what comes out."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.templates = Templates(project, finalize, {"block": to_block, "quoted": to_json_literal})
        self._defaults: Located | None = None

    def render(self, environment: Environment, fleet: Fleet) -> tuple[Delivery, list[Problem]]:
        """The files that deliver an environment, and what their templates got wrong."""
        written = environment.settings.get("delivery")
        if written is None or not written.mapping:
            return Delivery(fleet.environment), []
        argocd, flux = self._load_settings(written, ARGOCD), self._load_settings(written, FLUX)
        prefix, path = str(written.get_plain("prefix", "")), str(written.get_plain("path", ""))
        parts = split_into_shards(fleet, f"{prefix}{fleet.environment}", written.get_plain("shardSize"))
        folder = _join_path(path, f"manifests/{fleet.environment}")
        made = _DeliveryFiles(self.templates, self.project, fleet.file)
        if argocd and not argocd.get_plain("applicationSet"):
            objects_ = build_applications(fleet, parts, folder, to_plain(argocd))
            made.add(f"{ARGOCD}/{fleet.environment}.yaml", objects_, argocd.place)
        if flux:
            beside = f"{STANDALONE_FOLDER}/{fleet.environment}"
            objects_ = build_kustomizations(
                fleet, parts, folder, _join_path(path, f"{DELIVERY_FOLDER}/{beside}"), to_plain(flux)
            )
            made.add(f"{FLUX}/{fleet.environment}.yaml", objects_, flux.place)
            self._render_standalone_list(
                fleet, made, beside, [disk for part in parts if part.standalone_disks for disk in part.disks]
            )
        classes = tuple(find_late_binding_classes(fleet))
        done = Delivery(fleet.environment, made.files, made.object_places, argocd, path, prefix, classes)
        return done, made.problems

    def render_shared(
        self, deliveries: Iterable[Delivery], environments: Iterable[str]
    ) -> tuple[dict[str, bytes], list[Problem]]:
        """The files that all environments share, and what is wrong between them. `deliveries` are those of all of them."""
        each = tuple(deliveries)
        with_argocd = [(one, one.argocd) for one in each if one.argocd]
        made = _DeliveryFiles(self.templates, self.project, "environments/")
        made.problems.extend(_find_clashes(each))
        for namespace in sorted({settings.get_plain("namespace") for _, settings in with_argocd})[:1]:
            classes = [name for one, _ in with_argocd for name in one.late_binding_classes]
            made.add(f"{ARGOCD}/{HEALTH}.yaml", [build_health_patch(namespace, classes)], Place(f"{ARGOCD}/{HEALTH}.yaml"))
        in_set = [(one, settings) for one, settings in with_argocd if settings.get_plain("applicationSet")]
        if in_set:
            first, settings = in_set[0]
            made.problems.extend(_find_setting_conflicts(in_set))
            excluded = [name for name in environments if name not in {one.environment for one, _ in in_set}]
            folder = _join_path(first.path, "manifests")
            wanted = build_application_set(f"{first.prefix}vms", folder, excluded, first.prefix, to_plain(settings))
            made.add(f"{ARGOCD}/{APPLICATION_SET}.yaml", [wanted], settings.place)
        return made.files, made.problems

    def _load_settings(self, written: Located, engine: str) -> Located | None:
        """The settings of an engine over its defaults; None where the environment is not delivered by it."""
        own = written.get(engine)
        if own is None or not own.mapping:
            return None
        if self._defaults is None:
            self._defaults = load_delivery_defaults(self.project)
        return merge(self._defaults.data[engine], own)

    def _render_standalone_list(self, fleet: Fleet, made: _DeliveryFiles, folder: str, disks: list[str]) -> None:
        """Flux takes whole folders, and the standalone disks lie beside the folders of the groups: they need a list."""
        if disks:
            lies = f"../../../manifests/{fleet.environment}/{fleet.platform.kinds['VMDisk'].folder}"
            values = {"configurations": [], "resources": sorted(f"{lies}/{disk}.yaml" for disk in disks)}
            text = self.templates.render("kustomize/kustomization.yaml.j2", values)
            made.files[f"{folder}/{KUSTOMIZATION}"] = (format_header(fleet.file) + text).encode()


class _DeliveryFiles:
    """The files of one source, as they are made."""

    def __init__(self, templates: Templates, project: Project, source: str) -> None:
        self.files: dict[str, bytes] = {}
        self.object_places: dict[tuple[str, str, str], Place] = {}
        self.problems: list[Problem] = []
        self._templates = templates
        self._project = project
        self._source = source

    def add(self, path: str, wanted: Iterable[DeliveryObject], place: Place) -> None:
        """Put a file together from its objects; no file where there are none."""
        texts = []
        for each in wanted:
            text = self._templates.render(each.template, each.values)
            self.problems.extend(self._verify(each, text))
            self.object_places[each.kind, each.namespace, each.name] = place
            texts.append(text)
        if texts:
            self.files[path] = (format_header(self._source) + "---\n".join(texts)).encode()

    def _verify(self, wanted: DeliveryObject, text: str) -> list[Problem]:
        """What came out that is not one object of the kind, name and shape that was meant."""
        try:
            found = parse_objects(text)
        except InvalidYamlError as error:
            return [self._build_problem(wanted, f"what it renders for {wanted.name} is not YAML: {error}")]
        if len(found) != 1 or not isinstance(found[0], dict):
            return [self._build_problem(wanted, f"must render one object, and renders {len(found)} documents")]
        meant = {"name": wanted.name, "namespace": wanted.namespace}
        metadata: Any = found[0].get("metadata")
        messages = [
            f"{'.'.join(map(str, path)) or 'the object'}: {message}"
            for path, message in load_schema(wanted.kind, self._project).find_errors(found[0])
        ] or [f"{key} must be {value!r}, and is {metadata[key]!r}" for key, value in meant.items() if metadata[key] != value]
        return [self._build_problem(wanted, f"{message} (rendered for {wanted.kind} {wanted.name})") for message in messages]

    def _build_problem(self, wanted: DeliveryObject, message: str) -> Problem:
        return Problem(self._templates.find_place(wanted.template, "^"), "template-output", "", message)


def _find_clashes(deliveries: Iterable[Delivery]) -> Iterable[Problem]:
    """Two environments that would make one object: the engine would take the one for the other, and prune."""
    seen: dict[tuple[str, str, str], str] = {}
    for each in deliveries:
        for identity, place in each.object_places.items():
            if identity in seen:
                kind, _, name = identity
                message = f"{kind} {name} is that of environment {seen[identity]} too; write a `prefix:` that tells them apart"
                yield Problem(place, "delivery-clash", "delivery", message)
            seen.setdefault(identity, each.environment)


def _find_setting_conflicts(in_set: list[tuple[Delivery, Located]]) -> Iterable[Problem]:
    """Environments of one ApplicationSet that do not agree on its settings."""
    first, settings = in_set[0]
    for other, theirs in in_set[1:]:
        keys = [key for key in {**settings.mapping, **theirs.mapping} if settings.get_plain(key) != theirs.get_plain(key)]
        keys += [key for key in ("path", "prefix") if getattr(first, key) != getattr(other, key)]
        for key in keys:
            found = theirs.get(key)
            message = (
                f"`{key}` differs from that of environment {first.environment}, and one ApplicationSet makes both; "
                "write the settings in _defaults.yaml, or leave `applicationSet` out of one of them"
            )
            yield Problem(found.place if found else theirs.place, "delivery-clash", f"delivery.argocd.{key}", message)


def _join_path(folder: str, path: str) -> str:
    return f"{folder.rstrip('/')}/{path}" if folder else path
