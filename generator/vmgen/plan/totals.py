"""What manifests ask for, added up from the objects themselves: for those of a commit there is no environment any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.check.totals import Cost, PriceList, Totals, ValueGetter, compute_disk_totals, compute_vm_totals, sum_totals
from vmgen.merge.catalog import Catalog
from vmgen.plan.matching import Matching, PlannedObject


def compute_manifest_totals(objects: Iterable[Mapping[str, Any]], catalog: Catalog) -> Totals:
    """The totals of plain objects; what is neither a VM nor a disk counts nothing."""
    return sum_totals(compute_object_totals(plain, catalog) for plain in objects)


def compute_object_totals(plain: Mapping[str, Any], catalog: Catalog) -> Totals:
    """What one plain object asks for."""
    value = _build_spec_lookup(plain)
    if plain.get("kind") == "VMInstance":
        return compute_vm_totals(value, catalog)
    return compute_disk_totals(value) if plain.get("kind") == "VMDisk" else Totals()


def _build_spec_lookup(plain: Mapping[str, Any]) -> ValueGetter:
    spec = plain.get("spec")
    found: Mapping[str, Any] = spec if isinstance(spec, Mapping) else {}
    return found.get


class TotalsDelta(NamedTuple):
    """What a plan changes in the totals of an environment, and in its cost where the environment has prices."""

    totals: Totals
    cost: Cost | None = None


NO_DELTA = TotalsDelta(Totals())


def compute_deltas(
    found: Matching, catalog_of: Callable[[str], Catalog], prices: Mapping[str, PriceList | None]
) -> dict[str, TotalsDelta]:
    """The delta of each environment in which something is created, changed or gone."""
    parts: dict[str, list[Totals]] = {}
    known: dict[bytes, Totals] = {}
    for one, other in found.pairs:
        parts.setdefault(one.environment, []).append(compute_object_totals(one.document, catalog_of(one.environment)) * -1)
        parts.setdefault(other.environment, []).append(compute_object_totals(other.document, catalog_of(other.environment)))
    for created in found.created:
        parts.setdefault(created.environment, []).append(
            _compute_planned_totals(created, catalog_of(created.environment), known)
        )
    for gone in found.removed:
        parts.setdefault(gone.environment, []).append(compute_object_totals(gone.document, catalog_of(gone.environment)) * -1)
    return {name: _build_delta(sum_totals(each), prices.get(name)) for name, each in sorted(parts.items())}


def _compute_planned_totals(new: PlannedObject, catalog: Catalog, known: dict[bytes, Totals]) -> Totals:
    """The totals of a new object. Its name decides nothing, so that objects which differ in names only are read once."""
    nameless = new.environment.encode() + b" " + new.content.replace(new.identity.name.encode(), b"")
    if nameless not in known:
        known[nameless] = compute_object_totals(new.document, catalog)
    return known[nameless]


def _build_delta(totals: Totals, prices: PriceList | None) -> TotalsDelta:
    return TotalsDelta(totals, prices.compute_cost(totals) if prices else None)


def sum_deltas(found: Iterable[TotalsDelta]) -> TotalsDelta:
    """The sum of deltas; its cost is known where all of them have one, in one currency."""
    parts = tuple(found)
    costs = [each.cost for each in parts if each.cost]
    one_currency = len(costs) == len(parts) and len({cost.currency for cost in costs}) == 1
    cost = sum(costs[1:], start=costs[0]) if one_currency else None
    return TotalsDelta(sum_totals(each.totals for each in parts), cost)
