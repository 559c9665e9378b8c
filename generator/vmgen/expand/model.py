"""The objects that will exist. Frozen; a template needs nothing but what stands here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vmgen.cloud_init.user_data import UserData
from vmgen.merge.platform import Kind, Platform
from vmgen.merge.settings import Settings


class Attachment(NamedTuple):
    """A disk on a VM, in boot order; `bus` is empty where the profile decides."""

    name: str
    bus: str = ""


class Disk(NamedTuple):
    """A VMDisk. `vm` is empty for a standalone disk, and so is `group`."""

    name: str
    group: str
    vm: str
    values: Mapping[str, Any]
    settings: Settings

    @property
    def kind(self) -> str:
        return "VMDisk"

    @property
    def render_key(self) -> tuple[object, ...]:
        """Equal for disks that differ in their names only."""
        return (self.kind, id(self.values))

    def build_context(self) -> dict[str, Any]:
        """What the template is given."""
        return {**self.values, "name": self.name}


class VirtualMachine(NamedTuple):
    """A VMInstance. `values` is shared by all VMs of a group that nothing tells apart.

    `seed` is the machine's own `cloudInitSeed` where that is derived from its cloud-init; else it is empty.
    """

    name: str
    group: str
    number: int | None
    values: Mapping[str, Any]
    disks: tuple[Attachment, ...]
    settings: Settings
    cloud_init: str
    seed: str = ""

    @property
    def kind(self) -> str:
        return "VMInstance"

    @property
    def render_key(self) -> tuple[object, ...]:
        """Equal for VMs that differ in their names and their disks' names only."""
        return (self.kind, id(self.values), tuple([disk.bus for disk in self.disks]), self.cloud_init)

    def build_context(self) -> dict[str, Any]:
        """What the template is given."""
        names = [disk.name for disk in self.disks]
        own = {"name": self.name, "disks": self.disks, "diskNames": names, "cloudInit": self.cloud_init}
        return {**self.values, **own, "cloudInitSeed": self.seed} if self.seed else {**self.values, **own}


Resource = Disk | VirtualMachine


class Fleet(NamedTuple):
    """All objects of one environment, disks first. `user_data` are the texts of its VMs, once each."""

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
        """How the platform makes an object of this kind."""
        return self.platform.kinds[resource.kind]
