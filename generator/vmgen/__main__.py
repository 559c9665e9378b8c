"""`vmgen`, and `python -m vmgen`: where a run begins, and where its process ends."""

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
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - a process may be started without either
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    code = 0
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # whoever read went away; there is nobody left to tell
        code = code or 1
    except OSError as error:
        if code != 2:  # else it was said
            sys.stderr.write(f"vmgen: {error.strerror}\n")
        code = 2
    os._exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of a command line. What scripts and people ask for most needs no library that reads options."""
    if arguments == ["--version"]:
        from vmgen import __version__

        sys.stdout.write(f"vmgen {__version__}\n")
        return 0
    if arguments in (["--help"], ["-h"]):
        from vmgen.cli.overview import overview

        sys.stdout.write(overview())
        return 0
    command, names = arguments[:1], arguments[1:]
    if command in (["render"], ["check"]) and not any(name.startswith("-") for name in names):
        return _without_options(command[0], names)
    from vmgen.cli.app import main as called

    return called(arguments)


def _without_options(command: str, names: list[str]) -> int:
    if command == "check":
        from vmgen.cli.check import check

        return check(names)
    from vmgen.cli.render import render

    return render(names)


if __name__ == "__main__":
    main()
