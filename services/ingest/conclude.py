"""What one poll means for its feed: read, unchanged, failed, moved or ended, and when to come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from services.ingest.fetching.caching import fresh_for, retry_after
from services.ingest.fetching.fetch import Fetched
from services.ingest.parsing.parsed import ParsedFeed
from services.ingest.schedule import NextPoll, after_failure, after_success, put_off
from services.ingest.sources.feeds import Feed

Outcome = Literal["read", "unchanged", "failed", "ended"]
MAX_ERROR = 500
_LISTENS_TO_RETRY_AFTER = frozenset({429, 503})


@dataclass(frozen=True)
class FeedState:
    """A feed as it was claimed: its configuration and what is stored of it."""

    config: Feed
    title: str = ""
    language: str | None = None
    moved_to: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    validator_url: str | None = None
    body_hash: str | None = None
    ttl_s: int = 0
    skips: Mapping[str, Any] | None = None
    recent: Sequence[Sequence[int]] = ()
    ids: str | None = None
    pushed_until: datetime | None = None
    """Until when what a hub pushes makes polls less urgent."""
    last_success_at: datetime | None = None
    last_error: str | None = None
    failures: int = 0

    @property
    def address(self) -> str:
        """Where it is fetched: the configured address, or where it moved to for good."""
        return self.moved_to or self.config.url


@dataclass(frozen=True)
class Conclusion:
    """How a poll ended and the columns of the feed's row that follow from it."""

    outcome: Outcome
    reason: str
    values: Mapping[str, Any]


def trouble(fetched: Fetched, state: FeedState) -> str | None:
    """Say why an answer cannot be used, or None where it can."""
    if fetched.error:
        return fetched.error
    if fetched.status == 304:
        asked = state.etag or state.last_modified
        return None if asked else "answered 304 although we had not asked for changes"
    return None if fetched.status == 200 else f"answered {fetched.status}"


def conclude(
    state: FeedState,
    fetched: Fetched,
    parsed: ParsedFeed | None,
    *,
    body_hash: str | None,
    now: datetime,
    jitter: float,
) -> Conclusion:
    """Conclude from the answer and, where there was one to read, from what the parser made of it."""
    if fetched.status == 410 and not state.moved_to:
        return _ended(now)
    fault = trouble(fetched, state) or (parsed.error if parsed else None)
    if fault:
        return _failed(state, fetched, fault, now, jitter)
    ttl_s = parsed.ttl_s if parsed else state.ttl_s
    following = after_success(
        state.config.interval,
        ttl_s=ttl_s,
        fresh_s=fresh_for(fetched.headers, now),
        jitter=jitter,
        pushed=state.pushed_until is not None and now < state.pushed_until,
    )
    values = {
        "last_status": fetched.status,
        "last_success_at": now,
        "last_error": None,
        "failures": 0,
        "moved_to": fetched.moved_to or state.moved_to,
        **_validators(state, fetched),
        **_due(following, now, _skips(state, parsed)),
    }
    if parsed is not None:
        values |= {
            "ttl_s": ttl_s,
            "skips": _skips(state, parsed),
            "title": parsed.title or state.title,
            "language": parsed.language,
            "hub": fetched.hub or parsed.hub,
            "topic": (fetched.topic if fetched.hub else None) or parsed.topic or fetched.final_url,
            # A document that came only in part must be asked for again.
            "body_hash": None if fetched.cut_short else body_hash,
        }
    return Conclusion("unchanged" if parsed is None else "read", following.reason, values)


def _ended(now: datetime) -> Conclusion:
    reason = "answered 410: its publisher ended it"
    values = {"last_status": 410, "last_error": reason, "ended_at": now, "last_poll_at": now}
    return Conclusion("ended", reason, values)


def _failed(state: FeedState, fetched: Fetched, fault: str, now: datetime, jitter: float) -> Conclusion:
    listens = fetched.status in _LISTENS_TO_RETRY_AFTER
    following = after_failure(
        state.config.interval,
        failures=state.failures + 1,
        retry_after_s=retry_after(fetched.headers, now) if listens else 0.0,
        jitter=jitter,
    )
    values: dict[str, Any] = {
        "last_status": fetched.status,
        "last_error": fault[:MAX_ERROR],
        "failures": state.failures + 1,
        **_due(following, now),
    }
    if state.moved_to and not listens:
        # The move may have been a mistake: ask the configured address again.
        values["moved_to"] = None
    return Conclusion("failed", fault, values)


def _validators(state: FeedState, fetched: Fetched) -> dict[str, Any]:
    """Keep what the answer gave: after a 200 that and nothing else, after a 304 what it renewed."""
    if fetched.cut_short:
        return {"etag": None, "last_modified": None, "validator_url": None}
    given = fetched.validators()
    if fetched.status == 304:
        return {
            "etag": given.etag or state.etag,
            "last_modified": given.last_modified or state.last_modified,
            "validator_url": given.url,
        }
    return {"etag": given.etag, "last_modified": given.last_modified, "validator_url": given.url}


def _skips(state: FeedState, parsed: ParsedFeed | None) -> Mapping[str, Any] | None:
    if parsed is None:
        return state.skips
    asked = {"hours": list(parsed.skip_hours), "days": list(parsed.skip_days)}
    return asked if any(asked.values()) else None


def _due(following: NextPoll, now: datetime, skips: Mapping[str, Any] | None = None) -> dict[str, Any]:
    due = now + timedelta(seconds=following.after_s)
    later = put_off(due, skips.get("hours", ()), skips.get("days", ())) if skips else due
    return {
        "last_poll_at": now,
        "next_poll_at": later,
        "next_poll_reason": following.reason if later == due else "skipHours or skipDays of the feed",
    }
