"""What Argo CD is given: an Application for each shard, or one ApplicationSet for all environments that ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.expand.model import Fleet
from vmgen.render.kustomization import KUSTOMIZATION, NAME_REFERENCE
from vmgen.render.shards import Shard

# Argo CD reads every YAML file below a folder; these two are for kustomize alone.
_EXCLUDE_GLOB = f"{{{KUSTOMIZATION},*/{KUSTOMIZATION},{NAME_REFERENCE}}}"


class DeliveryObject(NamedTuple):
    """An object that is to be written: the template that makes it, its values, and what must come out."""

    template: str
    values: Mapping[str, Any]
    kind: str
    name: str
    namespace: str


def build_applications(
    fleet: Fleet, parts: Iterable[Shard], folder: str, settings: Mapping[str, Any]
) -> Iterator[DeliveryObject]:
    """The Application of each shard. `folder` is that of the environment's manifests in the Git repository."""
    for part in parts:
        values = {
            **settings,
            "name": part.name,
            "destinationNamespace": fleet.namespace,
            "exclude": _EXCLUDE_GLOB,
            "syncOptions": build_sync_options(settings),
            **_select_files(fleet, part, folder),
        }
        yield DeliveryObject("delivery/argocd/application.yaml.j2", values, "Application", part.name, settings["namespace"])


def _select_files(fleet: Fleet, part: Shard, folder: str) -> dict[str, Any]:
    """Which files are the shard's. Argo CD's `*` also matches slashes, so the standalone disks need a folder of their own."""
    disks, machines = get_kind_folders(fleet)
    if part.standalone_disks:
        return {"path": f"{folder}/{disks}", "recurse": False, "include": "", "generatePaths": ".", "wave": "-1"}
    if not part.group:
        return {"path": folder, "recurse": True, "include": "", "generatePaths": ".", "wave": ""}
    own = [f"{kind}/{part.group}" for kind, there in ((disks, part.disks), (machines, part.has_machines)) if there]
    include = f"{{{','.join(f'{each}/*' for each in own)}}}"
    return {"path": folder, "recurse": True, "include": include, "generatePaths": ";".join(own), "wave": ""}


def build_application_set(
    name: str, folder: str, excluded: Iterable[str], prefix: str, settings: Mapping[str, Any]
) -> DeliveryObject:
    """The ApplicationSet over the folders of all environments but the excluded ones."""
    values = {
        **settings,
        "name": name,
        "path": f"{folder}/*",
        "excluded": [f"{folder}/{each}" for each in excluded],
        "applicationName": f"{prefix}{{{{ .path.basename }}}}",
        "exclude": _EXCLUDE_GLOB,
        "syncOptions": build_sync_options(settings),
    }
    return DeliveryObject("delivery/argocd/application-set.yaml.j2", values, "ApplicationSet", name, settings["namespace"])


def build_health_patch(namespace: str, late_classes: Iterable[str]) -> DeliveryObject:
    """The patch of Argo CD's settings that tells it when a disk and a VM are healthy."""
    values = {"namespace": namespace, "lateClasses": sorted(set(late_classes))}
    return DeliveryObject("delivery/argocd/health.yaml.j2", values, "ConfigMap", "argocd-cm", namespace)


def build_sync_options(settings: Mapping[str, Any]) -> list[str]:
    """The options that were asked for, and the one without which `ignoreDifferences` is only for the eye."""
    more = ["RespectIgnoreDifferences=true"] if settings["ignoreDifferences"] else []
    return list(dict.fromkeys((*settings["syncOptions"], *more)))


def get_kind_folders(fleet: Fleet) -> tuple[str, str]:
    """The folders of disks and of VMs below an environment's."""
    kinds = fleet.platform.kinds
    return kinds["VMDisk"].folder, kinds["VMInstance"].folder
