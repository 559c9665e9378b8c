"""The change of an environment's totals by a plan, computed from manifests: removed objects have no environment any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.check.totals import Cost, PriceList, Totals, ValueGetter, compute_disk_totals, compute_vm_totals, sum_totals
from vmgen.merge.catalog import Catalog
from vmgen.plan.matching import Matching


class TotalsDelta(NamedTuple):
    """The change of totals, and of the cost in a month; None without prices."""

    totals: Totals
    cost: Cost | None = None


NO_DELTA = TotalsDelta(Totals())


def compute_deltas(
    matching: Matching, find_catalog: Callable[[str], Catalog], prices: Mapping[str, PriceList | None]
) -> dict[str, TotalsDelta]:
    """Compute the delta of each environment in which an object is created, changed or removed."""
    parts: dict[str, list[Totals]] = defaultdict(list)
    for old in (*matching.removed, *(old for old, _ in matching.pairs)):
        parts[old.environment].append(_compute_object_totals(old.document, find_catalog(old.environment)) * -1)
    for new in (*matching.created, *(new for _, new in matching.pairs)):
        parts[new.environment].append(_compute_object_totals(new.document, find_catalog(new.environment)))
    return {name: _build_delta(sum_totals(parts[name]), prices.get(name)) for name in sorted(parts)}


def _compute_object_totals(document: Mapping[str, Any], catalog: Catalog) -> Totals:
    """Compute what one object asks for, nothing for what is neither a VM nor a disk."""
    spec = document.get("spec")
    get_value: ValueGetter = spec.get if isinstance(spec, dict) else {}.get
    if document.get("kind") == "VMInstance":
        return compute_vm_totals(get_value, catalog)
    return compute_disk_totals(get_value) if document.get("kind") == "VMDisk" else Totals()


def _build_delta(totals: Totals, prices: PriceList | None) -> TotalsDelta:
    return TotalsDelta(totals, prices.compute_cost(totals) if prices else None)


def sum_deltas(deltas: Iterable[TotalsDelta]) -> TotalsDelta:
    """Add up deltas. The sum has a cost if all of them have one, in one currency."""
    deltas = tuple(deltas)
    costs = [delta.cost for delta in deltas if delta.cost]
    one_currency = len(costs) == len(deltas) and len({cost.currency for cost in costs}) == 1
    cost = sum(costs[1:], start=costs[0]) if one_currency else None
    return TotalsDelta(sum_totals(delta.totals for delta in deltas), cost)
