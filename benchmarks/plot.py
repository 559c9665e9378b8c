"""The plot of results, by matplotlib: wall seconds over VMs, both logarithmic."""

from __future__ import annotations

from pathlib import Path

from benchmarks.page import SCENARIOS, Results, slope


def write_plot(results: Results, path: Path) -> None:
    """An SVG with a line for each scenario and its slope."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "vmgen"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    for name in SCENARIOS:
        points = sorted((vms, run.wall) for (scenario, vms), run in results.items() if scenario == name)
        if points:
            growth = slope(results, name)
            label = name if growth is None else f"{name} (slope {growth:.2f})"
            axes.loglog([vms for vms, _ in points], [wall for _, wall in points], marker="o", label=label)
    axes.set(xlabel="VMs", ylabel="wall seconds")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
