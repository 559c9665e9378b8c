"""The page of results: docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from textwrap import fill

from benchmarks.fleets import measure_input_kib
from benchmarks.measure import Run
from benchmarks.promises import PROMISES, Promise
from benchmarks.results import Ratio, Results, compute_ratio, compute_slope, find_medians
from benchmarks.scenarios import BUILDS, CHANGED, CHECK, COLD, COMMANDS, GIT, NO_OP

LARGEST_FLEET = 50_000
HEAD = """\
<!-- Made by `make bench`. Do not edit. -->

# Performance
"""
METHOD = """\
Whole processes, medians. In each round everything runs once, in an order that rotates from round to round. The machine
({machine}) is shared: read the ratios, which are taken within each round, not the seconds. Memory is that of a command's
largest process."""
FLEET = """\
A fleet is three objects a VM, in groups of 1 to 500 VMs and three environments. Two thirds of the groups have user data from a
template, which writes the name of each VM; every tenth VM has a size of its own, every fourth group is exposed. vmgen writes
one file an object, and the kustomizations."""
SITUATIONS = """\
- *cold*: no manifests, no stamps. *cold, Git*: in a repository with one commit.
- *no-op*: no change since a render. *one VM changed*: one line differs.
- *plan*, *check*, *impact*, *explain*, *list* and *status* run on a fleet whose manifests are committed; *import* reads
  all of it into an empty repository. *kustomize alone* builds the same manifests in parts of 200, one after the other, with the
  kustomize of check.
"""


def format_page(results: Results) -> str:
    """Return the whole page. It names the peers that were not measured, or not at a size."""
    parts = (HEAD, _wrap(METHOD.format(machine=results.machine)), _wrap(FLEET), SITUATIONS)
    return "\n".join((*parts, *_describe_peers(results), *_format_tables(results), *_format_end(results)))


def _describe_peers(results: Results) -> Iterator[str]:
    largest, rounds = max(results.sizes), {len(runs) for (name, vms), runs in results.runs.items() if vms and name == COLD}
    if largest < LARGEST_FLEET:
        yield _wrap(f"This run was a short one: up to {largest:,} VMs, in {min(rounds)} rounds.")
    if results.peers:
        yield _wrap("Peers render the same objects: " + "; ".join(results.peers.values()) + ".")
    for name, reason in results.absent.items():
        yield _wrap(f"{name} was not measured: {reason}.")
    for name in results.peers:
        missing = [f"{vms:,}" for vms in results.sizes if (name, vms) not in results.runs]
        if missing:
            yield _wrap(f"{name} was not measured at {' and '.join(missing)} VMs: it would take most of the run.")


def _format_tables(results: Results) -> Iterator[str]:
    yield "## Promises\n"
    yield _format_table(("", "limit", "measured", "held"), (_format_promise(each, results) for each in PROMISES))
    yield "## Wall seconds (CPU seconds; peak MiB)\n"
    yield _format_by_size(results, results.scenarios, lambda name, vms: _format_cell(results, name, vms))
    yield "## Ratios of CPU seconds\n"
    commands = {f"{name} / {COLD}": (name, COLD) for name in COMMANDS} | {f"{CHECK} / {BUILDS}": (CHECK, BUILDS)}
    yield _format_ratios(results, commands, of_cpu=True)
    yield "## Ratios of wall seconds\n"
    yield "The median of the ratios of each round; in brackets the ratio of the medians, where it differs.\n"
    against = [(COLD, peer) for peer in results.peers] + [(name, COLD) for name in (NO_OP, CHANGED, GIT)]
    titles = {f"{over} / {under}": (over, under) for over, under in against}
    yield _format_ratios(results, titles)
    yield "## Growth\n"
    yield "The exponent of CPU seconds from 1,000 VMs to the largest size of each: 1 is linear.\n"
    slopes = {name: compute_slope(results.runs, name) for name in results.scenarios}
    yield _format_table(
        ("", "exponent"), ((name, _format_figure(growth)) for name, growth in slopes.items() if growth is not None)
    )


def _format_ratios(results: Results, pairs: Mapping[str, tuple[str, str]], *, of_cpu: bool = False) -> str:
    def format_ratio(title: str, vms: int) -> str:
        return _format_figure(compute_ratio(results.runs, *pairs[title], vms, of_cpu=of_cpu))

    return _format_by_size(results, tuple(pairs), format_ratio)


def _format_by_size(results: Results, names: Sequence[str], cell: Callable[[str, int], str]) -> str:
    rows = [(name, *(cell(name, vms) for vms in results.sizes)) for name in names]
    rounds = ("rounds", *(str(len(results.runs.get((COLD, vms), ()))) for vms in results.sizes))
    return _format_table(("", *(f"{vms:,} VMs" for vms in results.sizes)), [*(row for row in rows if any(row[1:])), rounds])


def _format_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _format_promise(promise: Promise, results: Results) -> tuple[str, ...]:
    limit = f"{'under' if promise.under else 'at most'} {promise.limit:g}{promise.unit}"
    verdict = {True: "yes", False: "**no**", None: "not measured"}[promise.holds(results.runs)]
    return promise.what, limit, _format_figure(promise.figure(results.runs), promise.unit), verdict


def _format_figure(figure: Ratio | float | None, unit: str = "") -> str:
    if figure is None:
        return ""
    if not isinstance(figure, Ratio):
        return f"{figure:.0f}{unit}" if unit else f"{figure:.2f}"
    of_pairs, of_medians = f"{figure.of_pairs:.2f}", f"{figure.of_medians:.2f}"
    return of_pairs if of_pairs == of_medians else f"{of_pairs} ({of_medians})"


def _format_cell(results: Results, name: str, vms: int) -> str:
    run = find_medians(results.runs, name, vms)
    return "" if run is None else f"{_format_seconds(run.wall)} ({_format_seconds(run.cpu)}; {run.memory:.0f})"


def _format_seconds(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


def _format_end(results: Results) -> Iterator[str]:
    names = [name for name, vms in results.runs if vms == 0]
    if names:
        yield "## Starts\n"
        rows = (
            (name, _format_cell(results, name, 0), _format_figure(compute_ratio(results.runs, name, "python -c pass", 0)))
            for name in names
        )
        yield _format_table(("", "wall seconds (CPU seconds; peak MiB)", "of `python -c pass`"), rows)
    small, large = (find_medians(results.runs, COLD, vms) for vms in (10_000, 50_000))
    if small and large:
        yield "## Memory\n"
        yield _wrap(_describe_memory_growth(small, large))
    yield "![Wall seconds over the number of VMs](performance.svg)\n"


def _describe_memory_growth(small: Run, large: Run) -> str:
    before, after = measure_input_kib(10_000), measure_input_kib(50_000)
    return (
        f"From 10,000 to 50,000 VMs the environments grow {after / before:.1f} times, from {before:.0f} to {after:.0f} KiB; "
        f"the peak memory of a cold render grows {large.memory / small.memory:.1f} times, "
        f"from {small.memory:.0f} to {large.memory:.0f} MiB."
    )


def _wrap(text: str) -> str:
    return fill(text, 128, break_long_words=False, break_on_hyphens=False) + "\n"
