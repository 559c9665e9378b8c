"""Read the limits of a tenant's quotas from a dump."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from vmgen.read.dump import Dump

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "m": 1e-3}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]{0,2})")


class Limit(NamedTuple):
    """One resource of a ResourceQuota: how much there is and how much is used, in cores, bytes or objects.

    `written` is both as the API server writes them.
    """

    namespace: str
    quota: str
    resource: str
    total: float
    used: float
    written: str


def list_limits(dump: Dump) -> Iterator[Limit]:
    """Yield each resource that a quota of the dump limits; one whose amounts cannot be read is left out."""
    for (_, namespace, quota_name), quota in dump.list_kind("ResourceQuota"):
        status = quota.get("status")
        hard, used = (status.get("hard"), status.get("used")) if isinstance(status, dict) else (None, None)
        for resource, limit in hard.items() if isinstance(hard, dict) else ():
            taken = used.get(resource, "0") if isinstance(used, dict) else "0"
            total, amount = _parse_quantity(limit), _parse_quantity(taken)
            if total is not None and amount is not None:
                yield Limit(namespace, quota_name, str(resource), total, amount, f"{taken} of {limit}")


def _parse_quantity(value: Any) -> float | None:
    match = _QUANTITY.fullmatch(str(value))
    return float(match[1]) * _UNITS[match[2]] if match and match[2] in _UNITS else None
