"""`vmgen`, and `python -m generator`: where a run begins, and where its process ends."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run a command and end the process.

    A run is short, and its values are in no circles: it is not interrupted to look for garbage, and what it holds goes back to
    the system in one piece, not value by value. Both are a third of the time of a small run.
    """
    gc.disable()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # whoever read went away; there is nobody left to tell
        code = code or 1
    os._exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of a command line. What scripts and people ask for most needs no library that reads options."""
    if arguments == ["--version"]:
        from generator import __version__

        sys.stdout.write(f"vmgen {__version__}\n")
        return 0
    if arguments in (["--help"], ["-h"]):
        from generator.cli.overview import overview

        sys.stdout.write(overview())
        return 0
    if arguments[:1] == ["render"] and not any(each.startswith("-") for each in arguments):
        from generator.cli.rendering import render

        return render(arguments[1:])
    from generator.cli.app import main as called

    return called(arguments)


if __name__ == "__main__":
    main()
