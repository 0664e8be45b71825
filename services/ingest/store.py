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

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.conclude import FeedState
from services.ingest.decide import Candidate, Decision, Known, Twin, link_key
from services.ingest.feeds import Feed, JsonMapping, Limits
from services.ingest.feeds_file import FeedsFile
from services.ingest.story import WITHIN, Told, title_key
from services.ingest.tables import config_state, entry, feed
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


def _read_state(row: Mapping[str, Any]) -> FeedState:
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
    return [Claim(row["url"], _read_state(dict(row)), owner) for row in rows]


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


async def save_feed(connection: AsyncConnection, url: str, values: Mapping[str, Any], stored: int = 0) -> None:
    """Write the outcome of a poll and end its lease."""
    await connection.execute(
        update(feed)
        .where(feed.c.url == url)
        .values(**values, entries=feed.c.entries + stored, lease_owner=None, lease_until=None)
    )


_KNOWN = text("""
SELECT entry_id, max(revision), array_agg(content_hash), min(first_seen) FROM ingest.entry
WHERE entry_id = ANY(:ids) GROUP BY entry_id
""")
_TWINS = text("""
SELECT url, published, content_hash FROM ingest.entry WHERE feed_url = :url AND content_hash = ANY(:hashes)
""")


async def known_entries(connection: AsyncConnection, candidates: Sequence[Candidate]) -> dict[str, Known]:
    """Read what is stored of these entries."""
    ids = [candidate.entry_id for candidate in candidates]
    rows = (await connection.execute(_KNOWN, {"ids": ids})).all() if ids else []
    return {row[0]: Known(row[0], row[1], frozenset(row[2]), row[3]) for row in rows}


async def twins_of(connection: AsyncConnection, url: str, candidates: Sequence[Candidate]) -> list[Twin]:
    """Read which entries of the feed carry the very words of one of these."""
    hashes = [candidate.content_hash for candidate in candidates]
    rows = (await connection.execute(_TWINS, {"url": url, "hashes": hashes})).all() if hashes else []
    return [Twin(*row) for row in rows]


# Two look-ups, not one with "or": each is answered from its index.
_TOLD = text(
    " UNION ALL ".join(
        f"""(SELECT entry_id, story, feed_url, link_key, title_key, left(summary, 600), first_seen FROM ingest.entry
        WHERE {column} = ANY(:{keys}) AND feed_url <> :url
        AND first_seen > clock_timestamp() - interval '{WITHIN.days} days' LIMIT 1000)"""  # noqa: S608 - names of ours
        for column, keys in (("link_key", "links"), ("title_key", "titles"))
    )
)


async def told_elsewhere(connection: AsyncConnection, url: str, candidates: Sequence[Candidate]) -> list[Told]:
    """Read which entries of other feeds link to the same page, or carry the same headline, of late."""
    links = [key for one in candidates if (key := link_key(one.entry.url))]
    titles = [key for one in candidates if (key := title_key(one.entry.title))]
    if not links and not titles:
        return []
    rows = (await connection.execute(_TOLD, {"links": links, "titles": titles, "url": url})).all()
    return [Told(*row[:-1]) for row in sorted(rows, key=lambda row: row[-1])]


_ENTRY = ", ".join(column.name for column in entry.columns)
# One parameter for all rows: the statement is prepared once, not for every number of rows.
_STORE = text(
    f"INSERT INTO ingest.entry ({_ENTRY}) "  # noqa: S608 - names of ours
    f"SELECT {_ENTRY} FROM jsonb_populate_recordset(CAST(NULL AS ingest.entry), CAST(:rows AS jsonb)) "
    "ON CONFLICT DO NOTHING RETURNING entry_id"
)


async def store_entries(
    connection: AsyncConnection,
    feed_url: str,
    decided: Sequence[tuple[Decision, NewsItem | None]],
    stories: Mapping[str, Told],
    now: datetime,
) -> set[str]:
    """Write entries and revisions; return the ids of those that were not there before."""
    rows = [
        _entry_row(feed_url, decision, item, stories.get(decision.candidate.entry_id)) | {"stored_at": now}
        for decision, item in decided
    ]
    written: set[str] = set()
    for start in range(0, len(rows), _ROWS):
        given = json.dumps(rows[start : start + _ROWS], default=lambda moment: moment.isoformat())
        written |= set((await connection.execute(_STORE, {"rows": given})).scalars())
    return written


def _entry_row(feed_url: str, decision: Decision, item: NewsItem | None, told: Told | None) -> dict[str, Any]:
    published = decision.candidate.entry
    same = f"; the same story as in {told.feed_url}" if told else ""
    return {
        "entry_id": decision.candidate.entry_id,
        "revision": decision.revision,
        "item_id": item.id if item else None,
        "feed_url": feed_url,
        "guid": published.guid,
        "url": published.url,
        "link_key": link_key(published.url),
        "title": published.title,
        "summary": published.summary,
        "text": published.text,
        "language": item.language if item else published.language,
        "published": published.published,
        "published_text": published.published_text or None,
        "title_key": title_key(published.title),
        "story": (told.story or told.entry_id) if told else None,
        "first_seen": decision.first_seen,
        "content_hash": decision.candidate.content_hash,
        "arrival": decision.arrival.value,
        "reason": decision.reason + same,
    }


async def apply_config(engine: AsyncEngine, file: FeedsFile) -> None:
    """Make the stored feeds those of the file: new ones are due at once, removed ones rest.

    A feed that was removed and comes back is tried again even if it had ended; a shorter
    interval counts from now.
    """
    rows = [{"url": one.url, "config": one.model_dump(exclude_defaults=True)} for one in file.feeds]
    async with transaction(engine) as connection:
        for start in range(0, len(rows), _ROWS):
            statement = insert(feed).values(rows[start : start + _ROWS])
            new = statement.excluded.config
            back = feed.c.active.is_(False)
            seconds: ColumnElement[int] = func.coalesce(
                literal_column("(excluded.config ->> 'interval')::integer"),
                Feed.model_fields["interval"].default,
            )
            due = func.least(feed.c.next_poll_at, _CLOCK + seconds * text("interval '1 second'"))
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[feed.c.url],
                    set_={
                        "config": new,
                        "active": True,
                        "ended_at": text("CASE WHEN feed.active THEN feed.ended_at END"),
                        "next_poll_at": due,
                    },
                    where=or_(back, feed.c.config.is_distinct_from(new)),
                )
            )
        configured = [row["url"] for row in rows]
        gone = and_(feed.c.active, feed.c.url != func.all(configured)) if configured else feed.c.active
        await connection.execute(update(feed).where(gone).values(active=False))
        await _note(connection, contact=file.contact, problem=None)


async def note_problem(engine: AsyncEngine, problem: str) -> None:
    """Keep what is wrong with the configuration file, for `codegrey status` and `feeds list`."""
    async with transaction(engine) as connection:
        await _note(connection, problem=problem)


async def _note(connection: AsyncConnection, **values: Any) -> None:
    changed = values | {"read_at": _CLOCK}
    statement = insert(config_state).values(id=1, **changed)
    await connection.execute(statement.on_conflict_do_update(index_elements=[config_state.c.id], set_=changed))


async def read_contact(engine: AsyncEngine) -> str:
    """Return the contact that publishers are given."""
    async with transaction(engine) as connection:
        return await connection.scalar(select(config_state.c.contact)) or ""
