"""`vmgen.clock`: the day of a run."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from vmgen.clock import get_today


@pytest.mark.parametrize("zone", ["UTC", "UTC+12", "UTC-14"])
def test_the_day_is_that_of_utc(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """Wherever somebody is, the day is that of UTC, also where it is yesterday or tomorrow already."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        day = get_today()
    finally:
        monkeypatch.undo()
        time.tzset()
    now = datetime.now(UTC)
    assert day in (now.date(), (now - timedelta(minutes=1)).date())
