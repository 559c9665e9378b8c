"""Rebuilds: another generation of a disk takes the place of the one that a VM has, which is kept, detached.

A list of disks alone does not tell: the names say which disks are generations of one, and the plan knows which are new.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from vmgen.merge.own_disks import list_generations
from vmgen.plan.change_kinds import list_item_names
from vmgen.plan.desired import Identity
from vmgen.plan.verdicts import FieldChange, VerdictRow

DISKS_FIELD = "spec.disks"
# The kinds of change of rows that no list of disks can tell, the most important first.
NEW_SYSTEM, OTHER_SYSTEM, OTHER_DISK = "new-system", "other-system", "other-disk"


class Rebuild(NamedTuple):
    """The disks of a VM that change places, by name: those that it gets, those that are kept, detached, and those that stay.

    `has_new_system` is true if it boots a disk that is made now, on which cloud-init runs as at a first boot.
    """

    kinds: tuple[str, ...]
    new_disks: tuple[str, ...]
    put_aside: tuple[str, ...]
    staying: tuple[str, ...]

    @property
    def has_new_system(self) -> bool:
        return NEW_SYSTEM in self.kinds


def find_rebuild(
    vm: Identity,
    versions: tuple[Mapping[str, Any], Mapping[str, Any]],
    created: Collection[Identity],
    removed_disks: Collection[Identity],
) -> Rebuild | None:
    """Return how the disks of a VM change places between two versions of it; None if none takes the place of another.

    `created` and `removed_disks` are the objects that the plan makes and takes away.
    """
    old_names, new_names = (list_item_names((document.get("spec") or {}).get("disks")) for document in versions)
    old_disks = [name for name in old_names if name not in new_names]
    swaps = []
    for new in (name for name in new_names if name not in old_names):
        # The first disk is the one that the VM boots from.
        is_first = new_names[0] == new and bool(old_disks) and old_names[0] == old_disks[0]
        is_new = vm._replace(kind="VMDisk", name=str(new)) in created
        old = next((name for name in old_disks if _are_generations(vm.name, str(name), str(new))), None)
        if is_first and is_new:
            swaps.append((NEW_SYSTEM, old_disks[0], new))
        elif old is not None:
            swaps.append((OTHER_SYSTEM if is_first and old == old_disks[0] else OTHER_DISK, old, new))
    if not swaps:
        return None
    kinds = tuple(kind for kind in (NEW_SYSTEM, OTHER_SYSTEM, OTHER_DISK) if kind in {swap[0] for swap in swaps})
    staying = tuple(str(name) for name in new_names if name in old_names)
    put_aside = tuple(str(old) for _, old, _ in swaps if vm._replace(kind="VMDisk", name=str(old)) not in removed_disks)
    return Rebuild(kinds, tuple(str(new) for _, _, new in swaps), put_aside, staying)


def _are_generations(vm: str, disk: str, other: str) -> bool:
    """Return true if two names are those of generations of one disk of a VM: web-1-data and web-1-data-2."""
    if not (disk.startswith(f"{vm}-") and other.startswith(f"{vm}-")):
        return False
    keys, other_keys = ({key for key, _ in list_generations(name[len(vm) + 1 :])} for name in (disk, other))
    return not keys.isdisjoint(other_keys)


def explain_rebuild(rebuild: Rebuild, field: FieldChange, rows: Collection[VerdictRow]) -> FieldChange:
    """Return the change of the list of disks with the verdict of its rows on rebuilds; unchanged if the table has none."""
    # The first row of a kind of change counts, as in the table.
    by_change = {row.change: row for row in reversed(tuple(rows))}
    matching = [by_change[kind] for kind in rebuild.kinds if kind in by_change]
    if not matching:
        return field
    says = " ".join(row.says for row in matching)
    return field._replace(verdict=matching[0].verdict, says=says, source=matching[0].source)


def describe_rebuild(rebuild: Rebuild) -> str:
    """Describe the disks that stay and those that are kept, as a sentence."""
    detached_disks = f" Kept, detached: {', '.join(rebuild.put_aside)}." if rebuild.put_aside else ""
    return f"Unchanged: {', '.join(('its name and addresses', *rebuild.staying))}.{detached_disks}"
