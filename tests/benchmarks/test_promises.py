"""Whether a promise held."""

from __future__ import annotations

import pytest

from benchmarks.measure import Run
from benchmarks.promises import PROMISES, Promise
from benchmarks.results import Ratio, Runs

# Promises at their limits, in a measurement whose other figures do not matter.
AT_THE_LIMIT: dict[str, Runs] = {
    "3 VMs, cold / helm, wall": {("vmgen cold", 3): [Run(3.5, 1, 1)], ("helm", 3): [Run(1, 7, 1)]},
    "10,000 VMs, cold / helm, CPU": {("vmgen cold", 10_000): [Run(9, 0.5, 1)], ("helm", 10_000): [Run(1, 1, 1)]},
    "10,000 VMs, no-op / cold, CPU": {("vmgen no-op", 10_000): [Run(9, 0.7, 1)], ("vmgen cold", 10_000): [Run(1, 1, 1)]},
    "1,000 VMs, check --verify / kustomize alone, CPU": {
        ("vmgen check --verify", 1_000): [Run(9, 1.5, 1)],
        ("kustomize alone", 1_000): [Run(1, 1, 1)],
    },
    "10,000 VMs, check --verify: highest peak memory": {("vmgen check --verify", 10_000): [Run(1, 1, 90), Run(1, 1, 400)]},
    "1,000 to 50,000 VMs, cold: growth exponent": {
        ("vmgen cold", 1_000): [Run(1, 1, 1)],
        ("vmgen cold", 50_000): [Run(1, 50**1.0499999, 1)],
    },
}


@pytest.mark.parametrize("what", AT_THE_LIMIT)
def test_a_promise_looks_at_its_own_figure(what: str) -> None:
    """Each promise reads its scenarios at its size: at its limit it holds, unless it has to stay under it."""
    [promise] = (each for each in PROMISES if each.what == what)
    figure = promise.figure(AT_THE_LIMIT[what])
    value = figure.of_pairs if isinstance(figure, Ratio) else figure
    assert value == pytest.approx(promise.limit, rel=1e-6)
    assert promise.holds(AT_THE_LIMIT[what]) is not promise.under


def test_nothing_is_promised_of_what_was_not_measured() -> None:
    """Without figures each promise is open."""
    assert {promise.holds({}) for promise in PROMISES} == {None}
    assert len({promise.what for promise in PROMISES}) == len(PROMISES)


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
    assert Promise("it", 1, lambda runs: Ratio(of_pairs=0.9, of_medians=1.1)).holds({}) is True
