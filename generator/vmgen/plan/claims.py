"""Each object has one owner: an object is a cluster, a namespace, a kind and a name, and two environments may not render it.

Argo CD and Flux would undo each other's specification at every sync, and pruning one environment deletes the other's disks.
https://github.com/argoproj/argo-cd/issues/8811
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from vmgen.merge.environment import Environment
from vmgen.plan.baseline import Baseline
from vmgen.plan.desired import DesiredState, Identity
from vmgen.plan.matching import list_committed_identities
from vmgen.problems import Place, Problem
from vmgen.quantities import format_names
from vmgen.read.repository import find_group
from vmgen.rules import DUPLICATE_IDENTITY

_MAX_NAMES, _MAX_PLACES = 12, 3


class Claims(NamedTuple):
    """The objects of an environment, and a function to the line that gives each its name, which few are asked for."""

    identities: Collection[Identity]
    find_places: Callable[[], Mapping[Identity, Place]]


def claim_desired(desired: DesiredState) -> Claims:
    """Return the claims of an environment that was rendered."""

    def find_places() -> Mapping[Identity, Place]:
        default = Place(desired.file, 1, 1)
        places = {}
        for path, identity in desired.objects.items():
            group = find_group(path)
            key_places = desired.group_places if group else desired.standalone_places
            places[identity] = key_places.get(group or identity.name, default)
        return places

    return Claims(desired.objects.values(), find_places)


def claim_environment(environment: Environment) -> Claims:
    """Return the claims of an environment that was merged, and may have errors."""
    namespace = environment.settings.get_plain("namespace", "")
    cluster = environment.settings.get_plain("cluster", "")
    places = {Identity("VMDisk", namespace, disk.name, cluster): disk.place for disk in environment.disks}
    for group in environment.groups:
        for instance in group.instances:
            places[Identity("VMInstance", namespace, instance.name, cluster)] = instance.place
            # A disk that is kept, detached, exists as well, and another environment must not render it.
            for disk in (*instance.settings.disks, *instance.previous_disks):
                places[Identity("VMDisk", namespace, f"{instance.name}-{disk.suffix}", cluster)] = instance.place
    return Claims(places.keys(), lambda: places)


def claim_committed(environment: str, baseline: Baseline) -> Claims:
    """Return the claims of an environment that cannot be expanded: the objects that are committed for it."""
    place = Place(f"environments/{environment}.yaml", 1, 1)
    places = dict.fromkeys(list_committed_identities(environment, baseline), place)
    return Claims(places.keys(), lambda: places)


def find_duplicate_identities(claims: Iterable[Claims]) -> Iterator[Problem]:
    """Report objects that several environments claim, at the line of each: one problem for all that have the same lines."""
    claims = tuple(claims)
    shared_identities = _find_shared(claims)
    places = [claim.find_places() for claim in claims] if shared_identities else []
    # Two groups may share thousands of names, and hundreds of environments a group.
    shared: dict[tuple[Place, ...], list[Identity]] = defaultdict(list)
    for identity in shared_identities:
        shared[tuple(own_places[identity] for own_places in places if identity in own_places)].append(identity)
    for owners, identities in shared.items():
        names = format_names([str(identity) for identity in sorted(identities)], _MAX_NAMES)
        verb, together = ("renders", "both") if len(owners) == 2 else ("render", "all")
        lines = list(map(str, owners))
        for index, place in enumerate(owners):
            others = format_names([*lines[:index], *lines[index + 1 :]], _MAX_PLACES)
            message = (
                f"{names} in namespace {identities[0].namespace}: {others} also {verb} this object; keep it in one of them, "
                f"or set `cluster:` in {together} if they target different clusters"
            )
            yield DUPLICATE_IDENTITY.build_problem(place, "", message)


def _find_shared(claims: Iterable[Claims]) -> list[Identity]:
    """Return the objects that more than one of the claims has, in the order in which they are claimed."""
    earlier: set[Identity] = set()
    shared: dict[Identity, None] = {}
    for claim in claims:
        shared |= dict.fromkeys(identity for identity in claim.identities if identity in earlier)
        earlier.update(claim.identities)
    return list(shared)
