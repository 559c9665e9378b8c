"""The entry point of `vmgen` and of `python -m vmgen`."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process, and end the process with its exit code."""
    gc.disable()  # a run is short and builds few reference cycles; this and `os._exit` save a third of a small run
    from vmgen.cli.app import run  # what modules define when they are imported is no garbage either
    from vmgen.cli.errors import REFUSED

    # A process may be started with either stream closed.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    try:
        code = run(sys.argv[1:])
        sys.stderr.flush()
    except OSError:  # stderr cannot be written either: there is nobody left to tell
        code = REFUSED
    os._exit(code)  # stdout is flushed; this returns the memory at once instead of value by value


if __name__ == "__main__":
    main()
