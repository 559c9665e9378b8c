"""The order of what is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import rounds
from benchmarks.measure import Run
from benchmarks.peers.peer import Peer
from benchmarks.rounds import rotate, run_rounds
from benchmarks.scenarios import BUILDS, CHANGED, COLD, COMMANDS, GIT, NO_OP, Scenario, build_scenarios

OTHERS = (*COMMANDS, BUILDS)
SLOW = Peer("slow", "1.0", 100, "one file", lambda values, output: ("slow", str(values), str(output)))
FAST = Peer("fast", "1.0", 50_000, "one file", lambda values, output: ("fast", str(values), str(output)))


def recorded(each: Scenario, ran: list[str]) -> Scenario:
    """The scenario, without its preparation, that notes when it runs."""
    return each._replace(prepare=lambda vms, round_: ran.append(each.name))


def order(vms: int, rounds_: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what runs, in its order, while nothing is run."""
    monkeypatch.setattr(rounds, "run", lambda *_: Run(1, 1, 1))
    ran: list[str] = []
    scenarios = build_scenarios(Path("vmgen"), (FAST, SLOW), Path("work"))
    renders = [recorded(scenario, ran) for scenario in scenarios if scenario.name not in OTHERS]
    assert [name for name, _, _ in run_rounds({vms: renders}, {vms: rounds_}, {})] == ran
    return ran


def test_items_are_rotated() -> None:
    """The second of one round is the first of the next."""
    assert [rotate("abc", by) for by in range(4)] == [("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b"), ("a", "b", "c")]
    assert rotate("", 3) == ()


def test_each_runs_once_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """All have as many runs, and not the same one begins each round."""
    ran = order(3, 6, monkeypatch)
    per_round = [ran[start : start + 5] for start in range(0, len(ran), 5)]
    assert all(sorted(one) == sorted([COLD, "fast", NO_OP, "slow", CHANGED]) for one in per_round)
    assert {one[0] for one in per_round} == {COLD, "fast", "slow"}


def test_a_render_comes_before_the_no_op_and_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever begins a round, of the three that share a fleet the order stays."""
    shared = [name for name in order(10_000, 9, monkeypatch) if name in (COLD, NO_OP, CHANGED)]
    assert shared == [COLD, NO_OP, CHANGED] * 9


@pytest.mark.parametrize(("vms", "missing"), [(100, {GIT}), (1_000, {"slow"}), (50_000, {"slow", GIT})])
def test_some_take_part_at_some_sizes(vms: int, missing: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow peer stays out of large fleets, and Git is measured at two sizes."""
    assert {COLD, NO_OP, CHANGED, GIT, "fast", "slow"} - set(order(vms, 1, monkeypatch)) == missing


def test_all_sizes_take_part_in_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round goes through all sizes, and a size with fewer rounds is left out of the last ones."""
    monkeypatch.setattr(rounds, "run", lambda *_: Run(1, 1, 1))
    one = Scenario("one", ("one",), Path("work"), lambda vms, round_: None)
    runs = run_rounds({3: [one], 1_000: [one]}, {3: 3, 1_000: 2}, {})
    assert [vms for _, vms, _ in runs] == [3, 1_000, 3, 1_000, 3]
