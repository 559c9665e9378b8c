"""Runs scenarios in rounds, each once a round, so that a slow minute of the machine slows all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.measure import Run, run
from benchmarks.scenarios import SHARING, Scenario

T = TypeVar("T")
Named = tuple[str, Run]


def rotated(items: Sequence[T], by: int) -> tuple[T, ...]:
    """The items from another one on, around: who comes after whom stays the same, and no one is always first."""
    at = by % len(items) if items else 0
    return (*items[at:], *items[:at])


def in_order(scenarios: Sequence[Scenario], round_: int) -> Iterator[Scenario]:
    """The scenarios, rotated; those that share a fleet take their turns in the order in which they need it."""
    sharing = iter([each for each in scenarios if each.name in SHARING])
    for each in rotated(scenarios, round_):
        yield next(sharing) if each.name in SHARING else each


def measured(
    scenarios: Mapping[int, Sequence[Scenario]], rounds: Mapping[int, int], environment: Mapping[str, str]
) -> Iterator[tuple[str, int, Run]]:
    """Every scenario that takes part at its size, in every round, and all sizes in each round as long as they have one left.

    So a slow hour slows all sizes, and the growth from one to another is that of the program.
    """
    for round_ in range(max(rounds.values())):
        for vms, of_size in scenarios.items():
            taking = [each for each in of_size if each.takes(vms)] if round_ < rounds[vms] else []
            for each in in_order(taking, round_):
                each.prepare(vms, round_)
                yield each.name, vms, run(each.command, each.folder, {**environment, **each.environment})


def starts(vmgen: Path, rounds: int, work: Path, environment: Mapping[str, str]) -> Iterator[Named]:
    """What a start costs before any work, beside a start of the same Python."""
    commands = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "vmgen --version": (str(vmgen), "--version"),
        "vmgen --help": (str(vmgen), "--help"),
    }
    for round_ in range(rounds):
        for name, command in rotated(tuple(commands.items()), round_):
            yield name, run(command, work, environment)
