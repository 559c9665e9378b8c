"""What Argo CD is given: an Application for each shard, or one ApplicationSet for all environments that ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.expand.model import Fleet
from vmgen.render.kustomization import KUSTOMIZATION, NAME_REFERENCE
from vmgen.render.shards import Shard

# Argo CD reads every YAML file below a folder; these two are for kustomize alone.
_EXCLUDED = f"{{{KUSTOMIZATION},*/{KUSTOMIZATION},{NAME_REFERENCE}}}"


class Wanted(NamedTuple):
    """An object that is to be written: the template that makes it, its values, and what must come out."""

    template: str
    values: Mapping[str, Any]
    kind: str
    name: str
    namespace: str


def applications(fleet: Fleet, parts: Iterable[Shard], folder: str, settings: Mapping[str, Any]) -> Iterator[Wanted]:
    """The Application of each shard. `folder` is that of the environment's manifests in the Git repository."""
    for part in parts:
        values = {
            **settings,
            "name": part.name,
            "destinationNamespace": fleet.namespace,
            "exclude": _EXCLUDED,
            "syncOptions": sync_options(settings),
            **_extent(fleet, part, folder),
        }
        yield Wanted("delivery/argocd/application.yaml.j2", values, "Application", part.name, settings["namespace"])


def _extent(fleet: Fleet, part: Shard, folder: str) -> dict[str, Any]:
    """Which files are the shard's. Argo CD's `*` also matches slashes, so the standalone disks need a folder of their own."""
    disks, machines = folders(fleet)
    if part.apart:
        return {"path": f"{folder}/{disks}", "recurse": False, "include": "", "generatePaths": ".", "wave": "-1"}
    if not part.group:
        return {"path": folder, "recurse": True, "include": "", "generatePaths": ".", "wave": ""}
    own = [f"{kind}/{part.group}" for kind, there in ((disks, part.disks), (machines, part.machines)) if there]
    include = f"{{{','.join(f'{each}/*' for each in own)}}}"
    return {"path": folder, "recurse": True, "include": include, "generatePaths": ";".join(own), "wave": ""}


def application_set(name: str, folder: str, excluded: Iterable[str], prefix: str, settings: Mapping[str, Any]) -> Wanted:
    """The ApplicationSet over the folders of all environments but the excluded ones."""
    values = {
        **settings,
        "name": name,
        "path": f"{folder}/*",
        "excluded": [f"{folder}/{each}" for each in excluded],
        "applicationName": f"{prefix}{{{{ .path.basename }}}}",
        "exclude": _EXCLUDED,
        "syncOptions": sync_options(settings),
    }
    return Wanted("delivery/argocd/application-set.yaml.j2", values, "ApplicationSet", name, settings["namespace"])


def health(namespace: str, late_classes: Iterable[str]) -> Wanted:
    """The patch of Argo CD's settings that tells it when a disk and a VM are healthy."""
    values = {"namespace": namespace, "lateClasses": sorted(set(late_classes))}
    return Wanted("delivery/argocd/health.yaml.j2", values, "ConfigMap", "argocd-cm", namespace)


def sync_options(settings: Mapping[str, Any]) -> list[str]:
    """The options that were asked for, and the one without which `ignoreDifferences` is only for the eye."""
    more = ["RespectIgnoreDifferences=true"] if settings["ignoreDifferences"] else []
    return list(dict.fromkeys((*settings["syncOptions"], *more)))


def folders(fleet: Fleet) -> tuple[str, str]:
    """The folders of disks and of VMs below an environment's."""
    kinds = fleet.platform.kinds
    return kinds["VMDisk"].folder, kinds["VMInstance"].folder
