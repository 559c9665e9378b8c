"""Rules on what an environment may ask for, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment

if TYPE_CHECKING:  # the arithmetic is imported where a budget or a price is written
    from vmgen.check.budgets import Excess


@rule("over-budget")
def over_budget(environment: Environment) -> Iterator[Finding]:
    """The environment asks for more than its `budget:` allows. The place is the first group, or disk, that no longer fits.

    Lower what the message names, or raise the budget: the number that would be enough is in the message too.
    """
    if not environment.settings.written("budget"):
        return
    from vmgen.check.budgets import excesses

    for excess in excesses(environment):
        yield Finding(excess.part.place, excess.part.subject, _said(excess))


@rule("missing-price", "warning")
def missing_price(environment: Environment) -> Iterator[Finding]:
    """`prices:` says what some things cost, and the environment uses others: the cost that is shown would be too low.

    Write the price that the message names; 0 says that it costs nothing.
    """
    if not environment.settings.written("prices"):
        return
    from vmgen.check.demand import environment_totals
    from vmgen.check.prices import prices

    found = prices(environment)
    if found is not None:
        for name in found.cost(environment_totals(environment)).unpriced:
            message = f"no price for {name}, so the cost leaves it out; write one, or 0"
            yield Finding(found.place, f"prices.{name}", message)


def _said(excess: Excess) -> str:
    measure = excess.limit.measure
    most, asked, left = excess.limit.words, measure.words(excess.asked), measure.words(excess.left)
    count = len(excess.part.each)
    if count == 1:
        fits = f"{left} would be left for it"
    else:
        fits = f"{left} would be left for this group, enough for {excess.fit or 'none'} of its {count} VMs"
    return (
        f"the budget is {most} ({excess.limit.place}), and the environment asks for {asked}: {fits}; "
        f"ask for less, or raise `budget.{measure.key}` to {_value(excess)}"
    )


def _value(excess: Excess) -> str:
    """What to write so that all fits."""
    return excess.limit.measure.words(excess.asked).split()[0]
