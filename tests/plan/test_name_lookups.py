"""The lookups of names in a plan answer as a search through all names does, in time that does not grow with them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from vmgen.merge.own_disks import index_generations, list_generations
from vmgen.plan.desired import Identity
from vmgen.plan.matching import VmNames

NAMES = st.text("ab1-2", min_size=1, max_size=8)


@given(st.lists(NAMES, max_size=12), NAMES, NAMES)
def test_the_owner_of_disks(names: list[str], old: str, new: str) -> None:
    """The owner is the longest name of a VM before a dash of each disk."""
    disks = [Identity("VMDisk", "tenant-a", name, "") for name in (old, new)]
    owners = [name for name in names if old.startswith(f"{name}-") and new.startswith(f"{name}-")]
    assert VmNames(dict.fromkeys(names, "")).find_owner(*disks) == max(owners, key=len, default="")


@given(st.lists(NAMES, max_size=12), NAMES)
def test_a_vm_owns_no_vm(names: list[str], name: str) -> None:
    """A VM is not the disk of another one, whatever it is called."""
    identities = Identity("VMDisk", "tenant-a", name, ""), Identity("VMInstance", "tenant-a", name, "")
    assert VmNames(dict.fromkeys(names, "")).find_owner(*identities) == ""


@given(st.lists(NAMES, max_size=12, unique=True), NAMES)
def test_the_numbers_of_names(names: list[str], base_name: str) -> None:
    """The numbers are those of the names that have only a number behind the base name."""
    numbers = [int(name.rpartition("-")[2]) for name in names if re.fullmatch(rf"{re.escape(base_name)}-[0-9]+", name)]
    assert sorted(VmNames(dict.fromkeys(names, "")).numbers.get(base_name, ())) == sorted(numbers)


@given(st.lists(NAMES, max_size=8, unique=True), NAMES, NAMES)
def test_the_generations_of_a_disk(names: list[str], vm: str, key: str) -> None:
    """The disks of a VM's key are those whose name is that of the VM, a dash, and a generation of the key."""
    generations = [
        (name, generation)
        for name in names
        if name.startswith(f"{vm}-")
        for own_key, generation in list_generations(name.removeprefix(f"{vm}-"))
        if own_key == key
    ]
    assert index_generations(names).get((vm, key), []) == generations
