"""The page that the benchmark writes."""

from __future__ import annotations

from benchmarks.measure import Run
from benchmarks.page import format_page
from benchmarks.results import Results

ROUNDS = 3
RESULTS = Results(
    {
        ("vmgen cold", 1_000): [Run(0.5, 0.4, 40)] * ROUNDS,
        ("helm", 1_000): [Run(1, 1, 60)] * ROUNDS,
        ("vmgen cold", 10_000): [Run(6, 5, 70)] * ROUNDS,
        ("vmgen no-op", 10_000): [Run(0.3, 0.2, 16)] * ROUNDS,
        ("helm", 10_000): [Run(10, 10, 120), Run(12, 12, 120), Run(24, 24, 120)],
        ("vmgen cold", 50_000): [Run(30, 25, 140)] * ROUNDS,
        ("python -c pass", 0): [Run(0.01, 0.01, 8)] * ROUNDS,
        ("vmgen --help", 0): [Run(0.02, 0.02, 10)] * ROUNDS,
    },
    machine="a machine",
    peers={"helm": "helm 4.3.1 (one file)"},
    absent={"cdk8s": "there is no `node` on PATH"},
)
LINES = format_page(RESULTS).splitlines()


def test_promises_are_told_apart() -> None:
    """A promise held, was broken, or was not measured, with its figure."""
    assert "| 1,000 VMs, cold / helm, wall | at most 1 | 0.50 | yes |" in LINES
    assert "| 10,000 VMs, no-op / cold, CPU | at most 0.7 | 0.04 | yes |" in LINES
    assert "| 50,000 VMs, cold: highest peak memory | under 500 MiB | 140 MiB | yes |" in LINES
    assert "| 3 VMs, cold / helm, wall | at most 3.5 |  | not measured |" in LINES
    broken = format_page(RESULTS._replace(runs={**RESULTS.runs, ("vmgen cold", 1_000): [Run(2, 2, 40)] * ROUNDS}))
    assert "| 1,000 VMs, cold / helm, wall | at most 1 | 2.00 | **no** |" in broken


def test_figures_stand_by_size() -> None:
    """A row has a figure for each size, none where nothing was measured, and the number of rounds is told."""
    assert "| vmgen cold | 0.500 (0.400; 40) | 6.00 (5.00; 70) | 30.0 (25.0; 140) |" in LINES
    assert "| vmgen no-op |  | 0.300 (0.200; 16) |  |" in LINES
    assert "| rounds | 3 | 3 | 3 |" in LINES


def test_both_ratios_stand_where_they_differ() -> None:
    """The ratio of the medians is shown beside the one of the pairs where it is another."""
    assert "| vmgen cold / helm | 0.50 | 0.50 |  |" in LINES
    uneven = [Run(6, 5, 70), Run(3, 3, 70), Run(24, 24, 70)]
    text = format_page(RESULTS._replace(runs={**RESULTS.runs, ("vmgen cold", 10_000): uneven}))
    assert "| vmgen cold / helm | 0.50 | 0.60 (0.50) |  |" in text


def test_who_is_missing_is_named() -> None:
    """A peer that is not installed, or not measured at a size, has a sentence."""
    assert "cdk8s was not measured: there is no `node` on PATH." in LINES
    assert "helm was not measured at 50,000 VMs: it would take most of the run." in LINES


def test_memory_is_told_beside_the_input() -> None:
    """The growth of peak memory stands beside the growth of the environments."""
    text = " ".join(LINES)
    assert "the environments grow 5.0 times, from 51 to 254 KiB; the peak memory of a cold render grows 2.0 times" in text


def test_starts_are_measured_by_python_s_own() -> None:
    """A start of vmgen is told in starts of Python."""
    assert "| vmgen --help | 0.020 (0.020; 10) | 2.00 |" in LINES
