"""Places that can be clicked: OSC 8 hyperlinks, on terminals that are known to have them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from vmgen.problems import Place

# A text and the place that it names, as what to print.
Link = Callable[[str, Place], str]

_PROGRAMS = {"iTerm.app", "WezTerm", "vscode", "Hyper", "ghostty", "rio", "Tabby"}
_TERMS = ("xterm-kitty", "alacritty", "foot", "wezterm", "xterm-ghostty", "contour")
_SIGNS = ("WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM")
_FIRST_VTE = 5000  # 0.50, the first without a crash on long links


def no_link(text: str, place: Place) -> str:  # noqa: ARG001 - the link that leaves text as it is
    """No hyperlink."""
    return text


def link_for(stream: TextIO, root: Path) -> Link:
    """The links for a stream: none where it is no terminal, or one that would show them as rubbish."""
    if not stream.isatty() or not _supported():
        return no_link
    import socket

    host = socket.gethostname()

    def link(text: str, place: Place) -> str:
        from urllib.parse import quote

        line = f"#{place.line}" if place.line else ""
        return f"\x1b]8;;file://{host}{quote(str((root / place.file).resolve()))}{line}\x1b\\{text}\x1b]8;;\x1b\\"

    return link


def _supported() -> bool:
    variables = os.environ
    forced = variables.get("FORCE_HYPERLINK")
    if forced:
        return forced != "0"
    term, vte = variables.get("TERM", ""), variables.get("VTE_VERSION", "")
    return (
        variables.get("TERM_PROGRAM") in _PROGRAMS
        or term.startswith(_TERMS)
        or any(sign in variables for sign in _SIGNS)
        or (vte.isdecimal() and int(vte) >= _FIRST_VTE)
    )
