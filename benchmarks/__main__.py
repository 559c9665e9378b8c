"""`make bench`: every size and scenario, vmgen and its peers in turn, medians into docs/performance.md and a plot."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks.fleets import change_one_vm, write_environments
from benchmarks.measure import Run, medians, run
from benchmarks.page import Results, write_page
from benchmarks.peers import helm, helm_command
from benchmarks.plot import write_plot

ROOT = Path(__file__).resolve().parent.parent
SIZES = (3, 100, 1_000, 10_000, 50_000)
RUNS = {3: 15, 100: 15, 1_000: 11, 10_000: 7, 50_000: 3}
VMGEN = [sys.executable, "-m", "generator", "render"]


def measured(vms: int, rounds: int, work: Path, peer: str | None) -> Iterator[tuple[str, Run]]:
    """Each scenario once in each round, in turn, so that a slow minute of the machine slows all of them."""
    fleet = work / "fleet"
    other = helm_command(peer) if peer else None
    for round_ in range(rounds):
        write_environments(vms, fleet)
        yield "vmgen cold", run(VMGEN, fleet)
        if other:
            yield "helm", run(other(vms, work), work)
        yield "vmgen no-op", run(VMGEN, fleet)
        change_one_vm(fleet, round_)
        yield "vmgen one VM changed", run(VMGEN, fleet)
    shutil.rmtree(fleet, ignore_errors=True)


def starts(rounds: int, work: Path) -> Iterator[tuple[str, Run]]:
    """What a start costs before any work."""
    for _ in range(rounds):
        yield "python -c pass", run([sys.executable, "-c", "pass"], work)
        yield "vmgen --version", run([*VMGEN[:-1], "--version"], work)
        yield "vmgen --help", run([*VMGEN[:-1], "--help"], work)


def main() -> None:
    """Measure, and write the page."""
    options = _options()
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        work = Path(folder)
        peer = helm(ROOT / ".vmgen" / "peers")
        runs: dict[tuple[str, int], list[Run]] = defaultdict(list)
        for name, one in starts(15, work):
            runs[name, 0].append(one)
        for vms in options.sizes:
            for name, one in measured(vms, options.runs or RUNS.get(vms, 5), work, peer):
                runs[name, vms].append(one)
            print(f"{vms} VMs measured", file=sys.stderr)
    results: Results = {key: medians(several) for key, several in runs.items()}
    counts = {key: len(several) for key, several in runs.items()}
    if options.write:
        write_plot(results, ROOT / "docs" / "performance.svg")
    text = write_page(results, counts, f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    if options.write:
        (ROOT / "docs" / "performance.md").write_text(text, encoding="utf-8")
    print(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of VMs")
    parser.add_argument("--runs", type=int, help="rounds for each size")
    parser.add_argument("--folder", help="where fleets are written; a file system in memory measures the tools alone")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its plot")
    return parser.parse_args()


if __name__ == "__main__":
    main()
