"""What Flux is given: two Kustomizations for each shard, its disks, and its VMs, which depend on the disks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vmgen.expand.model import Fleet
from vmgen.render.argocd import DeliveryObject, get_kind_folders
from vmgen.render.shards import Shard

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
