"""The figures of a whole measurement, and what follows from them: medians, ratios of pairs, slopes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.measure import Run
from benchmarks.scenarios import VMGEN_SCENARIOS

Runs = Mapping[tuple[str, int], Sequence[Run]]
"""The runs of each scenario at each number of VMs, one a round, in the order of the rounds; 0 VMs are starts."""


class Results(NamedTuple):
    """The results of one measurement: its runs, the descriptions of the peers by name, and why others were not measured."""

    runs: Runs
    machine: str
    peers: Mapping[str, str] = MappingProxyType({})
    absent: Mapping[str, str] = MappingProxyType({})

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of VMs, rising."""
        return tuple(sorted({vms for _, vms in self.runs if vms}))

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The scenarios that were measured, vmgen's first."""
        names = {name for name, vms in self.runs if vms}
        return tuple(name for name in (*VMGEN_SCENARIOS, *self.peers) if name in names)


class Ratio(NamedTuple):
    """How many times as much one takes as another: the median of the ratios of each round, and the ratio of the medians."""

    of_pairs: float
    of_medians: float


def compute_medians(runs: Iterable[Run]) -> Run:
    """Return the median of each figure."""
    return Run(*map(median, zip(*runs, strict=True)))


def find_medians(runs: Runs, name: str, vms: int) -> Run | None:
    """Return the medians of a scenario at a size; None where it was not measured."""
    of_scenario = runs.get((name, vms))
    return compute_medians(of_scenario) if of_scenario else None


def compute_ratio(runs: Runs, over: str, under: str, vms: int, *, of_cpu: bool = False) -> Ratio | None:
    """Return the ratio of wall times, or of CPU times; None where one of the two was not measured."""
    pairs = [
        (dividend.cpu, divisor.cpu) if of_cpu else (dividend.wall, divisor.wall)
        for dividend, divisor in zip(runs.get((over, vms), ()), runs.get((under, vms), ()))
    ]
    if not pairs:
        return None
    of_pairs = median(dividend / divisor for dividend, divisor in pairs)
    return Ratio(of_pairs, median(dividend for dividend, _ in pairs) / median(divisor for _, divisor in pairs))


def compute_exponent(runs: Runs, name: str, smallest: int, largest: int) -> float | None:
    """Return the growth exponent of CPU time between two sizes, 1 is linear; None where one of them was not measured."""
    first, last = find_medians(runs, name, smallest), find_medians(runs, name, largest)
    if first is None or last is None or smallest == largest:
        return None
    return math.log(last.cpu / first.cpu) / math.log(largest / smallest)


def compute_slope(runs: Runs, name: str) -> float | None:
    """Return the growth exponent from 1,000 VMs, where starts no longer count, to the largest size of a scenario."""
    return compute_exponent(runs, name, 1_000, max((vms for scenario, vms in runs if scenario == name), default=0))


def save(results: Results, path: Path) -> None:
    """Write the results to a file, for a page that is made later."""
    rows = [{"name": name, "vms": vms, "runs": several} for (name, vms), several in results.runs.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**results._asdict(), "runs": rows}), encoding="utf-8")


def load(path: Path) -> Results:
    """Return the results that `save` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    runs = {(row["name"], row["vms"]): [Run(*figures) for figures in row["runs"]] for row in content["runs"]}
    return Results(**{**content, "runs": runs})
