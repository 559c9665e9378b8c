"""Render the files below `delivery/`: those of each environment, and those that environments share."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from vmgen.delivery.engines import (
    DeliveryObject,
    Shard,
    build_application_set,
    build_applications,
    build_health_patch,
    build_kustomizations,
    find_late_binding_classes,
    split_into_shards,
)
from vmgen.delivery.hazards import find_delivery_hazards
from vmgen.expand.model import Fleet
from vmgen.merge.environment import Environment
from vmgen.merge.layers import merge
from vmgen.merge.number_ranges import get_shard_size
from vmgen.merge.platform import load_extended
from vmgen.problems import Place, Problem, ProblemsError, VmgenError, sort_problems
from vmgen.read.located import Located, to_plain
from vmgen.read.repository import ARGOCD, DELIVERY_FOLDER, FLUX, STANDALONE_FOLDER, Project
from vmgen.read.schema import Schema, SchemaError, load_builtin_schema
from vmgen.read.source_file import read_json_file
from vmgen.read.templates import Templates
from vmgen.render.manifests import KUSTOMIZATION
from vmgen.render.verify import build_template_problem, format_schema_error, parse_single_object
from vmgen.rules import DELIVERY_CLASH, DELIVERY_UNGUARDED, MISSING_KEY, WRONG_TYPE
from vmgen.yaml_text import finalize, format_header, to_block, to_json_literal

_DEFAULTS = "delivery/defaults.yaml"
# Files of argocd/ that environments share.
_HEALTH, _APPLICATION_SET = "health", "application-set"
# Each schema holds the fields that vmgen writes, and no other.
_SCHEMA_FILES: Mapping[str, str] = {
    "Application": "delivery/application.schema.json",
    "ApplicationSet": "delivery/application-set.schema.json",
    "ConfigMap": "delivery/config-map.schema.json",
    "Kustomization": "delivery/kustomization.schema.json",
}


class Delivery(NamedTuple):
    """The files that deliver one environment, by path below `delivery/`.

    `object_places` maps kind, namespace and name of each object to the setting that asked for it. `argocd` is None if Argo CD
    does not deliver the environment.
    """

    environment: str
    files: Mapping[str, bytes]
    object_places: Mapping[tuple[str, str, str], Place]
    argocd: Located | None = None
    path: str = ""
    prefix: str = ""
    late_binding_classes: tuple[str, ...] = ()


class DeliveryRenderer:
    """Renders the files below `delivery/` from templates, and verifies their objects."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._templates = Templates(project, finalize, {"block": to_block, "quoted": to_json_literal})
        self._defaults: Located | None = None

    def render(self, environment: Environment, fleet: Fleet) -> tuple[Delivery, list[Problem]]:
        """Return the files that deliver an environment, and the problems of their templates.

        Raises VmgenError if a schema of `templates/delivery/` is missing or is not JSON. Raises ProblemsError if a
        repository's own defaults of delivery are not valid.
        """
        section = environment.settings.get("delivery")
        if section is None or not section.mapping:
            return Delivery(fleet.environment, {}, {}), []
        argocd, flux = self._load_settings(section, ARGOCD), self._load_settings(section, FLUX)
        prefix, path = str(section.get_plain("prefix", "")), str(section.get_plain("path", ""))
        shards = split_into_shards(fleet, f"{prefix}{fleet.environment}", get_shard_size(environment))
        manifests = _join_path(path, f"manifests/{fleet.environment}")
        writer = _DeliveryWriter(self._templates, self._project, fleet.file)
        writer.problems.extend(_find_equal_shards(shards, section.key_place or section.place))
        if argocd and not argocd.get_plain("applicationSet"):
            objects = build_applications(fleet, shards, manifests, to_plain(argocd))
            writer.add(f"{ARGOCD}/{fleet.environment}.yaml", objects, argocd.place)
        if flux:
            folder = f"{STANDALONE_FOLDER}/{fleet.environment}"
            standalone = _join_path(path, f"{DELIVERY_FOLDER}/{folder}")
            objects = build_kustomizations(fleet, shards, manifests, standalone, to_plain(flux))
            writer.add(f"{FLUX}/{fleet.environment}.yaml", objects, flux.place)
            writer.add_standalone_list(folder, fleet, shards)
        classes = tuple(find_late_binding_classes(fleet))
        delivery = Delivery(fleet.environment, writer.files, writer.object_places, argocd, path, prefix, classes)
        return delivery, writer.problems

    def render_shared(
        self, deliveries: Iterable[Delivery], environments: Iterable[str]
    ) -> tuple[dict[str, bytes], list[Problem]]:
        """Return the files that environments share, and the conflicts between them.

        `deliveries` are those of all environments, and `environments` the names of all. Raises VmgenError as `render` does.
        """
        deliveries = tuple(deliveries)
        writer = _DeliveryWriter(self._templates, self._project, "environments/")
        writer.problems.extend(_find_clashes(deliveries))
        by_argocd = [(delivery, delivery.argocd) for delivery in deliveries if delivery.argocd]
        if by_argocd:
            # One Argo CD has one argocd-cm. Which environment comes first must not decide, so that a new one moves no file.
            namespace = min(settings.get_plain("namespace") for _, settings in by_argocd)
            classes = [name for delivery, _ in by_argocd for name in delivery.late_binding_classes]
            path = f"{ARGOCD}/{_HEALTH}.yaml"
            writer.add(path, [build_health_patch(namespace, classes)], Place(path))
        in_set = [(delivery, settings) for delivery, settings in by_argocd if settings.get_plain("applicationSet")]
        if in_set:
            first, settings = in_set[0]
            writer.problems.extend(_find_setting_conflicts(in_set))
            included_names = {delivery.environment for delivery, _ in in_set}
            # The Git generator finds every folder. One that Flux delivers would be applied twice.
            excluded_names = [name for name in environments if name not in included_names]
            folder = _join_path(first.path, "manifests")
            item = build_application_set(f"{first.prefix}vms", folder, excluded_names, first.prefix, to_plain(settings))
            writer.add(f"{ARGOCD}/{_APPLICATION_SET}.yaml", [item], settings.place)
        return writer.files, writer.problems

    def _load_settings(self, section: Located, engine: str) -> Located | None:
        """Return the settings of Argo CD or Flux, merged over the defaults; None if it does not deliver the environment."""
        settings = section.get(engine)
        if settings is None or not settings.mapping:
            return None
        if self._defaults is None:
            self._defaults = load_extended(_DEFAULTS, self._project)
            builtin = load_extended(_DEFAULTS, Project(self._project.template_folders[-1].parent))
            problems = list(_find_missing_defaults(self._defaults, builtin, ()))
            problems = problems or _build_settings_schema().list_problems(_select_changes(self._defaults, builtin))
            if problems:
                raise ProblemsError(sort_problems(problems))
        return merge(self._defaults.mapping[engine], settings)


