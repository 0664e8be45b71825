"""When a feed is polled next, and why then."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LONGEST_WISH_S = 4 * 3600
"""A publisher's ttl or max-age counts up to here: news that waits longer is no news."""
LONGEST_STAY_AWAY_S = 24 * 3600
"""Retry-After is an order, and counts up to a day."""
LONGEST_BACK_OFF_S = 6 * 3600
PUSHED_FACTOR = 8
LONGEST_WHILE_PUSHED_S = 2 * 3600
"""While a hub pushes, polls are only the safety net: eight times the interval, up to here."""
LONGEST_PUT_OFF = timedelta(hours=24)
"""skipHours and skipDays count up to here."""
_SPREAD = 0.1


@dataclass(frozen=True)
class NextPoll:
    """Seconds from now, with the reason in words."""

    after_s: float
    reason: str


def after_success(interval_s: float, *, ttl_s: float, fresh_s: float, jitter: float, pushed: bool = False) -> NextPoll:
    """Take the longest of the configured interval and the publisher's wishes, which are capped.

    `jitter` is a random number from 0 to 1 that the caller draws; it only ever adds (up to a
    tenth of the interval), so that nobody is polled earlier than wished and herds fall apart.
    """
    wishes = [
        (float(interval_s), "configured interval"),
        (min(ttl_s, LONGEST_WISH_S), "ttl of the feed"),
        (min(fresh_s, LONGEST_WISH_S), "caching headers"),
    ]
    if pushed:
        wishes.append((min(PUSHED_FACTOR * interval_s, LONGEST_WHILE_PUSHED_S), "pushed by its hub"))
    longest, reason = max(wishes, key=lambda wish: wish[0])
    return NextPoll(longest + jitter * _SPREAD * interval_s, reason)


def after_failure(interval_s: float, *, failures: int, retry_after_s: float, jitter: float) -> NextPoll:
    """Double the wait with each failure in a row, never shorter than Retry-After; `failures` counts this one."""
    doubled = interval_s * 2 ** min(max(failures - 1, 0), 20)
    back_off = min(doubled, max(LONGEST_BACK_OFF_S, interval_s))
    ordered = min(retry_after_s, LONGEST_STAY_AWAY_S)
    longest, reason = max((back_off, f"failure {failures} in a row"), (ordered, "Retry-After"))
    return NextPoll(longest + jitter * _SPREAD * back_off, reason)


def put_off(due: datetime, hours: Collection[int], days: Collection[int]) -> datetime:
    """Move a poll out of the hours and days (UTC, Monday is 0) that its publisher wants skipped.

    It comes back in the first hour that is free, or a day later where none is.
    """
    moment = due.astimezone(UTC)
    latest = moment + LONGEST_PUT_OFF
    while moment.hour in hours or moment.weekday() in days:
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        if moment >= latest:
            return latest
    return moment
