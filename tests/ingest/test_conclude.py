"""What one poll means for its feed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.conclude import Conclusion, FeedState, conclude
from services.ingest.fetching.fetch import Fetched
from services.ingest.parsing.parsed import ParsedFeed
from services.ingest.sources.feeds import Feed

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
URL = "https://news.example/feed"
STATE = FeedState(Feed(url=URL), etag='"1"', last_modified="then", validator_url=URL)
MOVED = replace(STATE, moved_to="https://new.example/feed")
READ = ParsedFeed(format="rss20", title="News")


def concluded(fetched: Fetched, parsed: ParsedFeed | None = None, state: FeedState = STATE) -> Conclusion:
    """Conclude without jitter."""
    return conclude(state, fetched, parsed, body_hash="h", now=NOW, jitter=0)


def answer(status: int, **headers: str) -> Fetched:
    """Write an answer; underscores in header names are dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fetched(URL, URL, status=status, headers=named)


@pytest.mark.parametrize(
    ("fetched", "parsed", "state", "outcome"),
    [
        (answer(200), READ, STATE, "read"),
        (answer(200), None, STATE, "unchanged"),
        (answer(304), None, STATE, "unchanged"),
        (answer(304), None, FeedState(Feed(url=URL)), "failed"),
        (answer(200), ParsedFeed(error="this is a web page, not a feed"), STATE, "failed"),
        (answer(404), None, STATE, "failed"),
        (answer(410), None, STATE, "ended"),
        (answer(410), None, MOVED, "failed"),
        (replace(answer(200), error="time-out"), None, STATE, "failed"),
    ],
)
def test_each_answer_has_its_outcome(
    fetched: Fetched, parsed: ParsedFeed | None, state: FeedState, outcome: str
) -> None:
    """Read, unchanged, failed or ended, each with a reason."""
    conclusion = concluded(fetched, parsed, state)
    assert conclusion.outcome == outcome
    assert conclusion.reason


@pytest.mark.parametrize(
    ("fetched", "etag", "modified"),
    [
        (answer(200, etag='"2"', last_modified="now"), '"2"', "now"),
        (answer(200, etag='"2"'), '"2"', None),
        (answer(200), None, None),
        (answer(304, etag='"2"'), '"2"', "then"),
        (answer(304), '"1"', "then"),
        (replace(answer(200, etag='"2"'), cut_short=True), None, None),
        (answer(200, etag="x" * 3000), None, None),
    ],
)
def test_validators_are_those_of_the_answer(fetched: Fetched, etag: str | None, modified: str | None) -> None:
    """A 200 replaces both, a 304 renews what it names; none is invented."""
    values = concluded(fetched, READ if fetched.status == 200 else None).values
    assert (values["etag"], values["last_modified"]) == (etag, modified)


def test_a_failure_keeps_the_validators() -> None:
    """They are still those of what we have read."""
    assert "etag" not in concluded(answer(500)).values


def test_only_a_busy_server_is_obeyed_on_when_to_come_back() -> None:
    """Retry-After belongs to 429 and 503."""
    busy, broken = (concluded(answer(status, retry_after="7200")).values for status in (503, 500))
    assert busy["next_poll_at"] == NOW + timedelta(hours=2)
    assert broken["next_poll_at"] == NOW + timedelta(minutes=15)


def test_a_move_is_kept_after_success_and_doubted_after_a_failure() -> None:
    """Unless the server there is only busy."""
    there = replace(answer(200), moved_to="https://new.example/feed")
    assert concluded(there, READ).values["moved_to"] == "https://new.example/feed"
    assert concluded(answer(200), READ, MOVED).values["moved_to"] == MOVED.moved_to
    assert concluded(answer(404), None, MOVED).values["moved_to"] is None
    assert "moved_to" not in concluded(answer(503), None, MOVED).values
