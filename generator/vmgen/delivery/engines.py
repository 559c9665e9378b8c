"""Choose the objects of Argo CD and Flux: split an environment into shards, and build Applications and Kustomizations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.expand.model import Fleet, Resource
from vmgen.merge.number_ranges import NumberRange
from vmgen.render.manifests import KUSTOMIZATION, NAME_REFERENCE, get_group_folder

_STANDALONE_SUFFIX = "standalone"
# Argo CD reads every YAML file below a folder, but these are for kustomize only.
_EXCLUDE_GLOB = f"{{{KUSTOMIZATION},*/{KUSTOMIZATION},{NAME_REFERENCE}}}"
# Unless the user writes them otherwise. Without the first, a VM that is renamed with its disk is gone until somebody confirms
# that the old disk may go; without the second, an Application takes over the disks of another one:
# https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/
_NEEDED_SYNC_OPTIONS = ("PruneLast=true", "FailOnSharedResource=true")
# Flux settings that only VMs need: disks hold no text to substitute or decrypt.
_VM_ONLY_SETTINGS: Mapping[str, Any] = {"decryption": {}, "postBuild": {}}


class Shard(NamedTuple):
    """A part of an environment that is delivered as one: all of it, a group or a range of its VMs, or the standalone disks.

    `folder` is that of a group or range below each kind, else empty. `depends_on` are the names of the shards whose disks the
    VMs of this one attach.
    """

    name: str
    folder: str = ""
    standalone_disks: bool = False
    disks: tuple[str, ...] = ()
    has_machines: bool = False
    depends_on: tuple[str, ...] = ()


class DeliveryObject(NamedTuple):
    """An object to render: its template and values, and the kind, name and namespace that it must have."""

    template: str
    values: Mapping[str, Any]
    kind: str
    name: str
    namespace: str


def split_into_shards(fleet: Fleet, name: str, max_objects: int | None) -> tuple[Shard, ...]:
    """Return one shard with this name, or several if there are more than `max_objects`.

    Then each group is a shard, or each range of its VMs if it is split, and the standalone disks are one. A shard of some name
    always holds the VMs of the same numbers: if one lost VMs to another one, the engines would delete them.
    """
    if not fleet.resources:
        return ()
    # A sync of Argo CD compares all objects of an Application at once, so thousands of them are slow and hit its limits.
    if max_objects is None or len(fleet.resources) <= max_objects:
        return (Shard(name, disks=tuple(disk.name for disk in fleet.disks), has_machines=bool(fleet.machines)),)
    disks: dict[_Part, list[str]] = defaultdict(list)
    for disk in fleet.disks:
        disks[_Part.of(disk)].append(disk.name)
    part_by_disk = {name: part for part, names in disks.items() for name in names}
    needs: dict[_Part, set[_Part]] = defaultdict(set)
    for machine in fleet.machines:
        # A VM whose disk does not exist fails to install, so the shard of the disk comes first.
        needs[_Part.of(machine)] |= {part_by_disk[disk.name] for disk in machine.disks if disk.name in part_by_disk}
    shards = []
    standalone = disks.pop(_STANDALONE, ())
    if standalone:
        shards.append(Shard(f"{name}-{_STANDALONE_SUFFIX}", standalone_disks=True, disks=tuple(standalone)))
    # Groups with disks come in the order of the fleet, then those that only attach disks of others, in an order of no set.
    for part in dict.fromkeys((*disks, *sorted(needs))):
        depends_on = tuple(f"{name}-{other.suffix}" for other in sorted(needs[part] - {part}))
        shards.append(Shard(f"{name}-{part.suffix}", part.folder, False, tuple(disks[part]), part in needs, depends_on))
    return tuple(shards)


class _Part(NamedTuple):
    """A group, or a range of its VMs; no group for the standalone disks."""

    group: str
    numbers: NumberRange | tuple[()] = ()

    @classmethod
    def of(cls, resource: Resource) -> _Part:
        return cls(resource.group, resource.numbers or ())

    @property
    def folder(self) -> str:
        return get_group_folder(self.group, self.numbers or None)

    @property
    def suffix(self) -> str:
        """The suffix of the names of what delivers it."""
        return self.folder.replace("/", "-") or _STANDALONE_SUFFIX


_STANDALONE = _Part("")


def build_applications(
    fleet: Fleet, shards: Iterable[Shard], folder: str, settings: Mapping[str, Any]
) -> Iterator[DeliveryObject]:
    """Yield the Application of each shard. `folder` is that of the environment's manifests in the Git repository."""
    for shard in shards:
        values = {
            **settings,
            "name": shard.name,
            "destinationNamespace": fleet.namespace,
            "exclude": _EXCLUDE_GLOB,
            "syncOptions": _build_sync_options(settings),
            **_select_files(fleet, shard, folder),
        }
        yield DeliveryObject("delivery/argocd/application.yaml.j2", values, "Application", shard.name, settings["namespace"])


