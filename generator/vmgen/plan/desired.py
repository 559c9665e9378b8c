"""The desired state of an environment: its files, the object in each, and the tombstones under `retire:`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from vmgen.check.totals import PriceList, load_prices
from vmgen.check.waivers import Waiver
from vmgen.expand.model import Disk
from vmgen.expand.objects import Omissions
from vmgen.merge.environment import Environment, Group
from vmgen.merge.layers import DISK_SOURCES
from vmgen.merge.settings import Settings
from vmgen.problems import Place, Problem
from vmgen.read.located import Located
from vmgen.rules import EMPTY_TOMBSTONE, INVALID_VALUE

if TYPE_CHECKING:
    from vmgen.render.manifests import Tree

KIND_BY_KEY = {"disk": "VMDisk", "vm": "VMInstance"}


class Identity(NamedTuple):
    """The key of an object on the platform, independent of the file and the environment that hold it.

    `cluster` is what an environment calls its cluster, empty for the one that has no name.
    """

    kind: str
    namespace: str
    name: str
    cluster: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Tombstone(NamedTuple):
    """Permission to destroy one object of an environment. `until` is its last day, None for no end."""

    environment: str
    namespace: str
    kind: str
    name: str
    reason: str
    until: date | None
    place: Place
    cluster: str = ""

    def is_expired(self, today: date) -> bool:
        """Return true from the day after `until`."""
        return self.until is not None and today > self.until


class DesiredState(NamedTuple):
    """One environment as its sources describe it. The keys of `files` and `objects` are paths below `manifests/`.

    `group_places` maps the folder of each group to the line that decides its number of VMs, and `field_places` the path of
    each disk to the lines of its fields that cannot change. `omissions` are what could not be expanded. `standalone_places`
    are the lines of standalone disks by name, and `clones` the name of the disk that another is a copy of, with its line, by
    the path of the copy. `policy_severities` and `waivers` are for the policies on changes. `merged_environment` is what it
    was expanded from, for remedies, and `previous` has the lines of the disks that are kept from before, by the path of
    each.
    """

    environment: str
    file: str
    platform: str
    platform_version: str
    files: Mapping[str, bytes] = {}
    objects: Mapping[str, Identity] = {}
    tombstones: tuple[Tombstone, ...] = ()
    group_places: Mapping[str, Place] = {}
    field_places: Mapping[str, Mapping[str, Place]] = {}
    prices: PriceList | None = None
    omissions: Omissions = Omissions()
    cluster: str = ""
    standalone_places: Mapping[str, Place] = {}
    clones: Mapping[str, tuple[str, Place]] = {}
    policy_severities: Mapping[str, str] = {}
    waivers: tuple[Waiver, ...] = ()
    optical_disks: frozenset[str] = frozenset()
    merged_environment: Environment | None = None
    previous: Mapping[str, Place] = {}


def build_desired_state(
    environment: Environment, tree: Tree, waivers: tuple[Waiver, ...] = ()
) -> tuple[DesiredState, tuple[Problem, ...]]:
    """Return the desired state of a rendered environment, and the problems of its tombstones."""
    namespace = environment.settings.get_plain("namespace", "")
    cluster = environment.settings.get_plain("cluster", "")
    entries = environment.settings.get_items("retire")
    disks = {path: resource for path, resource in tree.resources.items() if isinstance(resource, Disk)}
    settings_by_id = {id(disk.settings): disk.settings for disk in disks.values()}  # the disks of a group share their settings
    clones = {key: (source.text, source.place) for key, settings in settings_by_id.items() if (source := settings.get("clone"))}
    places = {key: _find_field_places(settings) for key, settings in settings_by_id.items()}
    desired = DesiredState(
        environment.name,
        environment.file,
        environment.platform.name,
        environment.platform.version,
        tree.files,
        {path: Identity(resource.kind, namespace, resource.name, cluster) for path, resource in tree.resources.items()},
        tuple(stone for entry in entries for stone in _parse_tombstones(entry, environment.name, namespace, cluster)),
        {group.key: _find_count_place(group) for group in environment.groups},
        {path: places[id(disk.settings)] for path, disk in disks.items()},
        load_prices(environment),
        cluster=cluster,
        standalone_places={disk.name: disk.place for disk in environment.disks},
        clones={path: clones[id(disk.settings)] for path, disk in disks.items() if id(disk.settings) in clones},
        policy_severities=environment.settings.get_plain("policy", {}),
        waivers=waivers,
        optical_disks=frozenset(disk.name for disk in disks.values() if disk.values.get("optical")),
        merged_environment=environment,
        previous={path: disk.settings.located.place for path, disk in disks.items() if disk.is_previous},
    )
    return desired, tuple(problem for index, entry in enumerate(entries) for problem in _validate_entry(entry, index))


def _find_field_places(disk: Settings) -> Mapping[str, Place]:
    """Return the places of `storageClass` and the source of a disk, by their paths in its manifest."""
    return {
        f"spec.{'source' if name in DISK_SOURCES else name}": disk.find_place(name)
        for name in ("storageClass", *DISK_SOURCES)
        if disk.is_set_by_user(name)
    }


def _parse_tombstones(entry: Located, environment: str, namespace: str, cluster: str) -> Iterator[Tombstone]:
    """Yield a tombstone for each object that an entry names: a disk, a VM, or both."""
    for key, kind in KIND_BY_KEY.items():
        name = entry.get_plain(key)
        if isinstance(name, str):
            reason, until = entry.get_plain("reason", ""), _parse_until(entry)
            yield Tombstone(environment, namespace, kind, name, reason, until, entry.place, cluster)


def _validate_entry(entry: Located, index: int) -> Iterator[Problem]:
    subject = f"retire[{index}]"
    if not any(entry.get(key) for key in KIND_BY_KEY):
        message = "has no name; add `disk:` or `vm:` with the name of the object"
        yield Problem(entry.place, EMPTY_TOMBSTONE.id, subject, message)
    until = entry.get("until")
    if until and isinstance(until.data, str) and _parse_until(entry) is None:
        message = f"'{until.data}' is not a date; write the last day of the permission, for example 2026-12-31"
        yield Problem(until.place, INVALID_VALUE.id, f"{subject}.until", message)


def _parse_until(entry: Located) -> date | None:
    try:
        return date.fromisoformat(entry.get_plain("until") or "")
    except ValueError:
        return None


def _find_count_place(group: Group) -> Place:
    settings = group.located.mapping
    # Fewer VMs follow from the number or from the list of names, so the message about a disk that goes names that line.
    count = settings.get("count") or settings.get("names")
    return count.place if count else group.place
