"""What an object of Argo CD or Flux holds is looked up by folder, and is what a look at each manifest finds."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vmgen.plan.delivered import HeldObject, HeldObjects, Holding, find_holding
from vmgen.plan.desired import Identity

PATHS = st.sampled_from(["a", "a-b", "ab", "a.b"]).flatmap(
    lambda environment: st.sampled_from(
        [
            f"{environment}/{rest}"
            for rest in ("vms/web/web-1.yaml", "vms/web/1-500/web-1.yaml", "disks/d.yaml", "disks/web/d.yaml")
        ]
    )
)
OBJECTS = st.lists(st.tuples(PATHS, st.sampled_from(["VMDisk", "VMInstance"]), st.booleans()), max_size=8)
FOLDERS = st.sampled_from(
    [
        *("manifests", "manifests/a", "./manifests/a/", "fleet/manifests/a-b/vms", "manifests/a/disks/web", "other/a", ""),
        *("delivery/standalone/a", "delivery/standalone/a-b", "delivery/standalone/"),
    ]
)
DIRECTORIES = st.sampled_from(
    [None, {}, {"recurse": True}, {"recurse": False}, {"include": "*.yaml"}, {"include": "{d*,vms/*}"}]
)


def build_document(kind: str, folder: str, directory: Any) -> dict[str, Any]:
    """Return an engine's object that applies a folder."""
    source = {"path": folder} | ({} if directory is None else {"directory": directory})
    if kind == "ApplicationSet":
        return {"kind": kind, "spec": {"generators": [{"git": {"directories": [{"path": folder, "exclude": True}]}}]}}
    return {"kind": kind, "spec": {"source": source} if kind == "Application" else source}


@given(OBJECTS, st.sampled_from(["Application", "ApplicationSet", "Kustomization"]), FOLDERS, DIRECTORIES)
def test_each_manifest_is_looked_up(objects: list[tuple[str, str, bool]], kind: str, folder: str, directory: Any) -> None:
    """What is held of many objects is what is held of each of them alone, in their order."""
    document = build_document(kind, folder, directory)
    held_objects = [
        HeldObject(path, Identity(kind, "tenant-a", f"{number}"), is_guarded)
        for number, (path, kind, is_guarded) in enumerate(objects)
    ]
    parts = [find_holding(document, HeldObjects([each]), "manifests") for each in held_objects]
    together = Holding(*(tuple(identity for part in parts for identity in part[field]) for field in range(3)))
    assert find_holding(document, HeldObjects(held_objects), "manifests") == together
