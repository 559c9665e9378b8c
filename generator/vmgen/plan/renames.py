"""The edit that keeps the name of an object that looks renamed.

The platform cannot rename, so each key of the source that makes a name has its own way back.
"""

from __future__ import annotations

from collections.abc import Iterable

from vmgen.plan.desired import Identity
from vmgen.plan.matching import find_old_base_name


def find_rename_remedy(old: Identity, new: Identity, path: str, vm_names: Iterable[str]) -> str:
    """Return the edit that keeps an object at a path, which looks renamed. `vm_names` are the VMs after the change."""
    if new.namespace != old.namespace:
        keep = f"write `namespace: {old.namespace}` back to keep it"
        if old.kind != "VMDisk":
            return keep
        return (
            f"{keep}; its data does not come along. To move the data, create the disk in {new.namespace} beside this one, by "
            "another environment, copy the data over the network, and then retire this one (docs/day-2.md)"
        )
    # A standalone disk is in the folder of its kind, and the disks and VMs of a group one folder deeper.
    if path.count("/") < 3:
        return f"write the key `{old.name}` back to keep it"
    vm_name = max((name for name in vm_names if _is_disk_of(old, name) and _is_disk_of(new, name)), key=len, default="")
    if vm_name:
        return f"write the disk's key `{old.name[len(vm_name) + 1 :]}` back to keep it"
    return f"write `name: {find_old_base_name(old.name, new.name)}`, or `names:`, in its group to keep the old names"


def _is_disk_of(disk: Identity, vm_name: str) -> bool:
    return disk.kind == "VMDisk" and disk.name.startswith(f"{vm_name}-")
