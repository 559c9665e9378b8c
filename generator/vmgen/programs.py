"""Start programs, each in a group of processes of its own, and end the whole group at a time limit or an interrupt.

A worker process of vmgen itself ends when the process that started it does.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen


class ProgramTimeout(Exception):
    """A program did not end in time, and was ended with all that it had started."""


def start_program(
    command: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Popen[bytes]:
    """Start a program with pipes for its three streams. Raises OSError, FileNotFoundError if there is none of that name."""
    import subprocess  # most commands start no program

    return subprocess.Popen(  # noqa: S603 - the commands are fixed
        list(command),
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0 if hasattr(os, "killpg") else None,
    )


def finish_program(process: Popen[bytes], seconds: float, content: bytes = b"") -> tuple[bytes, bytes]:
    """Give a program its input, wait for its end, and return its stdout and stderr.

    Raises ProgramTimeout after so many seconds. Whatever is raised, nothing that the program started goes on.
    """
    from subprocess import TimeoutExpired

    try:
        return process.communicate(content, timeout=seconds)
    except BaseException as error:  # mostly Ctrl-C
        # The whole group: git starts helpers, which would go on with the pipes open, and keep `communicate` waiting.
        _kill_group(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.close()  # type: ignore[union-attr]
        process.wait()
        if isinstance(error, TimeoutExpired):
            raise ProgramTimeout from None
        raise


def kill_program(process: Popen[bytes]) -> None:
    """End a program that is still running, with all that it has started."""
    if process.poll() is None:
        _kill_group(process)


def _kill_group(process: Popen[bytes]) -> None:
    """Kill the group of a process that was not waited for yet, so that its number is still its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def end_with_parent() -> None:
    """Let this worker end as soon as its parent does, however that ends: nobody else would ever give it work.

    A worker waits on a queue whose other end its siblings hold open too, so that it never learns that the parent is gone.
    """
    import threading
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        # A thread of its own, since the worker itself is busy rendering, or waits in a call of the system.
        threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()


def _exit_after(sentinel: int) -> None:
    from multiprocessing.connection import wait

    wait([sentinel])
    os._exit(1)  # nothing to clean up: a worker writes no file
