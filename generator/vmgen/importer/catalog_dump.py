"""Read the names that a cluster offers, with their values, from a dump: types, profiles, images, classes, GPUs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.problems import VmgenError
from vmgen.quantities import MEBIBYTE, format_size, parse_number, parse_quantity
from vmgen.read.dump import Dump, read_dump
from vmgen.secrets.redact import redact_text

CATALOG_HINT = (
    "make it with kubectl get virtualmachineclusterinstancetypes,virtualmachineclusterpreferences,storageclasses -o json, "
    "or kubectl get options.core.cozystack.io -o json"
)
GROUPS = {
    "VirtualMachineClusterInstancetype": "instancetype.kubevirt.io",
    "VirtualMachineClusterPreference": "instancetype.kubevirt.io",
    "StorageClass": "storage.k8s.io",
    "PersistentVolumeClaim": "",
    "Option": "core.cozystack.io",
}
# The names of Options, with the section of the catalog that each lists (cozystack, pkg/registry/core/option/providers.go).
_OPTIONS = {
    "instancetype": "instanceTypes",
    "instanceprofile": "profiles",
    "image": "images",
    "storageclass": "storageClasses",
    "gpu": "gpus",
}
# Golden images are volumes of this namespace (cozystack, packages/apps/vm-disk/templates/dv.yaml; `vm-image-` before v1.0).
_IMAGE_NAMESPACE, _IMAGE_PREFIXES = "cozy-public", ("vm-default-images-", "vm-image-")
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
# https://github.com/kubevirt/common-instancetypes, docs/labels.md
_LABEL = "instancetype.kubevirt.io/"
# Provisioners whose volumes are on one node.
_LOCAL_PROVISIONERS = ("rancher.io/local-path", "kubernetes.io/no-provisioner")
_LINSTOR = "linstor.csi.linbit.com"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,251}[A-Za-z0-9])?")
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/: no quantity is greater than 2^63-1.
_MAX_QUANTITY = 2**63

# The values of an entry, by the key of the catalog. None: the entry is known to have no such value.
Values = Mapping[str, Any]


class SectionListing(NamedTuple):
    """The entries of a section that a dump names. `is_whole` if the cluster has no others."""

    entries: Mapping[str, Values] = {}
    is_whole: bool = False

    def combine(self, other: SectionListing) -> SectionListing:
        """Return what two dumps tell together."""
        names = dict.fromkeys((*self.entries, *other.entries))
        entries = {name: {**self.entries.get(name, {}), **other.entries.get(name, {})} for name in names}
        return SectionListing(entries, self.is_whole or other.is_whole)


class CatalogListing(NamedTuple):
    """What dumps tell by section of the catalog, and the storage class of a disk that names none ("" if not known)."""

    sections: Mapping[str, SectionListing]
    default_class: str = ""


def read_catalog_listing(dumps: Iterable[tuple[bytes, str]]) -> CatalogListing:
    """Read dumps, each with its name for messages.

    Raises VmgenError if one is no dump, or if none names an entry of a catalog.
    """
    sections: dict[str, SectionListing] = {}
    default_class = ""
    for content, source in dumps:
        dump = read_dump(content, source, GROUPS, CATALOG_HINT)
        for section, facts in _iter_sections(dump, source):
            if facts.entries:
                sections[section] = sections.get(section, SectionListing()).combine(facts)
        default_class = _find_default_class(dump) or default_class
    if not sections:
        raise VmgenError(f"the dump names no instance type, profile, image, storage class or GPU; {CATALOG_HINT}")
    return CatalogListing(sections, default_class)


def _iter_sections(dump: Dump, source: str) -> Iterator[tuple[str, SectionListing]]:
    readers: tuple[tuple[str, str, Callable[[Mapping[str, Any]], Values]], ...] = (
        ("VirtualMachineClusterInstancetype", "instanceTypes", _read_type),
        ("VirtualMachineClusterPreference", "profiles", _read_profile),
        ("StorageClass", "storageClasses", _read_class),
    )
    for kind, section, read in readers:
        objects = {_require_name(key[2], source): read(item) for key, item in dump.list_kind(kind)}
        yield section, SectionListing(objects, kind in dump.listed_kinds)
    images: dict[str, Values] = {}
    for (_, namespace, volume), item in dump.list_kind("PersistentVolumeClaim"):
        name = next((volume.removeprefix(prefix) for prefix in _IMAGE_PREFIXES if volume.startswith(prefix)), "")
        if name and namespace == _IMAGE_NAMESPACE:
            image = _require_name(name, source)
            size = _get(item, "status", "capacity", "storage") or _get(item, "spec", "resources", "requests", "storage")
            images[image] = _drop_unknown({"minStorage": _format_quantity(size, up=True)})
    yield "images", SectionListing(images, "PersistentVolumeClaim" in dump.listed_kinds)
    for key, item in dump.list_kind("Option"):
        if key[2] in _OPTIONS:
            names: dict[str, Values] = {
                _require_name(value["value"], source): {} for value in _list_options(item) if value.get("value")
            }
            yield _OPTIONS[key[2]], SectionListing(names, is_whole=True)


def _require_name(name: Any, source: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name != redact_text(name):
        raise VmgenError(f"{source} has a name that no object of Kubernetes can have; {CATALOG_HINT}")
    return name


def _list_options(option: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = _get(option, "spec", "items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _find_default_class(dump: Dump) -> str:
    for key, item in dump.list_kind("StorageClass"):
        if str(_get(item, "metadata", "annotations", _DEFAULT_CLASS)) == "true":
            return key[2]
    options = dump.find("Option", "", "storageclass") or next(
        (item for key, item in dump.list_kind("Option") if key[2] == "storageclass"), {}
    )
    return next(
        (str(item["value"]) for item in _list_options(options) if item.get("default") is True and item.get("value")), ""
    )


def _read_type(item: Mapping[str, Any]) -> Values:
    gpus = _get(item, "spec", "gpus")
    devices = [_get_text(gpu, "deviceName") for gpu in gpus] if isinstance(gpus, list) else []
    facts = {
        "cpu": _get_count(item, "spec", "cpu", "guest"),
        # Down to whole Mi: a type never seems to have more memory than it has.
        "memory": _format_quantity(_get(item, "spec", "memory", "guest")),
    }
    series = _get_text(item, "metadata", "annotations", f"{_LABEL}displayName")
    series = series or _get_text(item, "metadata", "labels", f"{_LABEL}class")
    return (
        _drop_unknown(facts)
        | ({"series": series} if series else {})
        | {"gpus": [device for device in devices if device] or None}
        | _read_deprecation(item)
    )


def _read_profile(item: Mapping[str, Any]) -> Values:
    bus = _get_text(item, "spec", "devices", "preferredDiskBus")
    system = _get_text(item, "metadata", "labels", f"{_LABEL}os-type")
    architecture = _get_text(item, "metadata", "labels", f"{_LABEL}arch")
    facts: dict[str, Any] = {"os": system} if system else {}
    facts["minCPU"] = _get_count(item, "spec", "requirements", "cpu", "guest")
    facts["minMemory"] = _format_quantity(_get(item, "spec", "requirements", "memory", "guest"), up=True)
    if architecture:
        facts["arch"] = architecture if architecture != "amd64" else None
    if bus:
        facts["diskBus"] = bus if bus != "virtio" else None
    return facts | _read_deprecation(item)


def _read_deprecation(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"deprecated": True} if str(_get(item, "metadata", "labels", f"{_LABEL}deprecated")) == "true" else {}


def _read_class(item: Mapping[str, Any]) -> Values:
    """Return what the provisioner and its parameters tell. Of most provisioners nothing is known.

    LINSTOR keeps as many copies as `autoPlace` or `placementCount` sets, one by default, if DRBD is among the layers
    (https://linbit.com/drbd-user-guide/linstor-guide-1_0-en/#s-kubernetes-sc-parameters).
    """
    if item.get("provisioner") in _LOCAL_PROVISIONERS:
        return {"replicated": False}
    if item.get("provisioner") != _LINSTOR:
        return {}
    settings = item.get("parameters")
    parameters = {
        str(key).removeprefix(f"{_LINSTOR}/").lower(): str(value)
        for key, value in (settings.items() if isinstance(settings, dict) else ())
    }
    layers = parameters.get("layerlist", "drbd storage").lower().split()
    copies = parameters.get("autoplace", parameters.get("placementcount", "1"))
    is_encrypted = "luks" in layers or parameters.get("encryption", "").lower() in ("true", "yes")
    replicated = "drbd" in layers and (parse_number(copies) or 0) > 1
    return {"replicated": replicated, "encrypted": is_encrypted or None}


def _drop_unknown(facts: Values) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value is not None}


def _get(item: Any, *path: str) -> Any:
    for key in path:
        item = item.get(key) if isinstance(item, dict) else None
    return item


def _get_count(item: Mapping[str, Any], *path: str) -> int | None:
    value = _get(item, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _get_text(item: Mapping[str, Any], *path: str) -> str:
    """Return a short text, or nothing if it holds a secret, which no file of the repository may hold."""
    value = _get(item, *path)
    return value if isinstance(value, str) and len(value) <= 100 and value == redact_text(value) else ""


def _format_quantity(value: Any, *, up: bool = False) -> str | None:
    """Return a quantity of Kubernetes in whole Mi, Gi or Ti, rounded down or up; None for other values, and less than 1Mi."""
    amount = parse_quantity(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    if amount is None or amount >= _MAX_QUANTITY:
        return None
    mebibytes = math.ceil(amount / MEBIBYTE) if up else math.floor(amount / MEBIBYTE)
    return format_size(mebibytes * MEBIBYTE) if mebibytes else None
