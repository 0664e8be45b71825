"""When a feed is polled next."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.ingest.fetching.caching import fresh_for, http_date, retry_after
from services.ingest.schedule import LONGEST_BACK_OFF_S, LONGEST_STAY_AWAY_S, after_failure, after_success

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"cache-control": "public, max-age=600"}, 600),
        ({"cache-control": "s-maxage=900"}, 0),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "9999"}, 0),
        ({"cache-control": "no-cache, max-age=600"}, 0),
        ({"cache-control": "max-age=nonsense"}, 0),
        ({"expires": "Tue, 24 Nov 2026 12:30:00 GMT"}, 1800),
        ({"expires": "Tue, 24 Nov 2026 10:30:00 GMT", "date": "Tue, 24 Nov 2026 10:00:00 GMT"}, 1800),
        ({"expires": "Tue, 24 Nov 2026 10:30:00 GMT"}, 0),
        ({"expires": "0"}, 0),
        # What Python calls a digit, or more of them than it reads, and a moment after the last one.
        ({"cache-control": "max-age=600", "age": "\xb2"}, 600),
        ({"cache-control": "max-age=600", "age": "9" * 5_000}, 0),
        ({"expires": "Fri, 31 Dec 9999 23:59:59 -1200"}, 0),
        ({"expires": "Tue, 24 Nov 2026 13:00:00 GMT", "cache-control": "max-age=60"}, 60),
    ],
)
def test_freshness_is_read_as_http_says(headers: dict[str, str], seconds: int) -> None:
    """Max-age goes before Expires, Age counts, Expires is measured against the server's own Date."""
    assert fresh_for(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Tue, 24 Nov 2026 12:05:00 GMT", 300),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("soon", 0),
        ("\xb2", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: int) -> None:
    """Both forms are understood, and nonsense is ignored."""
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_an_http_date_that_is_none_is_none() -> None:
    """No exception escapes from odd dates."""
    assert http_date("Thu, 99 Foo 20260 99:99:99") is None


@pytest.mark.parametrize(
    ("ttl", "fresh", "expected", "reason"),
    [
        (0, 0, 900, "configured interval"),
        (3600, 0, 3600, "ttl of the feed"),
        (60, 1800, 1800, "caching headers"),
        (10**9, 0, 4 * 3600, "ttl of the feed"),
    ],
)
def test_the_longest_wish_wins_up_to_a_cap(ttl: float, fresh: float, expected: float, reason: str) -> None:
    """Configured interval, ttl and caching headers are weighed, and the winner is named."""
    following = after_success(900, ttl_s=ttl, fresh_s=fresh, jitter=0)
    assert (following.after_s, following.reason) == (expected, reason)


def test_jitter_only_ever_adds() -> None:
    """Nobody is polled earlier than wished."""
    assert after_success(1000, ttl_s=0, fresh_s=0, jitter=1).after_s == 1100


@pytest.mark.parametrize(("failures", "expected"), [(1, 900), (2, 1800), (3, 3600), (10, LONGEST_BACK_OFF_S)])
def test_each_failure_in_a_row_doubles_the_wait(failures: int, expected: float) -> None:
    """Back-off grows to a cap."""
    assert after_failure(900, failures=failures, retry_after_s=0, jitter=0).after_s == expected


def test_retry_after_is_obeyed_up_to_a_day() -> None:
    """It beats the back-off, but cannot silence a feed for good."""
    assert after_failure(900, failures=1, retry_after_s=7200, jitter=0).reason == "Retry-After"
    assert after_failure(900, failures=1, retry_after_s=10**9, jitter=0).after_s == LONGEST_STAY_AWAY_S


def test_back_off_never_polls_more_often_than_configured() -> None:
    """A feed that is read once a day is not asked more often because it fails."""
    assert after_failure(86400, failures=5, retry_after_s=0, jitter=0).after_s == 86400
