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
from benchmarks.page import page
from benchmarks.peers import find_peers
from benchmarks.peers.peer import PYTHON, ROOT, Peer
from benchmarks.results import Results, load, save
from benchmarks.rounds import measured, starts
from benchmarks.scenarios import common_environment, scenarios

# A round of the largest takes six minutes, and is for its memory and for the growth up to it: medians of seven are for ratios.
ROUNDS = {3: 15, 100: 15, 1_000: 11, 10_000: 7, 50_000: 2}
ROUNDS_OF_STARTS = 15
KEPT = ROOT / ".vmgen" / "benchmark.json"
DOCS = ROOT / "docs"
# As users run it, beside the Python that runs this.
VMGEN = Path(sys.executable).with_name("vmgen")


def main() -> None:
    """Measure, and write the page."""
    options = _options()
    if not VMGEN.exists() or (options.again and not KEPT.exists()):
        sys.exit("there is no vmgen beside this Python, or no measurement yet: `make bench` makes both")
    if options.again:
        results = load(KEPT)
    else:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            results = _measure(options.sizes, options.runs, Path(folder))
    text = page(results)
    if options.write:
        (DOCS / "performance.md").write_text(text, encoding="utf-8")
        _plot(DOCS / "performance.svg")
    print(text)


def _measure(sizes: list[int], rounds: int | None, work: Path) -> Results:
    peers, absent = find_peers()
    environment = common_environment(work)
    runs: dict[tuple[str, int], list[Run]] = defaultdict(list)
    results = Results(runs, _machine(), {peer.name: _about(peer) for peer in peers}, {one.name: one.reason for one in absent})
    _warm_up(work)
    for name, one in starts(VMGEN, rounds or ROUNDS_OF_STARTS, work, environment):
        runs[name, 0].append(one)
    # Each size has its own folders, so that what a round prepared for one is there in the next.
    by_size = {vms: scenarios(VMGEN, peers, work / str(vms)) for vms in sizes}
    for vms in sizes:
        (work / str(vms)).mkdir()
    planned = {vms: min(rounds or ROUNDS.get(vms, 7), ROUNDS.get(vms, 7)) for vms in sizes}
    for name, vms, one in measured(by_size, planned, environment):
        runs[name, vms].append(one)
        save(results, KEPT)
    return results


def _warm_up(work: Path) -> None:
    """Four groups have every shape: all that a render keeps for the next is there before the first round."""
    folder = work / "warm"
    write_fleet(200, folder)
    run((str(VMGEN), "render"), folder, common_environment(work))


def _plot(image: Path) -> None:
    if subprocess.run([str(PYTHON), "-m", "benchmarks.plot", str(KEPT), str(image)], cwd=ROOT, check=False).returncode:
        print("the plot was not drawn: `make bench` sets up what it needs", file=sys.stderr)


def _about(peer: Peer) -> str:
    return f"{peer.name} {peer.version} ({peer.how})"


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _options() -> argparse.Namespace:
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
