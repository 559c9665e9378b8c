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
    """What one measurement gave: its runs, and the peers by name, those not measured with the reason."""

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
        measured = {name for name, vms in self.runs if vms}
        return tuple(name for name in (*VMGEN_SCENARIOS, *self.peers) if name in measured)


class Ratio(NamedTuple):
    """How many times as much one takes as another: the median of the ratios of each round, and the ratio of the medians."""

    paired: float
    of_medians: float


def medians(runs: Iterable[Run]) -> Run:
    """The median of each figure."""
    return Run(*map(median, zip(*runs, strict=True)))


def typical(runs: Runs, name: str, vms: int) -> Run | None:
    """The medians of a scenario at a size; None where it was not measured."""
    found = runs.get((name, vms))
    return medians(found) if found else None


def ratio(runs: Runs, over: str, under: str, vms: int, *, of_cpu: bool = False) -> Ratio | None:
    """The ratio of wall times, or of CPU times; None where one of the two was not measured."""
    pairs = [
        (one.cpu, other.cpu) if of_cpu else (one.wall, other.wall)
        for one, other in zip(runs.get((over, vms), ()), runs.get((under, vms), ()))
    ]
    if not pairs:
        return None
    paired = median(one / other for one, other in pairs)
    return Ratio(paired, median(one for one, _ in pairs) / median(other for _, other in pairs))


def exponent(runs: Runs, name: str, smallest: int, largest: int) -> float | None:
    """The growth exponent of CPU time between two sizes, 1 is linear; None where one of them was not measured."""
    first, last = typical(runs, name, smallest), typical(runs, name, largest)
    if first is None or last is None or smallest == largest:
        return None
    return math.log(last.cpu / first.cpu) / math.log(largest / smallest)


def slope(runs: Runs, name: str) -> float | None:
    """The growth exponent from 1,000 VMs, where starts no longer count, to the largest size of a scenario."""
    return exponent(runs, name, 1_000, max((vms for scenario, vms in runs if scenario == name), default=0))


def save(results: Results, path: Path) -> None:
    """Keep the figures, for a page made later."""
    rows = [{"name": name, "vms": vms, "runs": several} for (name, vms), several in results.runs.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**results._asdict(), "runs": rows}), encoding="utf-8")


def load(path: Path) -> Results:
    """What `save` kept."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    runs = {(row["name"], row["vms"]): [Run(*one) for one in row["runs"]] for row in kept["runs"]}
    return Results(**{**kept, "runs": runs})
