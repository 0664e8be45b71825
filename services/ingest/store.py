"""Everything ingest asks of its database: leases, the configuration's feeds, entries.

Leases are measured by the database's clock alone. A poll writes only while its lease is its
own, so that a process which was stopped for an hour cannot write over its successor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import to_json
from sqlalchemy import and_, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.conclude import FeedState
from services.ingest.decide import Candidate, Decision, Known, Twin, link_key
from services.ingest.sources.feeds import Feed, JsonMapping, Limits
from services.ingest.story.same import COMPARED, WITHIN, Told
from services.ingest.tables import entry, feed
from shared.database import transaction
from shared.events import NewsItem

LEASE = timedelta(seconds=30)
"""Renewed while a poll lasts; a dead process's feeds are free after it."""
_ROWS = 500
_CLOCK = func.clock_timestamp()
_STATE = (
    "title",
    "language",
    "moved_to",
    "etag",
    "last_modified",
    "validator_url",
    "body_hash",
    "ttl_s",
    "skips",
    "recent",
    "ids",
    "pushed_until",
    "last_success_at",
    "last_error",
    "failures",
)


@dataclass(frozen=True)
class Claim:
    """A feed that is ours to poll until the lease runs out."""

    url: str
    state: FeedState
    owner: str


def read_feed_config(url: str, stored: Mapping[str, Any]) -> Feed:
    """Read a feed's configuration as stored; it was checked then, and keys of another version do no harm."""
    values = Feed(url=url).model_dump() | dict(stored)
    values["limits"] = Limits.model_construct(**dict(values["limits"]))
    if mapping := values["json_api"]:
        values["json_api"] = JsonMapping.model_construct(**dict(mapping))
    # Without validation, aliases are not looked at: its names are the fields' own.
    return Feed.model_construct(**values)


def read_state(row: Mapping[str, Any]) -> FeedState:
    """Read a feed's stored state; `row` has all of its columns."""
    return FeedState(
        config=read_feed_config(row["url"], row["config"]),
        **{name: row[name] for name in _STATE if row[name] is not None},
    )


