"""Variables in user data that Flux would substitute: `${VAR}` of a shell, when the Kustomization has a postBuild."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from vmgen.read.platform import Platform


@lru_cache(maxsize=1024)
def is_substituted(text: str) -> bool:
    """Whether Flux would change a text that was not written for it.

    `$${` is how one keeps a variable from Flux: who writes it counts on the substitution of the rest.
    """
    return "${" in text and "$${" not in text


def disable_flux_substitution(values: Mapping[str, Any], platform: Platform) -> Mapping[str, Any]:
    """The values of a VM with the annotations that keep Flux away, unless the user decided about one of them."""
    written = platform.content.get_plain("unsubstituted") or {}
    if any(name in values[kind] for name in written for kind in ("labels", "annotations")):
        return values
    return {**values, "annotations": dict(sorted({**values["annotations"], **written}.items()))}
