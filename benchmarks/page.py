"""The page of results: tables, ratios, and the slope of growth."""

from __future__ import annotations

import math
from collections.abc import Mapping

from benchmarks.measure import Run

Results = Mapping[tuple[str, int], Run]
SCENARIOS = ("vmgen cold", "vmgen no-op", "vmgen one VM changed", "helm")


def slope(results: Results, scenario: str, smallest: int = 1_000) -> float | None:
    """The growth exponent of wall time from `smallest` to the largest size: 1 is linear."""
    sizes = sorted(vms for name, vms in results if name == scenario and vms >= smallest)
    if len(sizes) < 2:
        return None
    first, last = results[scenario, sizes[0]], results[scenario, sizes[-1]]
    return math.log(last.wall / first.wall) / math.log(sizes[-1] / sizes[0])


def write_page(results: Results, counts: Mapping[tuple[str, int], int], machine: str) -> str:
    """docs/performance.md."""
    sizes = sorted({vms for _, vms in results if vms})
    parts = [
        "<!-- Made by `make bench`. Do not edit. -->\n\n# Performance\n\n",
        "Whole processes, medians, measured in turn in one run; three objects a VM, one file an object (helm: one file "
        f"in all). The machine ({machine}) is shared: read the ratios, not the seconds.\n\n",
        "Wall seconds (CPU seconds; peak MiB):\n\n",
        "| | " + " | ".join(f"{vms:,} VMs" for vms in sizes) + " |\n|---|" + "---|" * len(sizes) + "\n",
    ]
    for name in SCENARIOS:
        cells = [_cell(results.get((name, vms))) for vms in sizes]
        parts.append(f"| {name} | " + " | ".join(cells) + " |\n")
    parts.append("| runs | " + " | ".join(str(counts["vmgen cold", vms]) for vms in sizes) + " |\n\n")
    parts.append("Ratios:\n\n| | " + " | ".join(f"{vms:,} VMs" for vms in sizes) + " |\n|---|" + "---|" * len(sizes) + "\n")
    for title, over, under in (
        ("cold / helm", "vmgen cold", "helm"),
        ("no-op / cold", "vmgen no-op", "vmgen cold"),
        ("one VM changed / cold", "vmgen one VM changed", "vmgen cold"),
    ):
        cells = [_ratio(results, over, under, vms) for vms in sizes]
        parts.append(f"| {title} | " + " | ".join(cells) + " |\n")
    growth = slope(results, "vmgen cold")
    if growth is not None:
        parts.append(f"\nGrowth of a cold render from 1,000 to {sizes[-1]:,} VMs: exponent {growth:.2f} (1 is linear).\n")
    parts.append(_starts(results))
    parts.append("\n![Wall seconds over the number of VMs, both logarithmic](performance.svg)\n")
    return "".join(parts)


def _starts(results: Results) -> str:
    bare = results.get(("python -c pass", 0))
    if bare is None:
        return ""
    rows = "".join(
        f"| {name} | {results[name, 0].wall:.3f} | {results[name, 0].wall / bare.wall:.1f} |\n"
        for name in ("python -c pass", "vmgen --version", "vmgen --help")
    )
    return f"\nStarts:\n\n| | wall seconds | of `python -c pass` |\n|---|---|---|\n{rows}"


def _cell(one: Run | None) -> str:
    return "" if one is None else f"{one.wall:.2f} ({one.cpu:.2f}; {one.memory:.0f})"


def _ratio(results: Results, over: str, under: str, vms: int) -> str:
    if (over, vms) not in results or (under, vms) not in results:
        return ""
    return f"{results[over, vms].wall / results[under, vms].wall:.2f}"
