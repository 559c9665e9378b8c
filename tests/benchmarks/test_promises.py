"""Whether a promise held."""

from __future__ import annotations

import pytest

from benchmarks.measure import Run
from benchmarks.promises import PROMISES, Promise
from benchmarks.results import Ratio, Runs

# Each promise once at its limit, in a measurement whose other figures are of no matter.
AT_THE_LIMIT: dict[str, Runs] = {
    "3 VMs, cold / helm": {("vmgen cold", 3): [Run(2.2, 1, 1)], ("helm", 3): [Run(1, 1, 1)]},
    "1,000 VMs, cold / helm": {("vmgen cold", 1_000): [Run(0.9, 1, 1)], ("helm", 1_000): [Run(1, 1, 1)]},
    "10,000 VMs, cold / helm": {("vmgen cold", 10_000): [Run(0.5, 1, 1)], ("helm", 10_000): [Run(1, 1, 1)]},
    "10,000 VMs, no-op / cold": {("vmgen no-op", 10_000): [Run(0.15, 1, 1)], ("vmgen cold", 10_000): [Run(1, 1, 1)]},
    "10,000 VMs, one VM changed / cold": {
        ("vmgen one VM changed", 10_000): [Run(0.25, 1, 1)],
        ("vmgen cold", 10_000): [Run(1, 1, 1)],
    },
    "10,000 VMs, cold: highest peak memory of all runs": {
        ("vmgen cold", 10_000): [Run(1, 1, 90), Run(1, 1, 80)],
        ("vmgen first run", 10_000): [Run(1, 1, 90), Run(1, 1, 200)],
    },
    "1,000 to 50,000 VMs, cold: growth exponent": {
        ("vmgen cold", 1_000): [Run(1, 1, 1)],
        ("vmgen cold", 50_000): [Run(50**1.0499999, 1, 1)],
    },
    "`vmgen --version` / `python -c pass`": {("vmgen --version", 0): [Run(3, 1, 1)], ("python -c pass", 0): [Run(1, 1, 1)]},
    "`vmgen --help` / `python -c pass`": {("vmgen --help", 0): [Run(3, 1, 1)], ("python -c pass", 0): [Run(1, 1, 1)]},
}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.what)
def test_a_promise_looks_at_its_own_figure(promise: Promise) -> None:
    """Each promise reads its scenarios at its size: at its limit it holds, unless it has to stay under it."""
    figure = promise.figure(AT_THE_LIMIT[promise.what])
    value = figure.paired if isinstance(figure, Ratio) else figure
    assert value == pytest.approx(promise.limit, rel=1e-6)
    assert promise.holds(AT_THE_LIMIT[promise.what]) is not promise.under


@pytest.mark.parametrize(("figure", "held"), [(1.9, True), (2.0, True), (2.1, False), (None, None)])
def test_a_limit_may_be_reached(figure: float | None, held: bool | None) -> None:
    """A promise holds up to its limit, and is open without a figure."""
    assert Promise("it", 2, lambda runs: figure).holds({}) is held


@pytest.mark.parametrize(("figure", "held"), [(1.9, True), (2.0, False)])
def test_a_limit_may_have_to_be_kept_under(figure: float, held: bool) -> None:
    """A promise to stay under a limit is broken at it."""
    assert Promise("it", 2, lambda runs: figure, under=True).holds({}) is held


def test_a_promise_is_about_the_pairs() -> None:
    """Of the two ratios, the one of the pairs decides."""
    assert Promise("it", 1, lambda runs: Ratio(paired=0.9, of_medians=1.1)).holds({}) is True
