"""What follows from the figures of a measurement."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.measure import Run
from benchmarks.results import (
    Ratio,
    Results,
    compute_exponent,
    compute_medians,
    compute_ratio,
    compute_slope,
    find_medians,
    load,
    save,
)


def walls(*seconds: float) -> list[Run]:
    """Runs that took so long."""
    return [Run(each, each, 10) for each in seconds]


def test_a_median_is_of_each_figure() -> None:
    """The medians of wall, CPU and memory may come from different runs."""
    assert compute_medians([Run(1, 6, 20), Run(2, 5, 30), Run(9, 4, 10)]) == Run(2, 5, 20)


def test_a_ratio_is_of_the_pairs_of_each_round() -> None:
    """A slow round slows both of a pair, so that the median of ratios differs from the ratio of medians."""
    runs = {("a", 3): walls(1, 20, 30), ("b", 3): walls(2, 40, 20)}
    assert compute_ratio(runs, "a", "b", 3) == Ratio(of_pairs=0.5, of_medians=1)


def test_what_was_not_measured_has_no_figures() -> None:
    """A scenario that is missing has neither medians nor ratios nor growth."""
    runs = {("a", 1_000): walls(1)}
    assert find_medians(runs, "b", 1_000) is None
    assert compute_ratio(runs, "a", "b", 1_000) is None
    assert compute_exponent(runs, "a", 1_000, 50_000) is None
    assert compute_slope(runs, "a") is None
    assert compute_slope(runs, "b") is None


@pytest.mark.parametrize(("seconds", "growth"), [(1, 0), (10, 1), (100, 2)])
def test_a_slope_is_the_exponent_of_growth(seconds: float, growth: float) -> None:
    """Ten times the VMs in ten times the time is linear, and sizes below 1,000 do not count."""
    runs = {("a", 3): walls(7), ("a", 1_000): walls(1), ("a", 10_000): walls(seconds)}
    assert compute_slope(runs, "a") == pytest.approx(growth)


def test_scenarios_are_those_measured() -> None:
    """Scenarios come in one order, vmgen's before the peers', and starts are none."""
    runs = {("helm", 3): walls(1), ("vmgen cold", 100): walls(1), ("vmgen --help", 0): walls(1)}
    results = Results(runs, "a machine", peers={"helm": "helm 4", "kcl": "kcl 0"})
    assert results.scenarios == ("vmgen cold", "helm")
    assert results.sizes == (3, 100)


def test_figures_are_kept(tmp_path: Path) -> None:
    """What is kept in a file comes back as it was."""
    results = Results({("a", 3): walls(1, 2), ("b", 0): walls(3)}, "a machine", {"a": "a 1.0"}, {"c": "it is not installed"})
    save(results, tmp_path / "folder" / "kept.json")
    assert load(tmp_path / "folder" / "kept.json") == results
