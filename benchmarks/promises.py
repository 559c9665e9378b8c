"""What vmgen promises about its speed, and whether it held in a measurement."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from benchmarks.results import Ratio, Runs, compute_exponent, compute_ratio
from benchmarks.scenarios import BUILDS, CHECK, COLD, EXPLAIN, IMPACT, IMPORT, LIST, NO_OP, PLAN

Figure = Callable[[Runs], "Ratio | float | None"]


class Promise(NamedTuple):
    """A figure and the limit that it keeps; at the limit it holds, unless it has to stay under it."""

    what: str
    limit: float
    figure: Figure
    under: bool = False
    unit: str = ""

    def holds(self, runs: Runs) -> bool | None:
        """Return whether it held; None where its figure was not measured."""
        figure = self.figure(runs)
        if figure is None:
            return None
        value = figure.of_pairs if isinstance(figure, Ratio) else figure
        return value < self.limit if self.under else value <= self.limit


def _build_ratio(over: str, under: str, vms: int, *, of_cpu: bool = False) -> Figure:
    return lambda runs: compute_ratio(runs, over, under, vms, of_cpu=of_cpu)


def _build_highest_peak(name: str, vms: int) -> Figure:
    return lambda runs: max((run.memory for run in runs.get((name, vms), ())), default=None)


def _compute_exponent(name: str, runs: Runs) -> float | None:
    return compute_exponent(runs, name, 1_000, 50_000)


_HELM_LIMITS = {3: 3.5, 100: 2.0, 1_000: 1.0, 10_000: 0.5}
_COLD_LIMITS = {NO_OP: 0.7, PLAN: 0.8, IMPACT: 1.0, EXPLAIN: 1.0, LIST: 0.5, IMPORT: 3.0}
_KEPT_SIZES = (1_000, 10_000)

PROMISES = (
    *(
        Promise(f"{vms:,} VMs, cold / helm, {unit}", limit, _build_ratio(COLD, "helm", vms, of_cpu=unit == "CPU"))
        for vms, limit in _HELM_LIMITS.items()
        for unit in ("wall", "CPU")
    ),
    *(
        Promise(f"{vms:,} VMs, {name.removeprefix('vmgen ')} / cold, CPU", limit, _build_ratio(name, COLD, vms, of_cpu=True))
        for name, limit in _COLD_LIMITS.items()
        for vms in _KEPT_SIZES
    ),
    *(
        Promise(f"{vms:,} VMs, check --verify / kustomize alone, CPU", 1.5, _build_ratio(CHECK, BUILDS, vms, of_cpu=True))
        for vms in _KEPT_SIZES
    ),
    Promise(
        "10,000 VMs, check --verify: highest peak memory", 400, _build_highest_peak(CHECK, 10_000), under=True, unit=" MiB"
    ),
    Promise("50,000 VMs, cold: highest peak memory", 500, _build_highest_peak(COLD, 50_000), under=True, unit=" MiB"),
    *(
        Promise(f"1,000 to 50,000 VMs, {name.removeprefix('vmgen ')}: growth exponent", 1.05, partial(_compute_exponent, name))
        for name in (COLD, NO_OP, PLAN, CHECK, IMPACT, EXPLAIN, LIST)
    ),
    Promise("1,000 to 10,000 VMs, import: growth exponent", 1.05, lambda runs: compute_exponent(runs, IMPORT, 1_000, 10_000)),
)
