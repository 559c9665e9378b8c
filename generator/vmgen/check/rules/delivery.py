"""Rules on `delivery:`: what Argo CD and Flux need to be told, and the names of what they are given."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.merge.settings import contains_invalid
from vmgen.read.located import Located

# Flux labels what it applies with the name of the Kustomization.
MAX_LABEL_LENGTH = 63
# Files of delivery/argocd/ that belong to no environment.
SHARED_FILE_NAMES = ("health", "application-set", "plugin")


@rule("incomplete-delivery")
def incomplete_delivery(environment: Environment) -> Iterator[Finding]:
    """`delivery:` leaves out what the engine cannot do without: the repository and one cluster for Argo CD, the name of the
    source for Flux, the Secret of a kubeconfig.

    Write the key that the message names, in the environment or in a layer.
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
        for parent, whole in (("kubeConfig", True), ("decryption", False)):
            below = flux.get(parent)
            if below and below.mapping and (whole or below.get("secretRef")):
                yield from _check_required(flux, "flux", (parent, "secretRef", "name"))


@rule("delivery-name")
def delivery_name(environment: Environment) -> Iterator[Finding]:
    """A name that the engines do not take. Flux labels every object with the name of its Kustomization, and a label has at
    most 63 characters; some names of files below delivery/argocd/ belong to all environments.

    Shorten the prefix, or the name of the environment or of the group, or rename the environment.
    """
    delivery = _get_delivery(environment)
    if delivery is None:
        return
    if environment.name in SHARED_FILE_NAMES and delivery.get("argocd"):
        message = f"delivery/argocd/{environment.name}.yaml belongs to all environments; rename this one"
        yield Finding(delivery.key_place or delivery.place, "delivery.argocd", message)
    if delivery.get("flux"):
        for group in ("", *(group.key for group in environment.groups)) if delivery.get("shardSize") else ("",):
            parts = (f"{delivery.get_plain('prefix', '')}{environment.name}", group, "disks")
            name = "-".join(part for part in parts if part)
            if len(name) > MAX_LABEL_LENGTH:
                message = f"the Kustomization {name} has {len(name)} characters, and {MAX_LABEL_LENGTH} is the most; shorten it"
                yield Finding(delivery.key_place or delivery.place, "delivery.flux", message)


@rule("shards-of-a-set")
def shards_of_a_set(environment: Environment) -> Iterator[Finding]:
    """An ApplicationSet makes one Application of each environment, so `shardSize` would have no effect on Argo CD.

    Remove `applicationSet` where environments are large, or `shardSize` where they are not.
    """
    delivery = _get_delivery(environment)
    argocd, size = (delivery.get("argocd"), delivery.get("shardSize")) if delivery else (None, None)
    if argocd and size and argocd.get_plain("applicationSet"):
        message = "`shardSize` has no effect on an ApplicationSet; remove one of the two"
        yield Finding(size.key_place or size.place, "delivery.shardSize", message)


def _get_delivery(environment: Environment) -> Located | None:
    """The settings, unless something in them was refused and so has been reported."""
    written = environment.settings.located.mapping.get("delivery")
    return None if written is None or not written.mapping or contains_invalid(written) else written


def _check_required(settings: Located, engine: str, path: tuple[str, ...]) -> Iterator[Finding]:
    found: Located | None = settings
    for step in path:
        found = found.get(step) if found else None
    if found is None:
        key = ".".join(path)
        message = f"{engine} needs `{key}`; write it, here or in a layer"
        yield Finding(settings.key_place or settings.place, f"delivery.{engine}.{key}", message)


def _check_destination(argocd: Located) -> Iterator[Finding]:
    found = argocd.get("destination")
    ways = [way for way in ("name", "server") if found and found.get(way)]
    if len(ways) != 1:
        message = (
            "`destination` names the cluster both by `name` and by `server`; remove one (a layer's goes with `null`)"
            if ways
            else "argocd needs the cluster; write `destination: {name: ...}` or `destination: {server: ...}`"
        )
        place = (found.key_place or found.place) if found else (argocd.key_place or argocd.place)
        yield Finding(place, "delivery.argocd.destination", message)
