"""Work by several processes is the same as work by one, whatever happens to the others, and leaves none of them behind."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmgen.hands import Sent, answers, hands

CHECKOUT = Path(__file__).resolve().parent.parent
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.binary(max_size=5)
ITEMS = st.lists(PLAIN | st.lists(PLAIN, max_size=2), max_size=9)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be forked off here")


def described(item: Any) -> tuple[str, Any]:
    """Some work on an item."""
    return repr(item), item


@settings(max_examples=25, database=None)
@given(ITEMS, st.integers(1, 6))
def test_the_answers_are_those_of_a_loop(items: list[Any], most: int) -> None:
    """Any number of processes gives what one loop gives, in the same order."""
    assert answers(described, items, most) == [described(item) for item in items]


@pytest.mark.parametrize(("items", "most", "processes"), [(6, 1, 1), (6, 3, 3), (5, 2, 2), (1, 4, 1)])
def test_how_many_work(items: int, most: int, processes: int) -> None:
    """As many processes work as may, and none without an item."""
    assert len(set(answers(lambda item: os.getpid(), list(range(items)), most))) == processes


def test_what_is_left_to_this_process_is_done_when_it_asks() -> None:
    """The first items are worked on here, in their order, while others work on the rest from the beginning."""
    done: list[int] = []
    sent = Sent(lambda item: (done.append(item), os.getpid())[1], [1, 2, 3, 4], others=1, own=2)
    assert done == []
    assert [found == os.getpid() for found in sent.answers()] == [True, True, False, False]
    assert done == [1, 2]


@pytest.mark.parametrize(("others", "own"), [(0, 0), (0, 2), (1, 0), (2, 1), (5, 0), (3, 4)])
def test_any_share_gives_the_same(others: int, own: int) -> None:
    """However many work, and whatever is left to this process, the answers are the same."""
    assert Sent(described, "abcd", others, own).answers() == [described(item) for item in "abcd"]


def test_answers_of_any_length_come_back() -> None:
    """An answer that is longer than a pipe holds does not keep anybody waiting."""
    assert answers(lambda item: item * 300_000, ["a", "b", "c", "d"], 3) == [letter * 300_000 for letter in "abcd"]


@pytest.mark.parametrize("item", [0, 1, 2, 3])
def test_what_is_raised_is_raised_here(item: int) -> None:
    """An item that cannot be worked on raises its own error, whoever met it first."""

    def work(number: int) -> int:
        if number == item:
            raise KeyError(number)
        return number

    with pytest.raises(KeyError, match=str(item)):
        answers(work, [0, 1, 2, 3], 3)


class _Own:
    """What marshal does not take."""


FAILING: dict[str, Callable[[], Any]] = {
    "an error": lambda: 1 / 0,
    "an end": lambda: sys.exit(3),
    "a signal that kills": lambda: os.kill(os.getpid(), 9),
    "an answer that is no plain data": _Own,
}


@pytest.mark.parametrize("fail", FAILING.values(), ids=FAILING)
def test_what_another_process_did_not_do_is_done_here(fail: Callable[[], Any]) -> None:
    """A process that ends in the middle of its items, however it does, costs only time."""
    here = os.getpid()

    def work(number: int) -> Any:
        return fail() if os.getpid() != here and number == 4 else number

    assert answers(work, list(range(7)), 3) == list(range(7))


def test_an_answer_that_is_cut_off_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed while it answers has answered nothing."""
    dumps = marshal.dumps
    monkeypatch.setattr(marshal, "dumps", lambda value: dumps(value)[:-1])
    monkeypatch.setattr(os, "_exit", lambda code: os.kill(os.getpid(), 9))
    assert answers(described, [1, 2, 3], 3) == [described(1), described(2), described(3)]


@pytest.mark.parametrize(("files", "processors", "wanted"), [(10, 64, 1), (10**6, 1, 1), (10**6, 3, 3), (10**6, 64, 4)])
def test_hands(files: int, processors: int, wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Much work is for as many processes as there are processors, a few at the most, and little work for one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(processors)), raising=False)
    assert hands(files) == wanted


@pytest.mark.parametrize("lacking", ["fork", "sched_getaffinity"])
def test_one_where_none_can_be_forked_off(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without processes to fork off has one hand."""
    monkeypatch.delattr(os, lacking, raising=False)
    assert hands(10**6) == 1


def test_without_a_fork_all_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was meant for others is done here on a system that forks no processes off."""
    monkeypatch.delattr(os, "fork")
    assert answers(lambda item: os.getpid(), [1, 2, 3], 3) == [os.getpid()] * 3


# ---- what is left behind, looked at in a process that has no other children

ALONE = """
import os, signal, sys
from vmgen.hands import answers
HERE = os.getpid()
OPEN = len(os.listdir("/dev/fd"))
def work(number):
    {work}
try:
    print(answers(work, list(range(7)), 3))
except KeyError as error:
    print("raised", error)
try:
    print("left", os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("none left,", len(os.listdir("/dev/fd")) - OPEN, "open")
"""
NOTHING_LEFT: dict[str, tuple[str, str]] = {
    "all went well": ("return number", "[0, 1, 2, 3, 4, 5, 6]"),
    "one was killed": (
        "os.kill(os.getpid(), signal.SIGKILL) if os.getpid() != HERE and number == 4 else None; return number",
        "[0, 1, 2, 3, 4, 5, 6]",
    ),
}
RAISED = {"here": 0, "in another process": 4}


def alone(work: str) -> list[str]:
    """What a process of its own prints that lets others work."""
    code = ALONE.replace("{work}", work)
    paths = {**os.environ, "PYTHONPATH": str(CHECKOUT / "generator")}
    done = subprocess.run([sys.executable, "-c", code], env=paths, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize(("work", "said"), NOTHING_LEFT.values(), ids=NOTHING_LEFT)
def test_nothing_is_left_behind(work: str, said: str) -> None:
    """Afterwards there is no process that nobody waits for, and no pipe that is open; and each line is printed once."""
    assert alone(work) == [said, "none left, 0 open"]


@pytest.mark.parametrize("number", RAISED.values(), ids=RAISED)
def test_nothing_is_left_behind_where_an_item_raised(number: int) -> None:
    """Nor where an item cannot be worked on."""
    assert alone(f"return {{}}[number] if number == {number} else number") == [f"raised {number}", "none left, 0 open"]


def test_a_process_that_cannot_be_forked_off_costs_only_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no more processes may be made, all is done here."""

    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    assert answers(described, [1, 2], 2) == [described(1), described(2)]
