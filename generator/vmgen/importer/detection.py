"""Tell the platform and its version by what it serves: live objects, `kubectl explain`, its OpenAPI document.

The API fills every field of the chart that it serves into the objects that it returns, so that an object which was read back
lists the fields of its platform (cozystack, pkg/registry/apps/application/rest_defaulting.go). The forms and fields of each
version are in templates/*/platform.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.merge.platform import Platform, PlatformRelease
from vmgen.problems import VmgenError
from vmgen.read.dump import parse_documents, read_dump
from vmgen.read.located import Located
from vmgen.read.schema import compile_schema

VM_KIND, DISK_KIND = "VMInstance", "VMDisk"
_GROUP = "apps.cozystack.io"
# What a server writes into metadata, and so tells an object that was read back from one that somebody wrote.
_SERVER_KEYS = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")
# The fields of a kind that name an entry of a section of the catalog.
_CATALOG_FIELDS = {
    (VM_KIND, "instanceType"): "instanceTypes",
    (VM_KIND, "instanceProfile"): "profiles",
    (DISK_KIND, "storageClass"): "storageClasses",
}


class Evidence(NamedTuple):
    """Findings about the platform behind some files.

    `published_fields` are the fields of a VMInstance that the API describes, None if it was not asked. `present` are those
    that some object has with a value of its own, `served_fields` those that every object has that was read back, None if
    none was. `disks` are the items of the lists of disks, and `names` the names that objects take from a section of the
    catalog. `disabled_fields` are the fields that are false, each with the other fields of its object.
    """

    published_fields: frozenset[str] | None = None
    present: frozenset[str] = frozenset()
    served_fields: frozenset[str] | None = None
    disks: tuple[Any, ...] = ()
    names: frozenset[tuple[str, str]] = frozenset()
    disabled_fields: frozenset[tuple[str, frozenset[str]]] = frozenset()

    def combine(self, other: Evidence) -> Evidence:
        """Return what two files tell together. Fields that one of two descriptions lacks are not described."""
        return Evidence(
            _intersect(self.published_fields, other.published_fields),
            self.present | other.present,
            _intersect(self.served_fields, other.served_fields),
            self.disks + other.disks,
            self.names | other.names,
            self.disabled_fields | other.disabled_fields,
        )


def _intersect(left: frozenset[str] | None, right: frozenset[str] | None) -> frozenset[str] | None:
    return right if left is None else left if right is None else left & right


def collect_evidence(kind: str, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> Evidence:
    """Return what one object tells. Fields of a kind that is neither VM nor disk tell nothing."""
    names = [(section, spec.get(field)) for (owner, field), section in _CATALOG_FIELDS.items() if owner == kind]
    source = spec.get("source")
    image = source.get("image") if kind == DISK_KIND and isinstance(source, dict) else None
    if isinstance(image, dict):
        names.append(("images", image.get("name")))
    known_names = frozenset((section, name) for section, name in names if isinstance(name, str) and name)
    if kind != VM_KIND:
        return Evidence(names=known_names)
    # The API server fills in every field it knows on a read, so what is missing is not in its version.
    is_served = any(key in metadata for key in _SERVER_KEYS)
    disks = spec.get("disks")
    return Evidence(
        present=frozenset(name for name, value in spec.items() if value not in ("", None, {}, [])),
        served_fields=frozenset(spec) if is_served else None,
        disks=tuple(disks) if isinstance(disks, list) else (),
        names=known_names,
        disabled_fields=frozenset((name, frozenset(spec)) for name, value in spec.items() if value is False),
    )


class Detection(NamedTuple):
    """The platform and version that fit; `alternatives` are further versions that nothing tells apart from it."""

    platform: str
    version: str
    alternatives: tuple[str, ...] = ()


def find_matches(releases: Iterable[PlatformRelease], evidence: Evidence) -> tuple[Detection, ...]:
    """Return the platforms whose fields fit, each with its versions; of several, those that know the most of the names."""
    matches: list[tuple[int, Detection]] = []
    for release in releases:
        fitting = _find_fitting(release, evidence)
        if fitting:
            first, *others = fitting
            detection = Detection(release.name, first.version, tuple(platform.version for platform in others))
            matches.append((_count_known(first, evidence), detection))
    best = max((count for count, _ in matches), default=0)
    return tuple(detection for count, detection in matches if count == best)


def _find_fitting(release: PlatformRelease, evidence: Evidence) -> list[Platform]:
    versions = release.versions.names or ("",)
    platforms = [release.build(version) for version in versions]
    field_names = frozenset[str]().union(*map(list_fields, platforms))
    fitting = [platform for platform in platforms if _fits(platform, field_names, evidence)]
    if fitting:  # a version with the fields themselves, before one that has them under another name
        present = evidence.present & field_names
        least = min(len(present - list_fields(platform)) for platform in fitting)
        fitting = [platform for platform in fitting if len(present - list_fields(platform)) == least]
    if len(fitting) > 1:  # the versions of a platform may have the same fields, and other names
        best = max(_count_known(platform, evidence) for platform in fitting)
        fitting = [platform for platform in fitting if _count_known(platform, evidence) == best]
    return fitting


def _fits(platform: Platform, field_names: frozenset[str], evidence: Evidence) -> bool:
    fields = list_fields(platform)
    if evidence.published_fields is not None and evidence.published_fields & field_names != fields:
        return False
    if evidence.served_fields is not None and not fields <= evidence.served_fields:
        return False
    return carries(platform, field_names, evidence) and all(_accepts(platform, item) for item in evidence.disks)


def carries(platform: Platform, field_names: Collection[str], evidence: Evidence) -> bool:
    """Return whether a version has every field that objects have, and disks in the form of objects where they are.

    A field under another name, or one of which is known that nothing reads it, is no proof against a version. Text for a disk
    is none either: a reference page has it, and a platform that refuses it stores it all the same.
    """
    rows = platform.get_field_rows(VM_KIND)
    foreign = [
        name
        for name in (evidence.present & set(field_names)) - list_fields(platform)
        if not _is_explained(rows, name, evidence)
    ]
    references = [item for item in evidence.disks if isinstance(item, dict) and item.get("name")]
    return not foreign and all(_accepts(platform, item) for item in references)


def _is_explained(rows: Mapping[str, Located], name: str, evidence: Evidence) -> bool:
    """Return whether it is known why a version lacks a field: nothing reads it, or it is another name of one that is there.

    A field that is false is only explained beside the field with the same meaning: without, it may be what stops a VM.
    """
    spellings = {key: row.get_plain("import", {}) for key, row in rows.items()}
    is_other_name = any(name in (*row.get("twins", ()), *row.get("renamed", ())) for row in spellings.values())
    equivalents = spellings.get(name, {}).get("twins") or {}
    may_count = any(field == name and fields.isdisjoint(equivalents) for field, fields in evidence.disabled_fields)
    return is_other_name or ("ignored" in spellings.get(name, {}) and not may_count)


def list_fields(platform: Platform) -> frozenset[str]:
    """Return the fields of a VMInstance's spec at a version of a platform."""
    return frozenset(_get_properties(platform))


