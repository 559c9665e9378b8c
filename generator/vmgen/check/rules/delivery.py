"""Rules on `delivery:`: keys that Argo CD and Flux require, and names that they refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from operator import itemgetter

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, Group
from vmgen.merge.number_ranges import NumberRange, find_range, find_range_length, get_shard_size
from vmgen.merge.settings import contains_invalid
from vmgen.read.located import Located

# Flux labels what it applies with the name of the Kustomization; Kubernetes allows 63 characters in a label.
_MAX_LABEL_LENGTH = 63
# Files of delivery/argocd/ that belong to no environment.
_SHARED_FILE_NAMES = ("health", "application-set", "plugin")


@rule("incomplete-delivery")
def incomplete_delivery(environment: Environment) -> Iterator[Finding]:
    """`delivery:` lacks a required key: the repository and one cluster for Argo CD, the name of the source for Flux, the
    Secret of a kubeconfig.

    Add the key that the message names, in the environment or in a layer.
    """
    delivery = _get_delivery(environment)
    if delivery is None:
        return
    argocd, flux = delivery.get("argocd"), delivery.get("flux")
    if argocd and argocd.mapping:
        yield from _check_required(argocd, "argocd", ("repoURL",))
        yield from _check_destination(argocd)
    if flux and flux.mapping:
        yield from _check_required(flux, "flux", ("sourceRef", "name"))
        for key, secret_required in (("kubeConfig", True), ("decryption", False)):
            value = flux.get(key)
            if value and value.mapping and (secret_required or value.get("secretRef")):
                yield from _check_required(flux, "flux", (key, "secretRef", "name"))


@rule("delivery-name")
def delivery_name(environment: Environment) -> Iterator[Finding]:
    """An invalid or reserved name for Argo CD or Flux. Flux labels every object with the name of its Kustomization, and a
    label has at most 63 characters. Some file names below delivery/argocd/ are reserved.

    Shorten the prefix, or the name of the environment or the group, or rename the environment.
    """
    delivery = _get_delivery(environment)
    if delivery is None:
        return
    if environment.name in _SHARED_FILE_NAMES and delivery.get("argocd"):
        message = f"delivery/argocd/{environment.name}.yaml belongs to all environments; rename this one"
        yield Finding(delivery.key_place or delivery.place, "delivery.argocd", message)
    if delivery.get("flux"):
        shard_size = get_shard_size(environment)
        for suffix in ("", *(_find_longest_suffix(group, shard_size) for group in environment.groups if shard_size)):
            parts = (f"{delivery.get_plain('prefix', '')}{environment.name}", suffix, "disks")
            name = "-".join(part for part in parts if part)
            if len(name) > _MAX_LABEL_LENGTH:
                message = (
                    f"the Kustomization {name} has {len(name)} characters, and {_MAX_LABEL_LENGTH} is the most; shorten it"
                )
                yield Finding(delivery.key_place or delivery.place, "delivery.flux", message)


def _find_longest_suffix(group: Group, shard_size: int | None) -> str:
    """Return the suffix in the names of what delivers a group, that of its last range if it is split."""
    numbers = find_range(group.instances[-1].number, find_range_length(group, shard_size)) if group.instances else None
    return f"{group.key}-{numbers}" if numbers else group.key


@rule("oversized-shard", "notice")
def oversized_shard(environment: Environment) -> Iterator[Finding]:
    """A group with more objects than `shardSize` that cannot be split further: VMs with `names:` have no numbers to split by,
    a VM is delivered with its disks, and disks that only some VMs have do not count when a group is split. The same for the
    standalone disks, which are never split.

    Move VMs to another group, retire disks of earlier generations, or raise `shardSize`.
    """
    shard_size = get_shard_size(environment)
    if shard_size and len(environment.disks) > shard_size:
        message = f"{len(environment.disks)} disks are delivered together; `shardSize` is {shard_size}: raise it"
        yield Finding(environment.settings.find_place("disks"), "disks", message)
    for group in environment.groups if shard_size else ():
        length = find_range_length(group, shard_size)
        counts: Counter[NumberRange | None] = Counter()
        for instance in group.instances:
            objects = 1 + len(instance.settings.disks) + len(instance.previous_disks)
            counts[find_range(instance.number, length)] += objects
        numbers, count = max(counts.items(), key=itemgetter(1), default=(None, 0))
        if shard_size and count > shard_size:
            what = f"VMs {numbers} of the group are" if numbers else "the group is"
            message = f"{what} delivered as {count} objects; `shardSize` is {shard_size}: raise it, or split the group"
            yield Finding(group.place, f"vms.{group.key}", message)


@rule("shards-of-a-set")
def shards_of_a_set(environment: Environment) -> Iterator[Finding]:
    """An ApplicationSet creates one Application per environment, so `shardSize` has no effect on Argo CD.

    Remove `applicationSet` for large environments, or `shardSize` for small ones.
    """
    delivery = _get_delivery(environment)
    argocd, size = (delivery.get("argocd"), delivery.get("shardSize")) if delivery else (None, None)
    if argocd and size and argocd.get_plain("applicationSet"):
        message = "`shardSize` has no effect on an ApplicationSet; remove one of the two"
        yield Finding(size.key_place or size.place, "delivery.shardSize", message)


def _get_delivery(environment: Environment) -> Located | None:
    """Return the mapping, or None if it is empty or anything in it is invalid, which has been reported."""
    delivery = environment.settings.get("delivery")
    return None if delivery is None or not delivery.mapping or contains_invalid(delivery) else delivery


def _check_required(settings: Located, engine: str, path: tuple[str, ...]) -> Iterator[Finding]:
    value: Located | None = settings
    for step in path:
        value = value.get(step) if value else None
    if value is None:
        key = ".".join(path)
        message = f"{engine} needs `{key}`; write it, here or in a layer"
        yield Finding(settings.key_place or settings.place, f"delivery.{engine}.{key}", message)


def _check_destination(argocd: Located) -> Iterator[Finding]:
    destination = argocd.get("destination")
    cluster_keys = [key for key in ("name", "server") if destination and destination.get(key)]
    if len(cluster_keys) == 1:
        return
    if cluster_keys:
        message = "`destination` names the cluster both by `name` and by `server`; remove one (`null` removes a layer's)"
    else:
        message = "argocd needs the cluster; write `destination: {name: ...}` or `destination: {server: ...}`"
    at = destination or argocd
    yield Finding(at.key_place or at.place, "delivery.argocd.destination", message)