def _select_files(fleet: Fleet, shard: Shard, folder: str) -> dict[str, Any]:
    """Return the values that select the files of a shard.

    The `*` of Argo CD matches slashes too, so standalone disks are selected by folder, without those below it.
    """
    disks, machines = _get_kind_folders(fleet)
    if shard.standalone_disks:
        # The wave puts disks before the VMs that attach them where an Application of Applications creates both.
        # https://argo-cd.readthedocs.io/en/stable/user-guide/sync-waves/
        return {"path": f"{folder}/{disks}", "recurse": False, "include": "", "generatePaths": ".", "wave": "-1"}
    if not shard.folder:
        return {"path": folder, "recurse": True, "include": "", "generatePaths": ".", "wave": ""}
    kinds = [kind for kind, has_objects in ((disks, shard.disks), (machines, shard.has_machines)) if has_objects]
    folders = [f"{kind}/{shard.folder}" for kind in kinds]
    # One pattern in braces: the field holds a single glob (https://argo-cd.readthedocs.io/en/stable/user-guide/directory/).
    include = f"{{{','.join(f'{path}/*' for path in folders)}}}"
    return {"path": folder, "recurse": True, "include": include, "generatePaths": ";".join(folders), "wave": ""}


def build_application_set(
    name: str, folder: str, excluded_names: Iterable[str], prefix: str, settings: Mapping[str, Any]
) -> DeliveryObject:
    """Return the ApplicationSet of all environments below a folder but the excluded ones."""
    values = {
        **settings,
        "name": name,
        "path": f"{folder}/*",
        "excluded": [f"{folder}/{environment}" for environment in excluded_names],
        # Argo CD fills this in, so the braces are doubled to reach it.
        "applicationName": f"{prefix}{{{{ .path.basename }}}}",
        "exclude": _EXCLUDE_GLOB,
        "syncOptions": _build_sync_options(settings),
    }
    return DeliveryObject("delivery/argocd/application-set.yaml.j2", values, "ApplicationSet", name, settings["namespace"])


def build_health_patch(namespace: str, late_classes: Iterable[str]) -> DeliveryObject:
    """Return the patch of Argo CD's settings that tells it when a disk and a VM are healthy."""
    values = {"namespace": namespace, "lateClasses": sorted(set(late_classes))}
    return DeliveryObject("delivery/argocd/health.yaml.j2", values, "ConfigMap", "argocd-cm", namespace)


def _build_sync_options(settings: Mapping[str, Any]) -> list[str]:
    options = list(settings["syncOptions"])
    # Without this option Argo CD ignores a difference when it compares, but overwrites it when it syncs.
    respect = ["RespectIgnoreDifferences=true"] if settings["ignoreDifferences"] else []
    keys = {option.partition("=")[0] for option in options}
    missing_options = [option for option in _NEEDED_SYNC_OPTIONS if option.partition("=")[0] not in keys]
    return list(dict.fromkeys((*options, *missing_options, *respect)))


def build_kustomizations(
    fleet: Fleet, shards: tuple[Shard, ...], folder: str, standalone: str, settings: Mapping[str, Any]
) -> Iterator[DeliveryObject]:
    """Yield two Kustomizations for each shard: its disks, and its VMs, which depend on the disks that they attach.

    `standalone` is the folder with the kustomization.yaml that lists the standalone disks.
    """
    disks, machines = _get_kind_folders(fleet)
    shards_with_disks = {shard.name for shard in shards if shard.disks}
    shared = {**settings, "lateClasses": find_late_binding_classes(fleet)}
    if settings["decryption"]:
        shared["decryption"] = {"provider": "sops", **settings["decryption"]}
    for shard in shards:
        subfolder = f"/{shard.folder}" if shard.folder else ""
        if shard.disks:
            values = {
                **shared,
                **_VM_ONLY_SETTINGS,
                "path": f"./{standalone}" if shard.standalone_disks else f"./{folder}/{disks}{subfolder}",
                # Flux looks at the annotation of the live object when it prunes, and somebody may have removed that by
                # hand. These two keep the disk even so: https://fluxcd.io/flux/components/kustomize/kustomizations/#prune
                "prune": False,
                "deletionPolicy": "Orphan",
                "dependsOn": [],
                "disks": True,
                "machines": False,
            }
            yield _build_kustomization(f"{shard.name}-disks", values)
        if shard.has_machines:
            prerequisites = [name for name in (shard.name, *shard.depends_on) if name in shards_with_disks]
            values = {
                **shared,
                "path": f"./{folder}/{machines}{subfolder}",
                # A VM has no data of its own, since its disks are objects of their own: Flux may delete it.
                "prune": True,
                # Flux applies this only when those are ready: https://fluxcd.io/flux/components/kustomize/kustomizations/#dependencies
                "dependsOn": [{"name": f"{name}-disks"} for name in prerequisites],
                "disks": False,
                "machines": True,
            }
            yield _build_kustomization(f"{shard.name}-vms", values)


def _build_kustomization(name: str, values: Mapping[str, Any]) -> DeliveryObject:
    template = "delivery/flux/kustomization.yaml.j2"
    return DeliveryObject(template, {**values, "name": name}, "Kustomization", name, values["namespace"])


def find_late_binding_classes(fleet: Fleet) -> list[str]:
    """Return the storage classes that create a disk only when a VM first uses it: those that are not replicated."""
    # A class of local storage waits for the node of the first VM, and with it the health of the disk.
    # https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode
    classes = fleet.platform.catalog.storage_classes.values()
    return sorted(storage_class.name for storage_class in classes if not storage_class.replicated)


def _get_kind_folders(fleet: Fleet) -> tuple[str, str]:
    """Return the folders of disks and of VMs below that of an environment."""
    kinds = fleet.platform.kinds
    return kinds["VMDisk"].folder, kinds["VMInstance"].folder
