"""Colours and hyperlinks: on the terminals that have them, and nowhere else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from vmgen.problems import Place
from vmgen.report.terminal import choose_link, choose_paint

LINK_VARIABLES = "FORCE_HYPERLINK TERM_PROGRAM WT_SESSION KITTY_WINDOW_ID KONSOLE_VERSION DOMTERM VTE_VERSION"


class Stream(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "choice", "variables", "coloured"),
    [
        (True, "auto", {}, True),
        (False, "auto", {}, False),
        (True, "auto", {"NO_COLOR": "1"}, False),
        (True, "auto", {"NO_COLOR": ""}, True),
        (True, "auto", {"TERM": "dumb"}, False),
        (True, "never", {}, False),
        (False, "always", {}, True),
        (True, "always", {"NO_COLOR": "1"}, True),
    ],
)
@pytest.mark.usefixtures("plain_terminal")
def test_colour(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, choice: str, variables: dict[str, str], coloured: bool
) -> None:
    """Colour on a terminal only; NO_COLOR decides over it, and `--color` over both."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    text = choose_paint(Stream(terminal=terminal), choice)("error", "red")
    assert text == ("\x1b[31merror\x1b[0m" if coloured else "error")


@pytest.mark.parametrize(
    ("terminal", "variables", "linked"),
    [
        (True, {}, False),
        (True, {"VTE_VERSION": "4999"}, False),
        (True, {"VTE_VERSION": "5000"}, True),
        (False, {"VTE_VERSION": "5000"}, False),
        (True, {"VTE_VERSION": "5000", "FORCE_HYPERLINK": "0"}, False),
        (True, {"FORCE_HYPERLINK": "1"}, True),
        (True, {"TERM_PROGRAM": "vscode"}, True),
        (True, {"TERM": "xterm-kitty"}, True),
        (True, {"WT_SESSION": "1"}, True),
    ],
)
def test_places_are_links_on_terminals_that_have_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, terminal: bool, variables: dict[str, str], linked: bool
) -> None:
    """OSC 8 goes to terminals that are known to show it, and to no pipe."""
    for name in LINK_VARIABLES.split():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    place = Place("environments/a b.yaml", 3, 1)
    text = choose_link(Stream(terminal=terminal), tmp_path)("here", place)
    if linked:
        assert text.startswith("\x1b]8;;file://")
        assert text.endswith("/environments/a%20b.yaml#3\x1b\\here\x1b]8;;\x1b\\")
    else:
        assert text == "here"
