"""VMs and disks in the terms of an environment, one by one, before anything is shared between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vmgen.adopt.inputs import SourceManifest
from vmgen.problems import Place

KeyPath = tuple[str, ...]


class DiskAttachment(NamedTuple):
    """A disk on a VM, in boot order."""

    name: str
    bus: str
    place: Place


@dataclass(frozen=True, slots=True)
class DiskObject:
    """A VMDisk: its keys as an environment writes them (`image`, `storage`, …), every one that matters spelled out."""

    manifest: SourceManifest = field(repr=False)
    values: Mapping[str, Any]
    places: Mapping[str, Place] = field(repr=False)

    @property
    def name(self) -> str:
        return self.manifest.name


@dataclass(frozen=True, slots=True)
class VmObject:
    """A VMInstance: its keys as an environment writes them, every one spelled out, and its disks."""

    manifest: SourceManifest = field(repr=False)
    values: Mapping[str, Any]
    disks: tuple[DiskAttachment, ...]
    places: Mapping[str, Place] = field(repr=False)

    @property
    def name(self) -> str:
        return self.manifest.name
