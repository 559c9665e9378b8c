"""`make bench`: every size and scenario, vmgen and its peers in turn, into docs/performance.md and a plot."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.fleets import write_fleet
from benchmarks.measure import Run, run
from benchmarks.page import format_page
from benchmarks.peers import find_peers
from benchmarks.peers.peer import PYTHON, ROOT, Peer
from benchmarks.results import Results, load, save
from benchmarks.rounds import run_rounds, run_starts
from benchmarks.scenarios import build_environment, build_scenarios

# A round of the largest takes six minutes, and is for its memory and for the growth up to it: medians of seven are for ratios.
ROUNDS = {3: 15, 100: 15, 1_000: 11, 10_000: 7, 50_000: 2}
ROUNDS_OF_STARTS = 15
RESULTS = ROOT / ".vmgen" / "benchmark.json"
DOCS = ROOT / "docs"
# As users run it, beside the Python that runs this.
VMGEN = Path(sys.executable).with_name("vmgen")


def main() -> None:
    """Measure, and write the page."""
    options = _parse_options()
    if not VMGEN.exists() or (options.again and not RESULTS.exists()):
        sys.exit("there is no vmgen beside this Python, or no measurement yet: `make bench` makes both")
    if options.again:
        results = load(RESULTS)
    else:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            results = _measure(options.sizes, options.runs, Path(folder))
    text = format_page(results)
    if options.write:
        (DOCS / "performance.md").write_text(text, encoding="utf-8")
        _plot(DOCS / "performance.svg")
    print(text)


def _measure(sizes: list[int], rounds: int | None, work: Path) -> Results:
    peers, absent_peers = find_peers()
    environment = build_environment(work)
    runs: dict[tuple[str, int], list[Run]] = defaultdict(list)
    descriptions = {peer.name: _describe_peer(peer) for peer in peers}
    results = Results(runs, _describe_machine(), descriptions, {peer.name: peer.reason for peer in absent_peers})
    _warm_up(work)
    for name, start in run_starts(VMGEN, rounds or ROUNDS_OF_STARTS, work, environment):
        runs[name, 0].append(start)
    # Each size has its own folders, so that a round finds what the one before prepared.
    by_size = {vms: build_scenarios(VMGEN, peers, work / str(vms)) for vms in sizes}
    for vms in sizes:
        (work / str(vms)).mkdir()
    rounds_by_size = {vms: min(rounds or ROUNDS.get(vms, 7), ROUNDS.get(vms, 7)) for vms in sizes}
    for name, vms, measurement in run_rounds(by_size, rounds_by_size, environment):
        runs[name, vms].append(measurement)
        save(results, RESULTS)
    return results


def _warm_up(work: Path) -> None:
    """Render a fleet with every kind of group, so that the first round finds all compiled modules."""
    folder = work / "warm"
    write_fleet(200, folder)
    run((str(VMGEN), "render"), folder, build_environment(work))


def _plot(image: Path) -> None:
    if subprocess.run([str(PYTHON), "-m", "benchmarks.plot", str(RESULTS), str(image)], cwd=ROOT, check=False).returncode:
        print("the plot was not drawn: `make bench` sets up what it needs", file=sys.stderr)


def _describe_peer(peer: Peer) -> str:
    return f"{peer.name} {peer.version} ({peer.how})"


def _describe_machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(ROUNDS), help="numbers of VMs")
    parser.add_argument("--runs", type=int, help="rounds for each size, fewer than usual")
    parser.add_argument(
        "--folder", help="folder for the fleets, 12 GB for all sizes; a folder in memory excludes the file system"
    )
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its plot")
    parser.add_argument("--again", action="store_true", help="rebuild the page from the last measurement")
    return parser.parse_args()


if __name__ == "__main__":
    main()
