"""How far long work has come: one line on a terminal, from the second second on, and nothing anywhere else."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType

_DELAY_SECONDS = 1.0
_INTERVAL_SECONDS = 0.2


class Progress:
    """A line such as `rendering 3/12, 4 s`, rewritten in place while the block runs and gone when it ends.

    Call it with the name of each piece that is done.
    """

    def __init__(self, label: str, total: int) -> None:
        self.label = label
        self.total = total
        self.completed = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, name: str) -> None:  # noqa: ARG002 - which piece it was does not show
        self.completed += 1

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._thread = threading.Thread(target=self._redraw_until_stopped, args=(time.monotonic(),), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _redraw_until_stopped(self, since: float) -> None:
        if self._stop.wait(_DELAY_SECONDS):
            return
        while True:
            _rewrite_line(f"{self.label} {self.completed}/{self.total}, {time.monotonic() - since:.0f} s")
            if self._stop.wait(_INTERVAL_SECONDS):
                _rewrite_line("")
                return


def _rewrite_line(line: str) -> None:
    """Put a line in the place of the last. Past Python's buffers, whose lock a forked process could inherit held."""
    os.write(sys.stderr.fileno(), f"\r\x1b[K{line}".encode())
