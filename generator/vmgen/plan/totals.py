"""The change of an environment's totals by a plan, computed from manifests: removed objects have no environment any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from vmgen.check.totals import PriceList, Totals, TotalsDelta, compute_disk_totals, compute_vm_totals, sum_totals
from vmgen.merge.platform import Platform
from vmgen.plan.desired import DesiredState
from vmgen.plan.matching import ExistingObject, Matching, PlannedObject

NO_DELTA = TotalsDelta(Totals())


def compute_deltas(
    matching: Matching, find_platform: Callable[[str], Platform], prices: Mapping[str, PriceList | None]
) -> dict[str, TotalsDelta]:
    """Compute the delta of each environment in which an object is created, changed or removed."""
    before = _sum_by_environment((*matching.removed_objects, *(old for old, _ in matching.pairs)), find_platform)
    after = _sum_by_environment((*matching.created, *(new for _, new in matching.pairs)), find_platform)
    deltas = {}
    for name in sorted(before.keys() | after.keys()):
        totals = after.get(name, Totals()) - before.get(name, Totals())
        price_list = prices.get(name)
        deltas[name] = TotalsDelta(totals, price_list.compute_cost(totals) if price_list else None)
    return deltas


def compute_retained(put_aside: Mapping[str, Collection[str]], states: Iterable[DesiredState]) -> dict[str, TotalsDelta]:
    """Compute the totals of the disks of each environment that are put aside, by name, and kept for their VMs."""
    deltas = {}
    for state in states:
        names = put_aside.get(state.environment, ())
        disks = [
            disk
            for group in (state.merged_environment.groups if state.merged_environment and names else ())
            for instance in group.instances
            for disk in instance.previous_disks
            if f"{instance.name}-{disk.suffix}" in names
        ]
        if disks:
            totals = sum_totals(compute_disk_totals(disk.settings.get_plain) for disk in disks)
            deltas[state.environment] = TotalsDelta(totals, state.prices.compute_cost(totals) if state.prices else None)
    return deltas


def _sum_by_environment(
    objects: Iterable[ExistingObject | PlannedObject], find_platform: Callable[[str], Platform]
) -> Mapping[str, Totals]:
    parts: dict[str, list[Totals]] = defaultdict(list)
    for each in objects:
        if each.identity.kind == "VMInstance":
            totals = compute_vm_totals(each.spec_getter, find_platform(each.environment))
        else:
            totals = compute_disk_totals(each.spec_getter)
        parts[each.environment].append(totals)
    return {name: sum_totals(summands) for name, summands in parts.items()}


def sum_deltas(deltas: Iterable[TotalsDelta]) -> TotalsDelta:
    """Add up deltas. The sum has a cost if all of them have one, in one currency."""
    deltas = tuple(deltas)
    costs = [delta.cost for delta in deltas if delta.cost]
    one_currency = len(costs) == len(deltas) and len({cost.currency for cost in costs}) == 1
    cost = sum(costs[1:], start=costs[0]) if one_currency else None
    return TotalsDelta(sum_totals(delta.totals for delta in deltas), cost)
