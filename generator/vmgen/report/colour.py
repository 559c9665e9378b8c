"""Colour, on a terminal only. NO_COLOR and `--color` decide before the terminal does."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO

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
