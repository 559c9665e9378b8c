"""What a worker process does for itself: it ends when the process that started it does."""

from __future__ import annotations

import os


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
