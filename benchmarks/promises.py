"""What vmgen promises about its speed, and whether it held in a measurement."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.results import Ratio, Runs, exponent, ratio
from benchmarks.scenarios import CHANGED, COLD, FIRST, GIT, NO_OP

Figure = Callable[[Runs], "Ratio | float | None"]


class Promise(NamedTuple):
    """A figure and the limit that it keeps; at the limit it holds, unless it has to stay under it."""

    what: str
    limit: float
    figure: Figure
    under: bool = False
    unit: str = ""

    def holds(self, runs: Runs) -> bool | None:
        """Whether it held; None where its figure was not measured."""
        figure = self.figure(runs)
        if figure is None:
            return None
        value = figure.paired if isinstance(figure, Ratio) else figure
        return value < self.limit if self.under else value <= self.limit


def _ratio(over: str, under: str, vms: int) -> Figure:
    return lambda runs: ratio(runs, over, under, vms)


def _highest_peak(runs: Runs) -> float | None:
    return max((one.memory for name in (COLD, FIRST, GIT) for one in runs.get((name, 10_000), ())), default=None)


PROMISES = (
    Promise("3 VMs, cold / helm", 2.2, _ratio(COLD, "helm", 3)),
    Promise("1,000 VMs, cold / helm", 0.9, _ratio(COLD, "helm", 1_000)),
    Promise("10,000 VMs, cold / helm", 0.5, _ratio(COLD, "helm", 10_000)),
    Promise("10,000 VMs, no-op / cold", 0.15, _ratio(NO_OP, COLD, 10_000)),
    Promise("10,000 VMs, one VM changed / cold", 0.25, _ratio(CHANGED, COLD, 10_000)),
    Promise("10,000 VMs, cold: highest peak memory of all runs", 200, _highest_peak, under=True, unit=" MiB"),
    Promise("1,000 to 50,000 VMs, cold: growth exponent", 1.05, lambda runs: exponent(runs, COLD, 1_000, 50_000)),
    Promise("`vmgen --version` / `python -c pass`", 3, _ratio("vmgen --version", "python -c pass", 0), under=True),
    Promise("`vmgen --help` / `python -c pass`", 3, _ratio("vmgen --help", "python -c pass", 0), under=True),
)
