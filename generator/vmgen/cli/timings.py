"""`--timings`: how long each stage of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from vmgen.cli.session import Session

STARTUP_STAGE = "start"


class Timings:
    """Hears which stage begins, and knows how long each took: wall seconds, summed where a stage begins several times.

    The time before the first stage is `start`: that of Python and of what is imported, as CPU seconds of the process.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {STARTUP_STAGE: time.process_time()}
        self._current_stage = STARTUP_STAGE
        self._started = time.perf_counter()

    def start_stage(self, stage: str) -> None:
        """A stage begins, so the one before it has ended."""
        now = time.perf_counter()
        self.seconds[self._current_stage] = self.seconds.get(self._current_stage, 0.0) + now - self._started
        self._current_stage, self._started = stage, now

    def format_table(self) -> str:
        """A line for each stage in the order of their first beginning, and one for all of them."""
        self.start_stage("")
        whole = sum(self.seconds.values())
        rows = [*self.seconds.items(), ("all", whole)]
        width = max(len(stage) for stage, _ in rows)
        return "".join(f"{stage:<{width}} {spent * 1000:9.1f} ms {spent / whole:6.1%}\n" for stage, spent in rows if stage)


@contextmanager
def measure_stages(session: Session, wanted: bool) -> Iterator[None]:
    """A block of a run; where timings are wanted, they are said when it ends, however it does."""
    if not wanted:
        yield
        return
    timings = Timings()
    session.on_stage = timings.start_stage
    try:
        yield
    finally:
        session.print_message(timings.format_table().rstrip())
