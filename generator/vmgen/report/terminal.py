"""Colours and hyperlinks on terminals that support them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from vmgen.problems import Place
from vmgen.quantities import parse_number

# Takes a text and a style, returns what to print.
Paint = Callable[[str, str], str]
# Takes a text and the place that it names, returns what to print.
Link = Callable[[str, Place], str]

_SGR_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35"}
# Terminals with OSC 8 hyperlinks: https://github.com/Alhadis/OSC8-Adoption
_TERM_PROGRAMS = {"iTerm.app", "WezTerm", "vscode", "Hyper", "ghostty", "rio", "Tabby"}
_TERM_PREFIXES = ("xterm-kitty", "alacritty", "foot", "wezterm", "xterm-ghostty", "contour")
_TERMINAL_VARIABLES = ("WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM")
_MIN_VTE_VERSION = 5000  # 0.50, the first that does not crash on long links


def no_paint(text: str, style: str) -> str:  # noqa: ARG001
    """Return the text without colour."""
    return text


def choose_paint(stream: TextIO, choice: str) -> Paint:
    """Return the paint for a stream. `choice` is auto, always or never; variables of the environment count for auto."""
    return _apply_sgr if choice == "always" or (choice == "auto" and _wants_color(stream)) else no_paint


def _wants_color(stream: TextIO) -> bool:
    """Return whether to colour by default. https://no-color.org and https://force-color.org"""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _apply_sgr(text: str, style: str) -> str:
    return f"\x1b[{_SGR_CODES[style]}m{text}\x1b[0m"


def no_link(text: str, place: Place) -> str:  # noqa: ARG001
    """Return the text without a hyperlink."""
    return text


def choose_link(stream: TextIO, root: Path) -> Link:
    """Return the links for a stream; places are relative to `root`. None are made unless its terminal supports them."""
    if not stream.isatty() or not _supports_hyperlinks():
        return no_link
    import socket

    # A terminal opens the file only if the host is its own, so a link is dead over SSH rather than wrong.
    # https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda#file-uris-and-the-hostname
    host = socket.gethostname()

    def link(text: str, place: Place) -> str:
        from urllib.parse import quote

        line = f"#{place.line}" if place.line else ""
        return f"\x1b]8;;file://{host}{quote(str((root / place.file).resolve()))}{line}\x1b\\{text}\x1b]8;;\x1b\\"

    return link


def link_address(text: str, address: str) -> str:
    """Return the text as a hyperlink, if there is an address and the terminal supports links."""
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\" if address and _supports_hyperlinks() else text


def _supports_hyperlinks() -> bool:
    variables = os.environ
    # No terminal can be asked, so those known to support links are recognised by their variables.
    override = variables.get("FORCE_HYPERLINK")
    if override:
        return override != "0"
    vte_version = variables.get("VTE_VERSION", "")
    return (
        variables.get("TERM_PROGRAM") in _TERM_PROGRAMS
        or variables.get("TERM", "").startswith(_TERM_PREFIXES)
        or any(name in variables for name in _TERMINAL_VARIABLES)
        or (parse_number(vte_version) or 0) >= _MIN_VTE_VERSION
    )