@cache
def _build_settings_schema() -> Schema:
    """Return the schema of `delivery:` in an environment, which the defaults of a repository have to fit as well."""
    document = load_builtin_schema("environment").document
    return Schema({"$defs": document["$defs"], **document["$defs"]["delivery"]})


def _select_changes(own: Located, builtin: Located | None) -> Located:
    """Return the values that differ from the built-in defaults. Some of those, such as `""`, fit no environment."""
    if builtin is None or not own.mapping:
        return own
    pairs = {key: (value, builtin.get(key)) for key, value in own.mapping.items()}
    changes = {key: pair for key, pair in pairs.items() if pair[1] is None or to_plain(pair[0]) != to_plain(pair[1])}
    return own.with_data({key: _select_changes(*pair) for key, pair in changes.items()})


def _find_missing_defaults(own: Located, builtin: Located, path: tuple[str, ...]) -> Iterator[Problem]:
    """Yield a problem for each key of the built-in defaults that a repository's own lack, or hold in another shape."""
    subject = ".".join(path)
    if type(own.data) is not type(builtin.data):
        shape = "a mapping" if builtin.mapping else "a list" if builtin.items else f"a value such as {builtin.data!r}"
        yield WRONG_TYPE.build_problem(own.place, subject, f"must be {shape}, as in the built-in defaults")
        return
    for key, value in builtin.mapping.items():
        if key in own.mapping:
            yield from _find_missing_defaults(own.mapping[key], value, (*path, key))
        else:
            message = f"the key '{key}' is missing; copy it from `vmgen template {_DEFAULTS}`"
            yield MISSING_KEY.build_problem(own.place, ".".join((*path, key)), message)


