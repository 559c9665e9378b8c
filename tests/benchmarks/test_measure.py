"""How one command is measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.measure import run


def test_a_command_runs_in_its_folder_and_environment(tmp_path: Path) -> None:
    """The command finds itself where it was sent, with what it was given, and its figures are told."""
    program = "import os; open('seen', 'w').write(os.environ['GIVEN'])"
    one = run((sys.executable, "-c", program), tmp_path, {"GIVEN": "this"})
    assert (tmp_path / "seen").read_text() == "this"
    assert min(one) > 0


def test_memory_is_the_command_s_own(tmp_path: Path) -> None:
    """What this process holds does not count for what it measures."""
    held = bytearray(200 * 1024**2)
    assert run(("true",), tmp_path, {}).memory < len(held) / 1024**2 / 4


@pytest.mark.parametrize(
    ("command", "said"),
    [((sys.executable, "-c", "raise SystemExit('oh')"), "exit code 1\noh"), (("no-such-command",), "could not be started")],
)
def test_a_command_that_fails_is_an_error(command: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """No figures come from a command that failed, or that is not there."""
    with pytest.raises(RuntimeError, match=said):
        run(command, tmp_path, {})
