"""The day of a run, which decides which waivers, tombstones and freezes count."""

from __future__ import annotations

from datetime import UTC, date, datetime


def get_today() -> date:
    """Return the day in UTC, so that a pipeline and a person anywhere get the same answer."""
    return datetime.now(UTC).date()