async def claim_due(engine: AsyncEngine, owner: str, limit: int) -> list[Claim]:
    """Take up to `limit` feeds that are due and nobody's; two processes never get the same."""
    due = (
        select(feed.c.url)
        .where(
            feed.c.active,
            feed.c.ended_at.is_(None),
            feed.c.next_poll_at <= _CLOCK,
            or_(feed.c.lease_until.is_(None), feed.c.lease_until < _CLOCK),
        )
        .order_by(feed.c.next_poll_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    take = update(feed).where(feed.c.url.in_(due)).values(lease_owner=owner, lease_until=_CLOCK + LEASE).returning(feed)
    async with transaction(engine) as connection:
        rows = (await connection.execute(take)).mappings().all()
    return [Claim(row["url"], read_state(dict(row)), owner) for row in rows]


async def renew_leases(engine: AsyncEngine, owner: str) -> None:
    """Prolong every lease that `owner` still holds."""
    mine = and_(feed.c.lease_owner == owner, feed.c.lease_until >= _CLOCK)
    async with transaction(engine) as connection:
        await connection.execute(update(feed).where(mine).values(lease_until=_CLOCK + LEASE))


async def release_leases(engine: AsyncEngine, owner_prefix: str) -> None:
    """Give up the leases of an owner that is gone, or is going."""
    held = feed.c.lease_owner.startswith(owner_prefix, autoescape=True)
    async with transaction(engine) as connection:
        await connection.execute(update(feed).where(held).values(lease_owner=None, lease_until=None))


_HOLD = text("""
SELECT clock_timestamp() FROM ingest.feed
WHERE url = :url AND lease_owner = :owner AND lease_until >= clock_timestamp()
FOR UPDATE
""")


async def hold_lease(connection: AsyncConnection, claim: Claim) -> datetime | None:
    """Lock the feed's row for this transaction and return the time; None where the lease was lost."""
    now: datetime | None = await connection.scalar(_HOLD, {"url": claim.url, "owner": claim.owner})
    return now


_HOLD_ALL = text("""
SELECT feed.url, clock_timestamp() FROM ingest.feed
JOIN jsonb_to_recordset(CAST(:claims AS jsonb)) AS claim(url text, owner text)
    ON feed.url = claim.url AND feed.lease_owner = claim.owner
WHERE feed.lease_until >= clock_timestamp()
ORDER BY feed.url FOR UPDATE OF feed
""")


async def hold_leases(connection: AsyncConnection, claims: Sequence[Claim]) -> tuple[datetime | None, set[str]]:
    """Lock the feeds' rows for this transaction; return the time, and those whose lease still is ours."""
    given = json.dumps([{"url": claim.url, "owner": claim.owner} for claim in claims])
    rows = (await connection.execute(_HOLD_ALL, {"claims": given})).all()
    return (rows[0][1] if rows else None), {row[0] for row in rows}


_SAVE_READ = text("""
UPDATE ingest.feed AS feed SET
    last_status = r.last_status, last_success_at = r.last_success_at, last_error = NULL, failures = 0,
    moved_to = r.moved_to, etag = r.etag, last_modified = r.last_modified, validator_url = r.validator_url,
    last_poll_at = r.last_poll_at, next_poll_at = r.next_poll_at, next_poll_reason = r.next_poll_reason,
    ttl_s = r.ttl_s, skips = r.skips, title = r.title, language = r.language, body_hash = r.body_hash,
    ids = r.ids, hub = r.hub, topic = r.topic,
    -- A poll that finds what nobody pushed: the hub is not to be relied on.
    pushed_until = CASE WHEN r.added > 0 THEN NULL ELSE feed.pushed_until END,
    recent = coalesce(r.recent, feed.recent), last_new_at = coalesce(r.last_new_at, feed.last_new_at),
    entries = feed.entries + r.added, lease_owner = NULL, lease_until = NULL
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    url text, last_status integer, last_success_at timestamptz, moved_to text, etag text, last_modified text,
    validator_url text, last_poll_at timestamptz, next_poll_at timestamptz, next_poll_reason text, ttl_s integer,
    skips jsonb, title text, language text, body_hash text, ids text, hub text, topic text, recent jsonb,
    last_new_at timestamptz, added integer)
WHERE feed.url = r.url
""")


async def save_read(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the outcome of polls that were read, and end their leases, which this transaction holds."""
    given = json.dumps([dict(row) for row in rows], default=lambda at: at.isoformat())
    await connection.execute(_SAVE_READ, {"rows": given})


async def save_feed(connection: AsyncConnection, url: str, values: Mapping[str, Any], stored: int = 0) -> None:
    """Write the outcome of a poll and end its lease."""
    await connection.execute(
        update(feed)
        .where(feed.c.url == url)
        .values(**values, entries=feed.c.entries + stored, lease_owner=None, lease_until=None)
    )


_KNOWN = text("""
SELECT entry_id, max(revision), array_agg(content_hash), min(first_seen), max(story) FROM ingest.entry
WHERE entry_id = ANY(:ids) GROUP BY entry_id
""")
_TWINS = text("""
SELECT feed_url, url, published, content_hash FROM ingest.entry
WHERE feed_url = ANY(:urls) AND content_hash = ANY(:hashes)
""")


async def known_entries(connection: AsyncConnection, candidates: Sequence[Candidate]) -> dict[str, Known]:
    """Read what is stored of these entries."""
    ids = [candidate.entry_id for candidate in candidates]
    rows = (await connection.execute(_KNOWN, {"ids": ids})).all() if ids else []
    return {row[0]: Known(row[0], row[1], frozenset(row[2]), row[3], row[4]) for row in rows}


async def twins_of(connection: AsyncConnection, candidates: Mapping[str, Sequence[Candidate]]) -> dict[str, list[Twin]]:
    """Read, by feed, which of its entries carry the very words of one of these."""
    given = {"urls": list(candidates), "hashes": [one.content_hash for some in candidates.values() for one in some]}
    found: dict[str, list[Twin]] = {}
    for row in (await connection.execute(_TWINS, given)).all() if given["hashes"] else []:
        found.setdefault(row[0], []).append(Twin(*row[1:]))
    return found


# One look-up for each, not one with "or": each is answered from its index.
_TOLD = """
(SELECT entry_id, story, feed_url, link_key, title_key, sketch, title, left(summary, CAST(:compared AS integer)),
first_seen FROM ingest.entry WHERE {condition} AND first_seen > clock_timestamp() - CAST(:within AS interval)
LIMIT 5000)"""
_TOLD_BY = {
    "pages": "link_key = ANY(:pages)",
    "titles": "title_key = ANY(:titles)",
    "sketches": "sketch && CAST(:sketches AS integer[])",
}


async def told_elsewhere(connection: AsyncConnection, told: Sequence[Told]) -> list[Told]:
    """Read which entries, of whatever feed, share a page, headline or words with these; the first seen first."""
    given: dict[str, list[Any]] = {
        "pages": [one.page_key for one in told if one.page_key],
        "titles": [one.title_key for one in told if one.title_key],
        "sketches": [value for one in told for value in one.sketch or ()],
    }
    given = {name: values for name, values in given.items() if values}
    if not given:
        return []
    query = " UNION ALL ".join(_TOLD.format(condition=_TOLD_BY[name]) for name in given)
    rows = (await connection.execute(text(query), given | {"compared": COMPARED, "within": WITHIN})).all()
    return [Told(*row[:-1]) for row in sorted(rows, key=lambda row: row[-1])]


_ENTRY = ", ".join(column.name for column in entry.columns)
# One parameter for all rows: the statement is prepared once, not for every number of rows.
_STORE = text(
    f"INSERT INTO ingest.entry ({_ENTRY}) "  # noqa: S608 - names of ours
    f"SELECT {_ENTRY} FROM jsonb_populate_recordset(CAST(NULL AS ingest.entry), CAST(:rows AS jsonb)) "
    "ON CONFLICT DO NOTHING RETURNING entry_id"
)


async def store_entries(
    connection: AsyncConnection, decided: Sequence[tuple[Told, Decision, NewsItem | None, Told | None]], now: datetime
) -> set[str]:
    """Write entries and revisions of feeds; return the ids of those that were not there before."""
    rows = [_entry_row(*one) | {"stored_at": now} for one in decided]
    written: set[str] = set()
    for start in range(0, len(rows), _ROWS):
        given = to_json(rows[start : start + _ROWS]).decode()
        written |= set((await connection.execute(_STORE, {"rows": given})).scalars())
    return written


def _entry_row(of: Told, decision: Decision, item: NewsItem | None, told: Told | None) -> dict[str, Any]:
    published = decision.candidate.entry
    same = f"; the same story as in {told.feed_url}" if told else ""
    return {
        "entry_id": decision.candidate.entry_id,
        "revision": decision.revision,
        "item_id": item.id if item else None,
        "feed_url": of.feed_url,
        "guid": published.guid,
        "url": published.url,
        # A site's front page is no page that tells a story, but `why` finds what links to it.
        "link_key": of.page_key or link_key(published.url),
        "title": published.title,
        "summary": published.summary,
        "text": published.text,
        "language": item.language if item else published.language,
        "published": published.published,
        "published_text": published.published_text or None,
        "title_key": of.title_key,
        "sketch": of.sketch or None,
        "story": of.story,
        "first_seen": decision.first_seen,
        "content_hash": decision.candidate.content_hash,
        "arrival": decision.arrival.value,
        "reason": decision.reason + same,
    }
