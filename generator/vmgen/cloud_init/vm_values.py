"""The values of a VM that follow from its user data: the seed of `cloudInitSeed: auto`, and annotations for Flux.

These annotations keep Flux from substituting `${VAR}` in user data.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from vmgen.merge.platform import Platform

AUTO_SEED = "auto"
_SEED_LENGTH = 16


@lru_cache(maxsize=1024)
def derive_seed(text: str) -> str:
    """Return a seed (hexadecimal) that changes with the user data.

    Without user data there is one too, so that the first user data changes it.
    """
    from hashlib import sha256

    # Another seed gives the VM another machine id, so that cloud-init takes the next boot for the first one.
    # https://cloudinit.readthedocs.io/en/latest/explanation/boot.html#first-boot-determination
    return sha256(text.encode()).hexdigest()[:_SEED_LENGTH]


def is_substituted(text: str) -> bool:
    """Return True if Flux would substitute `${VAR}` in a text that does not expect it.

    A text with the escape `$${` expects it: https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution
    """
    return "${" in text and "$${" not in text


def disable_flux_substitution(values: Mapping[str, Any], platform: Platform) -> Mapping[str, Any]:
    """Return the values of a VM with the annotations that keep Flux away, unless the user set one of them."""
    # https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution
    annotations = platform.content.get_plain("unsubstituted") or {}
    if any(name in values[kind] for name in annotations for kind in ("labels", "annotations")):
        return values
    return {**values, "annotations": dict(sorted({**values["annotations"], **annotations}.items()))}
