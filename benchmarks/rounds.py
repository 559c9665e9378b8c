"""Run scenarios in rounds, each once a round, so that a slow minute of the machine slows all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.measure import Run, run
from benchmarks.scenarios import SHARING, Scenario

LIBRARIES = "imports of a render's libraries"
T = TypeVar("T")
Named = tuple[str, Run]


def rotate(items: Sequence[T], by: int) -> tuple[T, ...]:
    """Return the items from another one on, and then those before it: their order stays, and none is always first."""
    at = by % len(items) if items else 0
    return (*items[at:], *items[:at])


def order_scenarios(scenarios: Sequence[Scenario], round_: int) -> Iterator[Scenario]:
    """Yield the scenarios, rotated; those that share a fleet take their turns in the order in which they need it."""
    sharing = iter([each for each in scenarios if each.name in SHARING])
    for each in rotate(scenarios, round_):
        yield next(sharing) if each.name in SHARING else each


def run_rounds(
    scenarios: Mapping[int, Sequence[Scenario]], rounds: Mapping[int, int], environment: Mapping[str, str]
) -> Iterator[tuple[str, int, Run]]:
    """Run each scenario at each size in which it takes part, once a round, and yield its name, the size and the run.

    A round goes through all sizes that have rounds left. So a slow hour slows all sizes, and the growth from one to another is
    that of the program.
    """
    for round_ in range(max(rounds.values())):
        for vms, of_size in scenarios.items():
            participants = [scenario for scenario in of_size if scenario.takes(vms)] if round_ < rounds[vms] else []
            for scenario in order_scenarios(participants, round_):
                scenario.prepare(vms, round_)
                yield scenario.name, vms, run(scenario.command, scenario.folder, environment)


def run_starts(vmgen: Path, rounds: int, work: Path, environment: Mapping[str, str]) -> Iterator[Named]:
    """Run what every start does before any work, beside a start of the same Python, and yield its name and the run.

    The libraries alone are the part of a render that no change of vmgen makes faster.
    """
    commands = {
        "python -c pass": (sys.executable, "-c", "pass"),
        LIBRARIES: (sys.executable, "-c", "import click, filelock, jinja2, jsonschema_rs, yaml"),
        "vmgen --version": (str(vmgen), "--version"),
        "vmgen --help": (str(vmgen), "--help"),
    }
    for round_ in range(rounds):
        for name, command in rotate(tuple(commands.items()), round_):
            yield name, run(command, work, environment)
