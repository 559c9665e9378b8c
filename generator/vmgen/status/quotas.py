"""Read the limits of a tenant's quotas from a dump."""

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.quantities import parse_quantity
from vmgen.read.dump import Dump


class Limit(NamedTuple):
    """One resource of a ResourceQuota: how much there is and how much is used, in cores, bytes or objects.

    `text` is both as the API server writes them.
    """

    namespace: str
    quota: str
    resource: str
    total: float
    usage: float
    text: str


def list_limits(dump: Dump) -> Iterator[Limit]:
    """Yield each resource that a quota of the dump limits; one whose amounts cannot be read is left out."""
    for (_, namespace, quota_name), quota in dump.list_kind("ResourceQuota"):
        status = quota.get("status")
        hard, usage = (status.get("hard"), status.get("used")) if isinstance(status, dict) else (None, None)
        for resource, limit in hard.items() if isinstance(hard, dict) else ():
            quantity = usage.get(resource, "0") if isinstance(usage, dict) else "0"
            total, amount = parse_quantity(str(limit)), parse_quantity(str(quantity))
            if total is not None and amount is not None:
                yield Limit(namespace, quota_name, str(resource), float(total), float(amount), f"{quantity} of {limit}")
