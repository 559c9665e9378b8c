"""Start programs, each in a group of processes of its own, and end the whole group at a time limit or an interrupt.

A worker process of vmgen itself ends when the process that started it does.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from subprocess import Popen


# What is shown of the stderr of a program is a line or two.
_MAX_ERROR_BYTES = 1024 * 1024
_CHUNK_BYTES = 256 * 1024


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


def finish_program(
    process: Popen[bytes],
    seconds: float,
    content: bytes = b"",
    check_output: Callable[[bytes], None] | None = None,
) -> tuple[bytes, bytes]:
    """Give a program its input, wait for its end, and return its stdout and stderr.

    `check_output` sees each part of stdout, and ends the program by raising. Raises ProgramTimeout after so many seconds.
    Whatever is raised, nothing that the program started goes on.
    """
    from subprocess import TimeoutExpired
    from threading import Thread

    output, errors, failures = list[bytes](), list[bytes](), list[Exception]()
    stdin, stdout, stderr = (cast("IO[bytes]", stream) for stream in (process.stdin, process.stdout, process.stderr))

    def read_output() -> None:
        try:
            _read_parts(stdout, output, check_output)
        except Exception as error:  # it is raised in the thread that waits
            failures.append(error)

    readers = [
        Thread(target=read_output, daemon=True),
        Thread(target=_read_parts, args=(stderr, errors, None, _MAX_ERROR_BYTES), daemon=True),
        Thread(target=_write_input, args=(stdin, content), daemon=True),
    ]
    try:
        for reader in readers:
            reader.start()
        readers[0].join(seconds)
        if readers[0].is_alive():
            raise ProgramTimeout
        if failures:
            raise failures[0]
        process.wait(seconds)
        for reader in readers[1:]:
            reader.join(seconds)
        return b"".join(output), b"".join(errors)
    except BaseException as error:  # mostly Ctrl-C
        # The whole group: git starts helpers, which would go on with the pipes open, and keep the threads reading.
        _kill_group(process)
        process.wait()
        if isinstance(error, TimeoutExpired):
            raise ProgramTimeout from None
        raise


def _read_parts(stream: IO[bytes], parts: list[bytes], check: Callable[[bytes], None] | None, limit: int = 0) -> None:
    """Read a pipe to its end, and keep what comes before a limit."""
    with stream:
        size = 0
        while part := os.read(stream.fileno(), _CHUNK_BYTES):
            if check:
                check(part)
            if not limit or size < limit:
                parts.append(part)
            size += len(part)


def _write_input(stream: IO[bytes], content: bytes) -> None:
    # A program may end before it has read all.
    with contextlib.suppress(OSError), stream:
        stream.write(content)


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
