"""Work on several things at once, by processes that are forked off and hand their answers back."""

from __future__ import annotations

import marshal
import os
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
# Beyond these, the system has more to do with the processes than they have with the work.
_MOST = 4
# To fork a process off takes as long as to list a few thousand files.
_WORTH_SHARING = 4_000


def hands(files: int) -> int:
    """How many processes should look at so many files, or write them: a few at the most, and 1 where none can be forked off."""
    if files < _WORTH_SHARING or not hasattr(os, "fork") or not hasattr(os, "sched_getaffinity"):
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST)


def answers(work: Callable[[Item], Any], items: Sequence[Item], most: int) -> list[Any]:
    """The answer to each item, in their order, found by at most so many processes, this one included."""
    return Sent(work, items, most - 1, own=len(items) // max(most, 1)).answers()


class Sent(Generic[Item]):
    """Items that other processes work on. An answer is plain data.

    The first `own` items are left to this process, which works on them when it asks for the answers; and so is everything where
    there are no others. What goes wrong in another process is met again here, where its items are then worked on.
    """

    def __init__(self, work: Callable[[Item], Any], items: Sequence[Item], others: int, own: int = 0) -> None:
        self._work = work
        others = min(others, len(items) - own) if hasattr(os, "fork") else 0
        self._own = items[:own] if others > 0 else items
        rest = items[len(self._own) :]
        self._shares = [rest[number::others] for number in range(others)]
        self._processes = [_forked(work, share) for share in self._shares]

    def answers(self) -> list[Any]:
        """The answers, in the order of the items. No process is left when they are there, or an error is."""
        try:
            found = [self._work(item) for item in self._own]
        finally:
            answers = [_received(process) for process in self._processes]
        received = [answer or [self._work(item) for item in share] for answer, share in zip(answers, self._shares, strict=True)]
        for index in range(sum(map(len, self._shares))):
            found.append(received[index % len(received)][index // len(received)])
        return found


def _forked(work: Callable[[Item], Any], share: Sequence[Item]) -> tuple[int, int] | None:
    """The process that works on a share, and the pipe on which it answers; None where the system allows no more."""
    reads, writes = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reads)
        os.close(writes)
        return None
    if child:
        os.close(writes)
        return child, reads
    try:
        with open(writes, "wb") as pipe:
            pipe.write(marshal.dumps([work(item) for item in share]))
        os._exit(0)
    except BaseException:  # its end says that there is no answer
        os._exit(1)


def _received(process: tuple[int, int] | None) -> list[Any]:
    """The answers of a process, when it has ended; none where it could not give them."""
    if process is None:
        return []
    child, pipe = process
    with open(pipe, "rb") as stream:
        content = stream.read()
    _, status = os.waitpid(child, 0)
    found: list[Any] = marshal.loads(content) if status == 0 else []  # noqa: S302 - of a process of our own
    return found