def _get_properties(platform: Platform) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = platform.kinds[VM_KIND].schema["properties"]["spec"]["properties"]
    return properties


def _accepts(platform: Platform, item: Any) -> bool:
    """Return whether the disks of a VM may have an item of this form."""
    schema = _get_properties(platform)["disks"].get("items", {})
    # The form alone: whether the name is one of a disk tells nothing of the version.
    form = {"name": "a"} if isinstance(item, dict) else "a"
    return compile_schema(schema, "the schema of VMInstance.spec.disks.items").is_valid(form)


def _count_known(platform: Platform, evidence: Evidence) -> int:
    sections = {
        "instanceTypes": platform.catalog.instance_types,
        "profiles": platform.catalog.profiles,
        "storageClasses": platform.catalog.storage_classes,
        "images": platform.catalog.images,
    }
    return sum(name in sections[section] for section, name in evidence.names)


def choose_version(platform: Platform, evidence: Evidence) -> Platform:
    """Return the version of a platform that carries what objects have: its own if it does, else the nearest that does.

    Its own, too, where none does: each field is then reported by itself.
    """
    release = platform.release
    versions = release.versions.names
    platforms = [release.build(version) for version in versions]
    field_names = frozenset[str]().union(*map(list_fields, platforms)) if platforms else list_fields(platform)
    if carries(platform, field_names, evidence):
        return platform
    position = versions.index(platform.version) if platform.version in versions else 0
    # The nearest differs least from the version that is written.
    nearest = sorted(range(len(versions)), key=lambda index: (abs(index - position), index))
    return next((platforms[index] for index in nearest if carries(platforms[index], field_names, evidence)), platform)


def combine(evidence: Iterable[Evidence]) -> Evidence:
    """Return what several files or objects tell together."""
    total = Evidence()
    for each in evidence:
        total = total.combine(each)
    return total


_EXPLAINED_FIELD = re.compile(r"^ {1,6}(\w+)\t+<", re.MULTILINE)
_HINT = (
    "make one with kubectl get vminstances,vmdisks -n NAMESPACE -o yaml, kubectl explain vminstance.spec, or "
    "kubectl get --raw /openapi/v3/apis/apps.cozystack.io/v1alpha1"
)


def read_evidence(content: bytes, source: str) -> Evidence:
    """Return what a file tells: a dump of objects, the text of `kubectl explain vminstance.spec`, or an OpenAPI document.

    Raises VmgenError if it is none of them, or tells nothing of a VM.
    """
    if re.match(rb"\s*(GROUP|KIND):", content):
        text = content.decode("utf-8", "replace")
        fields = frozenset(_EXPLAINED_FIELD.findall(text))
        if not re.search(rf"^KIND:\s+{VM_KIND}\s*$", text, re.MULTILINE) or not fields or "spec" in fields:
            raise VmgenError(f"{source} explains something else than vminstance.spec; {_HINT}")
        return Evidence(published_fields=fields)
    first = parse_documents(content, source, _HINT)[:1]
    if first and isinstance(first[0], dict) and first[0].keys() & {"openapi", "swagger"}:
        return Evidence(published_fields=_find_published(first[0], source))
    dump = read_dump(content, source, {VM_KIND: _GROUP, DISK_KIND: _GROUP}, _HINT)
    sections = ((key[0], item.get("metadata"), item.get("spec")) for key, item in dump.objects.items())
    return combine(
        collect_evidence(kind, metadata, spec)
        for kind, metadata, spec in sections
        if isinstance(metadata, dict) and isinstance(spec, dict)
    )


def _find_published(document: Mapping[str, Any], source: str) -> frozenset[str]:
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else document.get("definitions")
    for name, schema in (schemas if isinstance(schemas, dict) else {}).items():
        node = schema
        for key in ("properties", "spec", "properties"):
            node = node.get(key) if isinstance(node, dict) else None
        if name.rpartition(".")[2] == VM_KIND and isinstance(node, dict) and node:
            return frozenset(node)
    raise VmgenError(f"{source} describes no fields of a {VM_KIND}; {_HINT}")
