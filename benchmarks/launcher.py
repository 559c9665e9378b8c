"""Start one command, wait for it, and print what it took: exit code, wall seconds, CPU seconds, peak MiB.

A small process between the benchmark and what it measures: the system counts a process's peak memory from its parent's, so
that nothing that a large parent starts could seem smaller than it. Run with `-I -S`, it is smaller than any Python program.
"""

from __future__ import annotations

import os
import sys
import time

# getrusage(2) counts KiB, on macOS bytes.
_PER_MIB = 1024**2 if sys.platform == "darwin" else 1024


def main(command: list[str]) -> None:
    """Run the command to its end, its output thrown away."""
    silent = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    start = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=[silent])
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - start
    print(os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _PER_MIB)


if __name__ == "__main__":
    main(sys.argv[1:])
