"""`--timings` says where the time of a run went and changes nothing else; progress is for terminals only."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from vmgen.cli import session
from vmgen.cli.session import Progress, Timings

GOOD = "namespace: tenant-acme\nvms: {web: {count: 2, instanceType: u1.large, image: ubuntu-2404, storageClass: local}}\n"
BAD = "namespace: tenant-acme\nvms: {web: {cuont: 3}}\n"
LINE = re.compile(r"(?P<stage>[a-z]+) +(?P<spent>\d+\.\d) ms +(?P<share>\d+\.\d)%")
LISTED = ["start", "list"]
PIPELINE = ["import", "baseline", "read", "merge", "check", "expand", "render", "compare", "gate"]
CHECKED = [*LISTED, "baseline", "import", "read", "merge", "check", "expand", "render", "compare", "gate", "drift"]
STAGES: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "render": (("render",), [*LISTED, "stamps", *PIPELINE, "write", "all"]),
    "render one": (("render", "production"), [*LISTED, "stamps", *PIPELINE, "write", "all"]),
    "render --check": (("render", "--check"), [*LISTED, "stamps", *PIPELINE, "all"]),
    "render --stdout": (("render", "--stdout"), [*LISTED, *PIPELINE, "all"]),
    "check before": (("check",), [*CHECKED, "all"]),
}


def spent(messages: str) -> dict[str, float]:
    """The milliseconds of each line of a timing, by its stage."""
    found = (LINE.fullmatch(line) for line in messages.splitlines())
    return {match["stage"]: float(match["spent"]) for match in found if match}


def others(messages: str) -> list[str]:
    """The lines of the messages that are no timings."""
    return [line for line in messages.splitlines() if not LINE.fullmatch(line)]


@pytest.fixture
def good(repository: Callable) -> Callable:
    """Makes a repository of one environment, with a warning."""

    def made() -> Any:
        new = repository(GOOD)
        new.uncommitted()
        return new

    return made


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kustomize builds what it should."""
    monkeypatch.setattr("vmgen.kustomize.builds.verify_builds", lambda *_, **__: [])


@pytest.mark.parametrize(("arguments", "stages"), STAGES.values(), ids=STAGES)
def test_every_stage_is_named(good: Callable, arguments: tuple[str, ...], stages: list[str]) -> None:
    """Each stage of a run stands on a line, in the order in which they began."""
    assert list(spent(good().run(*arguments, "--timings").messages)) == stages


def test_every_stage_of_a_check_is_named(good: Callable, no_engine: None) -> None:
    """So do those of a check that is passed: it also builds."""
    made = good()
    made.run("render")
    assert list(spent(made.run("check", "--timings").messages)) == [*CHECKED, "kustomize", "all"]


def test_a_run_without_work_has_few_stages(good: Callable) -> None:
    """Where nothing changed, nothing but the stamps is looked at."""
    made = good()
    made.run("render")
    assert list(spent(made.run("render", "--timings").messages)) == [*LISTED, "stamps", "all"]


COMMANDS: dict[str, tuple[str, ...]] = {
    "render": ("render",),
    "render --check": ("render", "--check"),
    "render --stdout": ("render", "--stdout"),
    "render what is not there": ("render", "nope"),
    "check": ("check",),
    "check as json": ("check", "-o", "json"),
    "render as sarif": ("render", "-o", "sarif"),
}


def seen(made: Any, arguments: tuple[str, ...]) -> tuple[int, bytes, list[str], dict[str, bytes]]:
    """The exit code, what was printed and written, and the messages but for the timings."""
    done = made.run(*arguments)
    return done.code, done.output, others(done.messages), made.files()


@pytest.mark.parametrize("text", [GOOD, BAD], ids=["good", "bad"])
@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_nothing_else_changes(repository: Callable, arguments: tuple[str, ...], text: str) -> None:
    """The exit code, stdout, the bytes and the other messages are those of the same run without timings."""
    plain, timed = (repository(text) for _ in range(2))
    assert seen(timed, (*arguments, "--timings")) == seen(plain, arguments)


ENDING: dict[str, tuple[str, ...]] = {
    "render with problems": ("render",),
    "check with problems": ("check",),
    "render of nothing": ("render", "nope"),
    "check of nothing": ("check", "nope"),
    "a ref that is not there": ("check", "--against", "nope"),
}


@pytest.mark.parametrize("arguments", ENDING.values(), ids=ENDING)
def test_timings_are_said_however_the_run_ends(repository: Callable, arguments: tuple[str, ...]) -> None:
    """A run that ends with problems, or cannot do its job, says where its time went."""
    done = repository(BAD).run(*arguments, "--timings")
    assert done.code > 0
    assert list(spent(done.messages))[-1] == "all"


def test_a_bug_is_timed_too(good: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a run that fails as nobody foresaw says where its time went."""

    def fail(*_: object, **__: object) -> None:
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr("vmgen.pipeline.evaluate", fail)
    done = good().run("render", "--timings")
    assert (done.code, list(spent(done.messages))[-1]) == (70, "all")


def test_a_stage_is_as_long_as_until_the_next_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's: stages that begin again are summed, and `start` has the time of the process before."""
    clock = iter([10.0, 11.0, 13.0, 17.0, 24.5])
    monkeypatch.setattr("time.process_time", lambda: 0.5)
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    timings = Timings()
    for stage in ("read", "merge", "read"):
        timings.start_stage(stage)
    assert timings.format_table().splitlines() == [
        "start    1500.0 ms  10.0%",
        "read     9500.0 ms  63.3%",
        "merge    4000.0 ms  26.7%",
        "all     15000.0 ms 100.0%",
    ]


def test_a_real_run_says_them(good: Callable) -> None:
    """A process of its own writes them before it ends."""
    done = good().process("render", "--timings")
    assert (done.returncode, list(spent(done.stderr.decode()))[-1]) == (0, "all")


def test_nothing_is_timed_unasked(good: Callable) -> None:
    """Without the option there is no such line."""
    assert spent(good().run("render").messages) == {}


# ---- progress


def test_progress_is_silent_away_from_a_terminal(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe or a log there is nothing to rewrite, so nothing is written."""
    monkeypatch.setattr(session, "_DELAY_SECONDS", 0.0)
    with Progress("rendering", 2) as progress:
        progress("one")
        time.sleep(0.01)
    assert capfd.readouterr().err == ""


class Terminal:
    """A stderr that says it is a terminal, and writes to the real one's descriptor."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


@pytest.mark.parametrize(("first", "shown"), [(0.0, True), (60.0, False)])
def test_progress_shows_on_a_terminal_when_the_work_is_long(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, first: float, shown: bool
) -> None:
    """Long work shows how far it has come in one line, which goes when it ends; short work shows nothing."""
    monkeypatch.setattr(session, "_DELAY_SECONDS", first)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress("rendering", 12) as progress:
        progress("one")
        for _ in range(200 if shown else 1):
            time.sleep(0.005)
            written = capfd.readouterr().err
            if "rendering 1/12, 0 s" in written:
                break
    assert ("rendering 1/12, 0 s" in written) is shown
    assert capfd.readouterr().err == ("\r\x1b[K" if shown else "")
