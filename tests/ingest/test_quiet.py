"""When silence is an alarm, and what a publisher's hours do to the schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.quiet import HOURS_KEPT, remember, silence
from services.ingest.schedule import put_off

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)  # a Tuesday
LONG_AGO = NOW - timedelta(days=400)


def days_ago(*days: float) -> list[list[int]]:
    """Remember entries of so many days ago."""
    return remember((), [NOW - timedelta(days=one) for one in days], NOW)


def test_a_feed_that_was_never_silent_for_so_long_is_quiet() -> None:
    """Its usual pace stands in the words."""
    found = silence(days_ago(*range(5, 20)), NOW, LONG_AGO)
    assert found is not None
    assert "1.0 entries a day" in found.words() or "1.1 entries a day" in found.words()
    assert "nothing new for 5 days" in found.words()


@pytest.mark.parametrize(
    "hours",
    [
        days_ago(0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5),  # on time
        days_ago(2, 9, 16, 23, 30, 37, 44),  # a weekly
        days_ago(3, 4, 5, 8, 9, 10, 13),  # has weekends
        days_ago(30, 31, 32),  # too little to know
        remember((), [NOW - timedelta(hours=20 + n) for n in range(20)], NOW),  # a busy one, at night
        [],
    ],
)
def test_what_is_usual_for_a_feed_is_no_alarm(hours: list[list[int]]) -> None:
    """Weekends, nights, slow feeds, new feeds."""
    assert silence(hours, NOW, LONG_AGO) is None


def test_silence_before_we_read_a_feed_is_no_alarm_at_once() -> None:
    """It counts from the first contact."""
    hours = days_ago(*range(5, 20))
    assert silence(hours, NOW, NOW - timedelta(hours=2)) is None
    assert silence(hours, NOW, NOW - timedelta(days=3)) is not None


def test_memory_is_bounded_and_the_future_is_now() -> None:
    """One pair for each hour with news."""
    hours = remember((), [NOW + timedelta(days=9)] * 3, NOW)
    assert hours == [[int(NOW.timestamp() // 3600), 3]]
    for day in range(200):
        hours = remember(hours, [NOW - timedelta(days=200 - day)], NOW)
    assert len(hours) == HOURS_KEPT


@pytest.mark.parametrize(
    ("hours", "days", "expected"),
    [
        ((), (), NOW),
        ((10, 11), (), NOW.replace(hour=12, minute=0)),
        ((), (1,), NOW.replace(day=25, hour=0, minute=0)),
        (tuple(range(24)), (), NOW + timedelta(days=1)),
        ((3,), (5, 6), NOW),
    ],
)
def test_a_poll_is_put_off_to_the_first_hour_that_is_free(
    hours: tuple[int, ...], days: tuple[int, ...], expected: datetime
) -> None:
    """By a day at most."""
    assert put_off(NOW, hours, days) == expected
