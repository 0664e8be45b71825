"""Which feeds operators are told of, in what words, and from when on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.troubles import FAILS_FOR, SINGLY, troubles

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def row(number: int = 1, **said: Any) -> dict[str, Any]:
    """Write a feed's row as `status.feeds` does."""
    usual: dict[str, Any] = {
        "name": f"Paper {number}",
        "url": f"https://{number}.example/feed",
        "state": "ok",
        "failures": 0,
        "last_error": None,
        "quiet": None,
        "last_success": NOW,
        "last_new": NOW,
        "added": NOW - timedelta(days=99),
        "ended": None,
        "moved_to": None,
    }
    return usual | said


def failing(number: int = 1, hours: float = 9, failures: int = 5) -> dict[str, Any]:
    """Write the row of a feed that fails."""
    since = NOW - timedelta(hours=hours)
    return row(number, state="failing", failures=failures, last_error="answered 500", last_success=since)


def test_all_well_is_no_trouble() -> None:
    """Nor is a feed that was not read yet."""
    assert troubles([row(), row(2, state="waiting", last_success=None), row(3, state="moved")], NOW) == []


@pytest.mark.parametrize(("hours", "failures", "told"), [(9, 5, True), (9, 2, False), (2, 5, False)])
def test_a_failure_that_may_pass_is_not_told(hours: float, failures: int, told: bool) -> None:
    """It must last, and be seen more than once."""
    assert bool(troubles([failing(1, hours, failures), row(2)], NOW)) is told


def test_a_feed_that_was_never_read_is_told_of_after_a_while() -> None:
    """It counts from when it was configured."""
    young, old = (
        failing(number) | {"last_success": None, "added": NOW - age}
        for number, age in ((1, timedelta(minutes=9)), (2, 2 * FAILS_FOR))
    )
    assert [one.key for one in troubles([young, old, row(3)], NOW)] == ["feed:failing:https://2.example/feed"]


def test_each_trouble_says_what_and_since_when_and_what_to_do() -> None:
    """With the feed's name, the reason and its address."""
    rows = [
        failing(),
        row(2, state="ended", ended=NOW),
        row(3, state="quiet", quiet="nothing new for 6 days", last_new=NOW - timedelta(days=6)),
    ]
    first, second, third = troubles(rows, NOW)
    assert first.title == "The feed Paper 1 cannot be read: answered 500"
    assert "codegrey feeds check https://1.example/feed" in first.advice
    assert first.since == NOW - timedelta(hours=9)
    assert (second.key, second.since) == ("feed:ended:https://2.example/feed", NOW)
    assert third.title == "The feed Paper 3 has gone quiet: nothing new for 6 days"
    assert third.since == NOW - timedelta(days=6)


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ("https://other.example/feed", True),
        ("https://www.1.example/feed", False),
        ("https://1.example/news/feed.xml", False),
        (None, False),
    ],
)
def test_a_feed_that_moved_to_another_host_is_told_of(there: str | None, told: bool) -> None:
    """Whose word is it now? A move within its own host needs nobody."""
    found = troubles([row(1, state="moved", moved_to=there)], NOW)
    assert [one.title for one in found] == [
        f"The feed Paper 1 has moved to another host for good: {there}" for _ in range(told)
    ]
    assert all("feeds.yaml" in one.advice for one in found)


def test_a_feed_that_moved_and_fails_is_told_of_as_both() -> None:
    """The new address may be the mistake."""
    found = troubles([failing() | {"moved_to": "https://other.example/feed"}, row(2)], NOW)
    assert [one.key.split(":")[1] for one in found] == ["failing", "moved"]


def test_many_failures_at_once_are_one_trouble_of_ours() -> None:
    """The network is named before the publishers; it is told again where it grows."""
    [only] = troubles([failing(number) for number in range(40)] + [row(99)], NOW)
    assert (only.key, only.measure) == ("feeds:failing", 40)
    assert "40 of 41 feeds" in only.title
    assert "network" in only.advice


def test_many_of_a_kind_are_told_together() -> None:
    """Nobody reads two hundred lines."""
    rows = [row(number, state="quiet", quiet="x") for number in range(SINGLY + 2)]
    [only] = troubles(rows, NOW)
    assert (only.key, only.measure) == ("feeds:quiet", SINGLY + 2)
    assert "and 2 more" in only.title


def test_a_broken_file_is_told_with_its_first_mistake() -> None:
    """The others are counted."""
    [only] = troubles([], NOW, "feeds.yaml:3: no\nfeeds.yaml:9: no")
    assert only.title == "feeds.yaml is not taken over: feeds.yaml:3: no (and 1 more mistakes)"
