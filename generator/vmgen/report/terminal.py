"""Colour, on a terminal only. NO_COLOR and `--color` decide before the terminal does.

Places that can be clicked: OSC 8 hyperlinks, on terminals that are known to have them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from vmgen.problems import Place

Paint = Callable[[str, str], str]

_SGR_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35"}


def no_paint(text: str, style: str) -> str:  # noqa: ARG001 - the paint that leaves text as it is
    """No colour."""
    return text


def _apply_sgr(text: str, style: str) -> str:
    return f"\x1b[{_SGR_CODES[style]}m{text}\x1b[0m"


def choose_paint(stream: TextIO, choice: str) -> Paint:
    """The paint for a stream; `choice` is auto, always or never."""
    if choice == "auto":
        wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    else:
        wanted = choice == "always"
    return _apply_sgr if wanted else no_paint


# A text and the place that it names, as what to print.
Link = Callable[[str, Place], str]

_TERM_PROGRAMS = {"iTerm.app", "WezTerm", "vscode", "Hyper", "ghostty", "rio", "Tabby"}
_TERM_PREFIXES = ("xterm-kitty", "alacritty", "foot", "wezterm", "xterm-ghostty", "contour")
_TERMINAL_VARIABLES = ("WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM")
_MIN_VTE_VERSION = 5000  # 0.50, the first without a crash on long links


def no_link(text: str, place: Place) -> str:  # noqa: ARG001 - the link that leaves text as it is
    """No hyperlink."""
    return text


def choose_link(stream: TextIO, root: Path) -> Link:
    """The links for a stream: none where it is no terminal, or one that would show them as rubbish."""
    if not stream.isatty() or not _supports_hyperlinks():
        return no_link
    import socket

    host = socket.gethostname()

    def link(text: str, place: Place) -> str:
        from urllib.parse import quote

        line = f"#{place.line}" if place.line else ""
        return f"\x1b]8;;file://{host}{quote(str((root / place.file).resolve()))}{line}\x1b\\{text}\x1b]8;;\x1b\\"

    return link


def _supports_hyperlinks() -> bool:
    variables = os.environ
    forced = variables.get("FORCE_HYPERLINK")
    if forced:
        return forced != "0"
    term, vte = variables.get("TERM", ""), variables.get("VTE_VERSION", "")
    return (
        variables.get("TERM_PROGRAM") in _TERM_PROGRAMS
        or term.startswith(_TERM_PREFIXES)
        or any(sign in variables for sign in _TERMINAL_VARIABLES)
        or (vte.isdecimal() and int(vte) >= _MIN_VTE_VERSION)
    )
