"""What manifests ask for, added up from the objects themselves: for those of a commit there is no environment any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.check.prices import Cost, Prices
from vmgen.check.totals import Totals, Value, disk_totals, total, vm_totals
from vmgen.compare.matching import Matching, New
from vmgen.read.catalog import Catalog


def manifest_totals(objects: Iterable[Mapping[str, Any]], catalog: Catalog) -> Totals:
    """The totals of plain objects; what is neither a VM nor a disk counts nothing."""
    return total(object_totals(plain, catalog) for plain in objects)


def object_totals(plain: Mapping[str, Any], catalog: Catalog) -> Totals:
    """What one plain object asks for."""
    value = _spec(plain)
    if plain.get("kind") == "VMInstance":
        return vm_totals(value, catalog)
    return disk_totals(value) if plain.get("kind") == "VMDisk" else Totals()


def _spec(plain: Mapping[str, Any]) -> Value:
    spec = plain.get("spec")
    found: Mapping[str, Any] = spec if isinstance(spec, Mapping) else {}
    return found.get


class Delta(NamedTuple):
    """What a plan changes in the totals of an environment, and in its cost where the environment has prices."""

    totals: Totals
    cost: Cost | None = None


NO_DELTA = Delta(Totals())


def deltas(found: Matching, catalog_of: Callable[[str], Catalog], prices: Mapping[str, Prices | None]) -> dict[str, Delta]:
    """The delta of each environment in which something is created, changed or gone."""
    parts: dict[str, list[Totals]] = {}
    known: dict[bytes, Totals] = {}
    for one, other in found.pairs:
        parts.setdefault(one.environment, []).append(object_totals(one.document, catalog_of(one.environment)) * -1)
        parts.setdefault(other.environment, []).append(object_totals(other.document, catalog_of(other.environment)))
    for created in found.created:
        parts.setdefault(created.environment, []).append(_of_new(created, catalog_of(created.environment), known))
    for gone in found.vanished:
        parts.setdefault(gone.environment, []).append(object_totals(gone.document, catalog_of(gone.environment)) * -1)
    return {name: _delta(total(each), prices.get(name)) for name, each in sorted(parts.items())}


def _of_new(new: New, catalog: Catalog, known: dict[bytes, Totals]) -> Totals:
    """The totals of a new object. Its name decides nothing, so that objects which differ in names only are read once."""
    nameless = new.environment.encode() + b" " + new.content.replace(new.identity.name.encode(), b"")
    if nameless not in known:
        known[nameless] = object_totals(new.document, catalog)
    return known[nameless]


def _delta(totals: Totals, prices: Prices | None) -> Delta:
    return Delta(totals, prices.cost(totals) if prices else None)


def together(found: Iterable[Delta]) -> Delta:
    """The sum of deltas; its cost is known where all of them have one, in one currency."""
    parts = tuple(found)
    costs = [each.cost for each in parts if each.cost]
    one_currency = len(costs) == len(parts) and len({cost.currency for cost in costs}) == 1
    cost = sum(costs[1:], start=costs[0]) if one_currency else None
    return Delta(total(each.totals for each in parts), cost)
