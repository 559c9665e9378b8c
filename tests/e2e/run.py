"""`make e2e`: rendered manifests, delivered by a real Argo CD and a real Flux to a real API server, and what becomes of them.

Each check prints what was seen. All that runs is on loopback, and has ended when this program has. With words as arguments,
only the checks run that have one of them in their names.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import Bench
from checks import CHECKS
from isolated import isolate
from programs import built


def main() -> int:
    """Run the checks, in their order; the first that fails ends the run, with the ends of the engines' logs."""
    programs, definitions = built()
    isolate()
    with tempfile.TemporaryDirectory(prefix="vmgen-e2e-") as temporary, ExitStack() as ending:
        begun = time.monotonic()
        try:
            bench = Bench(programs, definitions, Path(temporary), ending)
            print(f"the API server, Argo CD and Flux are up ({time.monotonic() - begun:.0f} s)", flush=True)
            words = sys.argv[1:] or [""]
            checks = [check for check in CHECKS if any(word in check.__name__ for word in words)]
            for number, check in enumerate(checks, start=1):
                print(f"\n{number}. {(check.__doc__ or '').strip()}", flush=True)
                for evidence in check(bench):
                    print(f"   {evidence}", flush=True)
        except AssertionError as failure:
            print(f"\nFAILED: {failure}", flush=True)
            for log in sorted((Path(temporary) / "logs").glob("*.log")):
                lines = [line[:300] for line in log.read_text(errors="replace").splitlines()[-8:]]
                print(f"--- {log.name}", *lines, sep="\n")
            return 1
        print(f"\nall {len(checks)} checks hold ({time.monotonic() - begun:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
