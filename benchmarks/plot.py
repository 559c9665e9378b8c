"""The plot of saved results, by matplotlib: `python -m benchmarks.plot RESULTS IMAGE`, in the environment that has it.

Wall seconds over VMs, both logarithmic, a line for each scenario.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.results import Results, compute_slope, find_medians, load
from benchmarks.scenarios import VMGEN_SCENARIOS


def main(path: Path, image: Path) -> None:
    """Write the image, in the format of its suffix, the same bytes for the same results."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "vmgen"
    from matplotlib import pyplot

    results = load(path)
    figure, axes = pyplot.subplots(figsize=(9, 6))
    for number, name in enumerate(results.scenarios):
        _draw_line(axes, results, name, f"C{number}")
    axes.set(xlabel="VMs", ylabel="wall seconds")
    axes.set_xticks(results.sizes, labels=[f"{vms:,}" for vms in results.sizes])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(title="slope from 1,000 VMs", loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    metadata = {"Date": None} if image.suffix == ".svg" else {}
    figure.savefig(image, metadata=metadata, bbox_inches="tight")


def _draw_line(axes: Any, results: Results, name: str, colour: str) -> None:
    points = [(vms, run.wall) for vms in results.sizes if (run := find_medians(results.runs, name, vms))]
    growth = compute_slope(results.runs, name)
    label = name if growth is None else f"{name}: {growth:.2f}"
    style = "o-" if name in VMGEN_SCENARIOS else "s--"
    axes.loglog(*zip(*points), style, color=colour, markersize=5, label=label)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