class _DeliveryWriter:
    """Collects rendered files with the same source, their objects and their problems."""

    def __init__(self, templates: Templates, project: Project, source: str) -> None:
        self.files: dict[str, bytes] = {}
        self.object_places: dict[tuple[str, str, str], Place] = {}
        self.problems: list[Problem] = []
        self._templates = templates
        self._project = project
        self._source = source

    def add(self, path: str, objects: Iterable[DeliveryObject], place: Place) -> None:
        """Add a file with some objects; no file if there are none."""
        texts = []
        for item in objects:
            text = self._templates.render(item.template, item.values)
            document = parse_single_object(text, item.name)
            # A template of the repository may write anything, so its text is parsed again, as that of a manifest is.
            for message in self._find_mistakes(item, document):
                self.problems.append(build_template_problem(self._templates, item.template, message))
            for message in () if isinstance(document, str) else find_delivery_hazards(item.kind, document):
                place = self._templates.find_place(item.template, "^")
                message = f"{message}; remove it from the template (rendered for {item.kind} {item.name})"
                self.problems.append(DELIVERY_UNGUARDED.build_problem(place, "", message))
            self.object_places[item.kind, item.namespace, item.name] = place
            texts.append(text)
        if texts:
            self.files[path] = (format_header(self._source) + "---\n".join(texts)).encode()

    def add_standalone_list(self, folder: str, fleet: Fleet, shards: Iterable[Shard]) -> None:
        """Add a kustomization.yaml that lists the standalone disks, if they are a shard.

        Flux takes whole folders, and the folder of these disks also holds those of the groups.
        """
        disks = [disk for shard in shards if shard.standalone_disks for disk in shard.disks]
        if disks:
            # Files above the folder: Flux takes the whole source as the root, where kustomize by hand needs
            # `--load-restrictor LoadRestrictionsNone`.
            source = f"../../../manifests/{fleet.environment}/{fleet.platform.kinds['VMDisk'].folder}"
            values = {"configurations": [], "resources": sorted(f"{source}/{disk}.yaml" for disk in disks)}
            text = self._templates.render("kustomize/kustomization.yaml.j2", values)
            self.files[f"{folder}/{KUSTOMIZATION}"] = (format_header(self._source) + text).encode()

    def _find_mistakes(self, item: DeliveryObject, document: Any) -> Iterator[str]:
        if isinstance(document, str):
            yield document
            return
        messages = [format_schema_error(path, error) for path, error in self._load_schema(item.kind).find_errors(document)]
        if document.get("kind") != item.kind:
            messages.append(f"kind must be {item.kind!r}, and is {document.get('kind')!r}")
        if not messages:  # the schema requires name and namespace
            for key, expected in (("name", item.name), ("namespace", item.namespace)):
                if document["metadata"][key] != expected:
                    messages.append(f"{key} must be {expected!r}, not {document['metadata'][key]!r}")
        for message in messages:
            yield f"{message} (rendered for {item.kind} {item.name})"

    def _load_schema(self, kind: str) -> Schema:
        path = self._project.find_template(_SCHEMA_FILES[kind])
        if path is None:
            raise VmgenError(f"templates/{_SCHEMA_FILES[kind]} is missing")
        try:
            return Schema(read_json_file(path, self._project))
        except SchemaError as error:
            raise VmgenError(f"{self._project.display_path(path)} is not a JSON Schema: {error}") from None


def _find_equal_shards(shards: Iterable[Shard], place: Place) -> Iterator[Problem]:
    """Yield a problem for each part of an environment whose Application would have the name of another one's."""
    by_name: dict[str, Shard] = {}
    for shard in shards:
        other = by_name.setdefault(shard.name, shard)
        if other is not shard:
            parts = " and ".join(each.folder or "the standalone disks" for each in (other, shard))
            message = f"{shard.name} would be the name of what delivers {parts}; rename the group, with `name:` for its VMs"
            yield DELIVERY_CLASH.build_problem(place, "delivery", message)


def _find_clashes(deliveries: Iterable[Delivery]) -> Iterator[Problem]:
    """Yield a problem for each object that two environments have: Argo CD or Flux would prune what only one of them holds."""
    owners: dict[tuple[str, str, str], str] = {}
    for delivery in deliveries:
        for identity, place in delivery.object_places.items():
            owner = owners.setdefault(identity, delivery.environment)
            if owner != delivery.environment:
                kind, _, name = identity
                message = f"{kind} {name} is also used by environment {owner}; set a different `prefix:`"
                yield Problem(place, DELIVERY_CLASH.id, "delivery", message)


def _find_setting_conflicts(in_set: list[tuple[Delivery, Located]]) -> Iterator[Problem]:
    """Yield a problem for each setting in which an environment differs from the first one of its ApplicationSet."""
    first, settings = in_set[0]
    for delivery, others in in_set[1:]:
        keys = [key for key in {**settings.mapping, **others.mapping} if settings.get_plain(key) != others.get_plain(key)]
        keys += [key for key in ("path", "prefix") if getattr(first, key) != getattr(delivery, key)]
        for key in keys:
            value = others.get(key)
            message = (
                f"`{key}` differs from environment {first.environment}, but both share one ApplicationSet; "
                "move the settings to _defaults.yaml, or remove `applicationSet` from one of them"
            )
            yield Problem(value.place if value else others.place, DELIVERY_CLASH.id, f"delivery.argocd.{key}", message)


def _join_path(folder: str, path: str) -> str:
    return f"{folder.rstrip('/')}/{path}" if folder else path
