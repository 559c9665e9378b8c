"""What Flux is given: two Kustomizations for each shard, its disks, and its VMs, which depend on the disks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vmgen.expand.model import Fleet
from vmgen.render.argocd import Wanted, folders
from vmgen.render.shards import Shard

# Of the settings, what has to do with the VMs only: disks hold no text to fill in or to decrypt.
_OF_MACHINES: Mapping[str, Any] = {"decryption": {}, "postBuild": {}}


def kustomizations(
    fleet: Fleet, parts: tuple[Shard, ...], folder: str, standalone: str, settings: Mapping[str, Any]
) -> Iterator[Wanted]:
    """The Kustomizations of an environment. `standalone` is the folder whose kustomization.yaml lists its standalone disks."""
    disks, machines = folders(fleet)
    with_disks = {part.name for part in parts if part.disks}
    shared = {**settings, "lateClasses": late_classes(fleet)}
    if settings["decryption"]:
        shared["decryption"] = {"provider": "sops", **settings["decryption"]}
    for part in parts:
        below = f"/{part.group}" if part.group else ""
        if part.disks:
            values = {
                **shared,
                **_OF_MACHINES,
                "path": f"./{standalone}" if part.apart else f"./{folder}/{disks}{below}",
                "prune": False,
                "deletionPolicy": "Orphan",
                "dependsOn": [],
                "disks": True,
                "machines": False,
            }
            yield _wanted(f"{part.name}-disks", values)
        if part.machines:
            needed = [name for name in (part.name, *part.needs) if name in with_disks]
            values = {
                **shared,
                "path": f"./{folder}/{machines}{below}",
                "prune": True,
                "dependsOn": [{"name": f"{name}-disks"} for name in needed],
                "disks": False,
                "machines": True,
            }
            yield _wanted(f"{part.name}-vms", values)


def late_classes(fleet: Fleet) -> list[str]:
    """The storage classes whose disks are made only when a VM first uses them: those that are not replicated."""
    classes: Iterable[Any] = fleet.platform.catalog.storage_classes.values()
    return sorted(each.name for each in classes if not each.replicated)


def _wanted(name: str, values: Mapping[str, Any]) -> Wanted:
    return Wanted("delivery/flux/kustomization.yaml.j2", {**values, "name": name}, "Kustomization", name, values["namespace"])
