"""Rules on what an environment may ask for, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment

if TYPE_CHECKING:  # the arithmetic is imported where a budget or a price is written
    from vmgen.check.budgets import BudgetExcess


@rule("over-budget")
def over_budget(environment: Environment) -> Iterator[Finding]:
    """The environment asks for more than its `budget:` allows. The place is the first group, or disk, that no longer fits.

    Lower what the message names, or raise the budget: the number that would be enough is in the message too.
    """
    if not environment.settings.is_set("budget"):
        return
    from vmgen.check.budgets import find_excesses

    for excess in find_excesses(environment):
        yield Finding(excess.request.place, excess.request.subject, _format_excess(excess))


@rule("missing-price", "warning")
def missing_price(environment: Environment) -> Iterator[Finding]:
    """`prices:` says what some things cost, and the environment uses others: the cost that is shown would be too low.

    Write the price that the message names; 0 says that it costs nothing.
    """
    if not environment.settings.is_set("prices"):
        return
    from vmgen.check.demand import compute_environment_totals
    from vmgen.check.prices import load_prices

    found = load_prices(environment)
    if found is not None:
        for name in found.compute_cost(compute_environment_totals(environment)).unpriced:
            message = f"no price for {name}, so the cost leaves it out; write one, or 0"
            yield Finding(found.place, f"prices.{name}", message)


def _format_excess(excess: BudgetExcess) -> str:
    measure = excess.limit.measure
    most, asked, left = excess.limit.text, measure.format_amount(excess.requested), measure.format_amount(excess.remaining)
    count = len(excess.request.unit_totals)
    if count == 1:
        fits = f"{left} would be left for it"
    else:
        fits = f"{left} would be left for this group, enough for {excess.fitting_count or 'none'} of its {count} VMs"
    return (
        f"the budget is {most} ({excess.limit.place}), and the environment asks for {asked}: {fits}; "
        f"ask for less, or raise `budget.{measure.key}` to {_format_sufficient_limit(excess)}"
    )


def _format_sufficient_limit(excess: BudgetExcess) -> str:
    """What to write so that all fits."""
    return excess.limit.measure.format_amount(excess.requested).split()[0]
