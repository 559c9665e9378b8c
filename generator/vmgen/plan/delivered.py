"""Find the VMs and disks that an object of Argo CD or Flux holds, and those that are deleted with it.

What the engines do was seen in runs of Argo CD v3.5.3 and kustomize-controller v1.9.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from vmgen.plan.desired import Identity
from vmgen.quantities import format_count
from vmgen.read.manifests import get_mapping
from vmgen.read.repository import DELIVERY_FOLDER, STANDALONE_FOLDER

APPLICATION, APPLICATION_SET, KUSTOMIZATION = "Application", "ApplicationSet", "Kustomization"
_FINALIZER = "resources-finalizer.argocd.argoproj.io"


class HeldObject(NamedTuple):
    """A VM or disk by the path of its manifest; a VM counts as guarded."""

    path: str
    identity: Identity
    is_guarded: bool


class Holding(NamedTuple):
    """What an engine's object holds."""

    vms: tuple[Identity, ...] = ()
    disks: tuple[Identity, ...] = ()
    unguarded_disks: tuple[Identity, ...] = ()

    def __str__(self) -> str:
        counts = [format_count(len(part), noun) for part, noun in ((self.vms, "VM"), (self.disks, "disk")) if part]
        return " and ".join(counts) or "no VM and no disk"

    def without(self, identities: Iterable[Identity]) -> Holding:
        """Return the remainder if some objects are no longer held."""
        others = set(identities)
        return Holding(*(tuple(each for each in part if each not in others) for part in self))


def find_holding(document: Mapping[str, Any], objects: Iterable[HeldObject], output: str) -> Holding:
    """Return what an engine's object holds of the manifests below the folder `output`."""
    held_objects = [each for each in objects if _covers(document, each.path, output)]
    disks = [each for each in held_objects if each.identity.kind == "VMDisk"]
    return Holding(
        tuple(each.identity for each in held_objects if each.identity.kind != "VMDisk"),
        tuple(each.identity for each in disks),
        tuple(each.identity for each in disks if not each.is_guarded),
    )


def _covers(document: Mapping[str, Any], path: str, output: str) -> bool:
    spec = get_mapping(document, "spec")
    if document.get("kind") == APPLICATION_SET:
        generators = spec.get("generators")
        generator_text = str(generators)  # the folders that it leaves out stand there by name
        return f"{output}/{path.partition('/')[0]}'" not in generator_text
    source = get_mapping(spec, "source") if document.get("kind") == APPLICATION else spec
    folder = f"/{str(source.get('path', '')).removeprefix('./').strip('/')}/"
    standalone = f"/{DELIVERY_FOLDER}/{STANDALONE_FOLDER}/"
    if standalone in folder:
        environment = folder.partition(standalone)[2].strip("/")
        return path.startswith(f"{environment}/") and path.count("/") == 2
    below = folder.partition(f"/{output}/")[2]
    if f"/{output}/" not in folder or not path.startswith(below):
        return False
    directory, rest = get_mapping(source, "directory"), path[len(below) :]
    # https://argo-cd.readthedocs.io/en/stable/user-guide/directory/: without `recurse` subfolders are not read.
    if directory and directory.get("recurse") is not True and "/" in rest:
        return False
    include = str(directory.get("include") or "*").strip("{}")
    return any(fnmatchcase(rest, pattern) for pattern in include.split(","))


def deletes_what_it_holds(document: Mapping[str, Any]) -> bool:
    """Return whether the deletion of an engine's object deletes what it applied."""
    kind, spec = document.get("kind"), get_mapping(document, "spec")
    if kind == APPLICATION:
        return has_finalizer(get_mapping(document, "metadata"))
    if kind == APPLICATION_SET:
        # https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Application-Deletion/
        return get_mapping(spec, "syncPolicy").get("preserveResourcesOnDeletion") is not True
    # https://fluxcd.io/flux/components/kustomize/kustomizations/#deletion-policy
    policy = spec.get("deletionPolicy") or "MirrorPrune"
    return policy in ("Delete", "WaitForTermination") or (policy == "MirrorPrune" and spec.get("prune") is True)


def has_finalizer(metadata: Mapping[str, Any]) -> bool:
    """Return whether Argo CD deletes what the Application applied before it goes; `/background` is one too."""
    finalizers = metadata.get("finalizers")
    return isinstance(finalizers, list) and any(str(each).startswith(_FINALIZER) for each in finalizers)
