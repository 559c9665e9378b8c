"""What of an environment is delivered as one: all of it, or, where it is large, each group by itself.

What Argo CD is given: an Application for each shard, or one ApplicationSet for all environments that ask for it.

What Flux is given: two Kustomizations for each shard, its disks, and its VMs, which depend on the disks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.expand.model import Fleet
from vmgen.render.manifests import KUSTOMIZATION, NAME_REFERENCE

STANDALONE_SUFFIX = "standalone"


class Shard(NamedTuple):
    """A part of an environment. `group` is empty for the whole, and for the standalone disks, which then are `apart`.

    `needs` are the names of the other shards that hold disks which VMs of this one attach.
    """

    name: str
    group: str = ""
    standalone_disks: bool = False
    disks: tuple[str, ...] = ()
    has_machines: bool = False
    depends_on: tuple[str, ...] = ()


def split_into_shards(fleet: Fleet, name: str, most: int | None) -> tuple[Shard, ...]:
    """The shards of a fleet: one named as the whole, unless there are more than `most` objects."""
    if not fleet.resources:
        return ()
    if most is None or len(fleet.resources) <= most:
        return (Shard(name, disks=tuple(disk.name for disk in fleet.disks), has_machines=bool(fleet.machines)),)
    disks: dict[str, list[str]] = defaultdict(list)
    home: dict[str, str] = {}
    for disk in fleet.disks:
        disks[disk.group].append(disk.name)
        home[disk.name] = disk.group
    needs: dict[str, set[str]] = defaultdict(set)
    for machine in fleet.machines:
        needs[machine.group] |= {home[each.name] for each in machine.disks if each.name in home} - {machine.group}
    found = [Shard(f"{name}-{STANDALONE_SUFFIX}", standalone_disks=True, disks=tuple(disks[""]))] if disks.get("") else []
    with_machines = {machine.group for machine in fleet.machines}
    for group in dict.fromkeys((*(disk.group for disk in fleet.disks if disk.group), *sorted(with_machines))):
        others = tuple(f"{name}-{other or STANDALONE_SUFFIX}" for other in sorted(needs[group]))
        found.append(Shard(f"{name}-{group}", group, False, tuple(disks[group]), group in with_machines, others))
    return tuple(found)


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


# Of the settings, what has to do with the VMs only: disks hold no text to fill in or to decrypt.
_VM_ONLY_SETTINGS: Mapping[str, Any] = {"decryption": {}, "postBuild": {}}


def build_kustomizations(
    fleet: Fleet, parts: tuple[Shard, ...], folder: str, standalone: str, settings: Mapping[str, Any]
) -> Iterator[DeliveryObject]:
    """The Kustomizations of an environment. `standalone` is the folder whose kustomization.yaml lists its standalone disks."""
    disks, machines = get_kind_folders(fleet)
    with_disks = {part.name for part in parts if part.disks}
    shared = {**settings, "lateClasses": find_late_binding_classes(fleet)}
    if settings["decryption"]:
        shared["decryption"] = {"provider": "sops", **settings["decryption"]}
    for part in parts:
        below = f"/{part.group}" if part.group else ""
        if part.disks:
            values = {
                **shared,
                **_VM_ONLY_SETTINGS,
                "path": f"./{standalone}" if part.standalone_disks else f"./{folder}/{disks}{below}",
                "prune": False,
                "deletionPolicy": "Orphan",
                "dependsOn": [],
                "disks": True,
                "machines": False,
            }
            yield _build_kustomization(f"{part.name}-disks", values)
        if part.has_machines:
            needed = [name for name in (part.name, *part.depends_on) if name in with_disks]
            values = {
                **shared,
                "path": f"./{folder}/{machines}{below}",
                "prune": True,
                "dependsOn": [{"name": f"{name}-disks"} for name in needed],
                "disks": False,
                "machines": True,
            }
            yield _build_kustomization(f"{part.name}-vms", values)


def find_late_binding_classes(fleet: Fleet) -> list[str]:
    """The storage classes whose disks are made only when a VM first uses them: those that are not replicated."""
    classes: Iterable[Any] = fleet.platform.catalog.storage_classes.values()
    return sorted(each.name for each in classes if not each.replicated)


def _build_kustomization(name: str, values: Mapping[str, Any]) -> DeliveryObject:
    return DeliveryObject(
        "delivery/flux/kustomization.yaml.j2", {**values, "name": name}, "Kustomization", name, values["namespace"]
    )
