"""Work on several things at once, by processes that are forked off and hand their answers back."""

from __future__ import annotations

import marshal
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
# Beyond these, the system has more to do with the processes than they have with the work.
_MOST = 4


def hands() -> int:
    """How many processes can work at once here, a few at the most; 1 where none can be forked off."""
    if not hasattr(os, "fork") or not hasattr(os, "sched_getaffinity"):
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST)


def answers(work: Callable[[Item], Any], items: Sequence[Item], most: int) -> list[Any]:
    """The answer to each item, in their order, found by at most so many processes; an answer is plain data.

    What goes wrong in another process is met again here, where its items are then worked on.
    """
    shares = [items[first::most] for first in range(min(most, len(items)))]
    others = [_forked(work, share) for share in shares[1:]]
    found = [[work(item) for item in share] for share in shares[:1]]
    for share, (child, pipe) in zip(shares[1:], others):
        found.append(_received(child, pipe) or [work(item) for item in share])
    return [found[index % most][index // most] for index in range(len(items))]


def _forked(work: Callable[[Item], Any], share: Sequence[Item]) -> tuple[int, int]:
    reads, writes = os.pipe()
    child = os.fork()
    if child:
        os.close(writes)
        return child, reads
    try:
        with open(writes, "wb") as pipe:
            pipe.write(marshal.dumps([work(item) for item in share]))
        os._exit(0)
    except BaseException:  # its end says that there is no answer
        os._exit(1)


def _received(child: int, pipe: int) -> list[Any]:
    with open(pipe, "rb") as stream:
        content = stream.read()
    _, status = os.waitpid(child, 0)
    answers: list[Any] = marshal.loads(content) if status == 0 else []  # noqa: S302 - of a process of our own
    return answers
