"""The group of commands: its help, and what goes for all of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vmgen import __version__
from vmgen.cli.app import COMMANDS

SCREEN_LINES, SCREEN_COLUMNS = 44, 100


@pytest.mark.parametrize("options", [["--version"], ["-C", ".", "--version"]], ids=" ".join)
def test_version(vmgen: Callable, options: list[str]) -> None:
    """`--version` is the package's."""
    assert vmgen(*options).stdout == f"vmgen {__version__}\n"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_screen_and_shows_an_example(vmgen: Callable, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each help fits a screen, begins with its usage, and has an example."""
    monkeypatch.setenv("COLUMNS", str(SCREEN_COLUMNS))
    done = vmgen(*command.split(), "--help")
    lines = done.stdout.splitlines()
    assert (done.code, done.messages) == (0, "")
    assert lines[0].startswith(f"Usage: vmgen {command}".rstrip())
    assert len(lines) <= SCREEN_LINES
    assert max(map(len, lines)) <= SCREEN_COLUMNS
    assert "\n  Example: " in done.stdout


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command(vmgen: Callable, option: str) -> None:
    """The overview has a line for each command, in their order, and then the exit codes."""
    lines = vmgen(option).stdout.splitlines()
    start = lines.index("Commands:") + 1
    rows = [tuple(line.split(maxsplit=1)) for line in lines[start : start + len(COMMANDS)]]
    assert rows == list(COMMANDS.items())
    assert lines[start + len(COMMANDS) :] == [
        "",
        "  Exit status: 0 success; 1 check failed (problems, drift, data loss);",
        "  2 usage or runtime error; 70 a bug in vmgen.",
    ]
