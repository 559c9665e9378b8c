"""The objects that will exist: disks and VMs with plain values, all that their templates need."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from vmgen.cloud_init.user_data import UserData
from vmgen.merge.number_ranges import NumberRange
from vmgen.merge.platform import Kind, Platform
from vmgen.merge.settings import Settings


class Attachment(NamedTuple):
    """A disk on a VM, in boot order. `bus` is empty if the instance profile decides."""

    name: str
    bus: str = ""


class Disk(NamedTuple):
    """A VMDisk. `group` and `vm` are empty for a standalone disk. A previous one is kept for its VM, and attached to none.

    `numbers` is the range of its VM if the group is split.
    """

    name: str
    group: str
    vm: str
    values: Mapping[str, Any]
    settings: Settings
    is_previous: bool = False
    numbers: NumberRange | None = None

    @property
    def kind(self) -> str:
        return "VMDisk"

    @property
    def render_key(self) -> tuple[object, ...]:
        """A key that is equal for disks that differ only in their names."""
        return (self.kind, id(self.values))

    def build_context(self) -> dict[str, Any]:
        """Return the context of the template."""
        return {**self.values, "name": self.name}


class VirtualMachine(NamedTuple):
    """A VMInstance. VMs of a group with the same settings share their `values`.

    `number` is None if the name has none. `seed` is a `cloudInitSeed` that is derived from `cloud_init`, else empty.
    `numbers` is the range of the number if the group is split.
    """

    name: str
    group: str
    number: int | None
    values: Mapping[str, Any]
    disks: tuple[Attachment, ...]
    settings: Settings
    cloud_init: str
    seed: str = ""
    numbers: NumberRange | None = None

    @property
    def kind(self) -> str:
        return "VMInstance"

    @property
    def render_key(self) -> tuple[object, ...]:
        """A key that is equal for VMs that differ only in their names, the names of their disks, and their user data."""
        # Values are interned, so that equal ones are one object and its id stands for all of it.
        return (self.kind, id(self.values), tuple([disk.bus for disk in self.disks]), bool(self.cloud_init), bool(self.seed))

    def build_context(self) -> dict[str, Any]:
        """Return the context of the template."""
        names = [disk.name for disk in self.disks]
        own = {"name": self.name, "disks": self.disks, "diskNames": names, "cloudInit": self.cloud_init}
        return {**self.values, **own, "cloudInitSeed": self.seed} if self.seed else {**self.values, **own}


Resource = Disk | VirtualMachine


class Fleet(NamedTuple):
    """All objects of one environment. `user_data` has each text of its VMs once."""

    environment: str
    file: str
    platform: Platform
    namespace: str
    disks: tuple[Disk, ...]
    machines: tuple[VirtualMachine, ...]
    user_data: tuple[UserData, ...] = ()

    @property
    def resources(self) -> tuple[Resource, ...]:
        return (*self.disks, *self.machines)

    def get_kind(self, resource: Resource) -> Kind:
        """Return the platform's kind of an object: its folder, template and schema."""
        return self.platform.kinds[resource.kind]
