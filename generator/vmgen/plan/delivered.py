"""Find the VMs and disks that an object of Argo CD or Flux holds, and those that are deleted with it.

What the engines do was seen in runs of Argo CD v3.5.3 and kustomize-controller v1.9.6.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
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


class HeldObjects:
    """The VMs and disks that there are, looked up by folder: a fleet has thousands of them, and hundreds of Applications."""

    def __init__(self, objects: Iterable[HeldObject]) -> None:
        self._objects = tuple(objects)
        self._positions = sorted(range(len(self._objects)), key=lambda position: self._objects[position].path)
        self._paths = [self._objects[position].path for position in self._positions]

    def list_below(self, folder: str) -> list[HeldObject]:
        """Return the objects whose paths begin with a folder, which ends in a slash or is empty, in their first order."""
        first, last = bisect_left(self._paths, folder), bisect_left(self._paths, f"{folder}{chr(sys.maxunicode)}")
        return [self._objects[position] for position in sorted(self._positions[first:last])]


def find_holding(document: Mapping[str, Any], objects: HeldObjects, output: str) -> Holding:
    """Return what an engine's object holds of the manifests below the folder `output`."""
    held_objects = _list_held_objects(document, objects, output)
    disks = [each for each in held_objects if each.identity.kind == "VMDisk"]
    return Holding(
        tuple(each.identity for each in held_objects if each.identity.kind != "VMDisk"),
        tuple(each.identity for each in disks),
        tuple(each.identity for each in disks if not each.is_guarded),
    )


def _list_held_objects(document: Mapping[str, Any], objects: HeldObjects, output: str) -> list[HeldObject]:
    spec = get_mapping(document, "spec")
    if document.get("kind") == APPLICATION_SET:
        generator_text = str(spec.get("generators"))  # the folders that it leaves out stand there by name
        everything = objects.list_below("")
        return [each for each in everything if f"{output}/{each.path.partition('/')[0]}'" not in generator_text]
    source = get_mapping(spec, "source") if document.get("kind") == APPLICATION else spec
    folder = f"/{str(source.get('path', '')).removeprefix('./').strip('/')}/"
    standalone = f"/{DELIVERY_FOLDER}/{STANDALONE_FOLDER}/"
    if standalone in folder:
        environment = folder.partition(standalone)[2].strip("/")
        return [each for each in objects.list_below(f"{environment}/") if each.path.count("/") == 2]
    if f"/{output}/" not in folder:
        return []
    below = folder.partition(f"/{output}/")[2]
    directory = get_mapping(source, "directory")
    # https://argo-cd.readthedocs.io/en/stable/user-guide/directory/: without `recurse` subfolders are not read.
    is_flat = bool(directory) and directory.get("recurse") is not True
    patterns = str(directory.get("include") or "*").strip("{}").split(",")
    paths = [(each, each.path[len(below) :]) for each in objects.list_below(below)]
    return [
        each
        for each, rest in paths
        if not (is_flat and "/" in rest) and any(fnmatchcase(rest, pattern) for pattern in patterns)
    ]


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
