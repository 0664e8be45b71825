"""Publish stored news again, from ingest's own store through its outbox: after a topic was lost, or for a better judge.

An item keeps its id, so that whoever has handled it knows it: the same judge's report changes nothing, a later
judge's takes the place of the earlier one. Of an entry the newest edition goes out, which stands for all of them.
It comes as a catch-up, so that what is told because of it becomes one summary and not a storm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.conclude import FeedState
from services.ingest.decide import Candidate, Decision, Verdict
from services.ingest.items import make_item, news_row
from services.ingest.parsing.parsed import ParsedEntry
from services.ingest.sources.feeds import Feed
from services.ingest.sources.feeds_file import load_feeds
from services.ingest.store import read_feed_config
from services.ingest.story.lookup import links_to
from services.ingest.tables import entry, feed, outbox
from shared import canary
from shared.database import transaction
from shared.errors import ConfigError, Permanent, Transient
from shared.events import Arrival, NewsItem
from shared.outbox import add_rows
from shared.settings import Settings

BITE = 300
MOST_WAITING = 1_000
"""Rows of the outbox that wait for Kafka; where there are more a replay waits, so that news of now is not held up."""
LOOK_AGAIN_S = 0.25
PATIENCE_S = 120.0

# Along the index (feed_url, stored_at), from one address to the next.
_FEEDS = text("""
WITH RECURSIVE address(url) AS (
    (SELECT feed_url FROM ingest.entry ORDER BY feed_url LIMIT 1)
    UNION ALL
    SELECT (SELECT feed_url FROM ingest.entry WHERE feed_url > address.url ORDER BY feed_url LIMIT 1)
    FROM address WHERE address.url IS NOT NULL)
SELECT url FROM address WHERE url IS NOT NULL AND url <> :canary
""")


@dataclass(frozen=True)
class Wanted:
    """Which stored news: read since and before a moment, of one feed, with a link to one page. All that is given."""

    since: datetime | None = None
    until: datetime | None = None
    feed: str | None = None
    url: str | None = None

    def condition(self) -> ColumnElement[bool]:
        """Return it for rows of the table of entries: published, and no newer edition was."""
        newer = entry.alias("newer")
        later = and_(
            newer.c.entry_id == entry.c.entry_id, newer.c.revision > entry.c.revision, newer.c.item_id.is_not(None)
        )
        parts = [entry.c.item_id.is_not(None), ~select(newer.c.entry_id).where(later).exists()]
        if self.since:
            parts.append(entry.c.stored_at >= self.since)
        if self.until:
            parts.append(entry.c.stored_at < self.until)
        if self.url:
            parts.append(links_to(self.url))
        return and_(*parts)


async def replay(
    engine: AsyncEngine, settings: Settings, wanted: Wanted, *, say: Callable[[int], None] = lambda _count: None
) -> int:
    """Put what is wanted into the outbox, a bite in each transaction; return how many items that were.

    Interrupted, it can be begun anew: what goes out twice is known by its id. Raises Transient where nobody takes
    what waits in the outbox.
    """
    sources = await _sources(engine, settings)
    count = 0
    for url in await _feeds(engine, wanted):
        async for rows in _bites(engine, wanted, url):
            items = [stored_item(row, sources.get(url) or FeedState(_former(url))) for row in rows]
            await _until_there_is_room(engine)
            async with transaction(engine) as connection:
                await add_rows(connection, outbox, [news_row(item) for item in items])
            count += len(items)
            say(count)
    return count


async def count_stored(engine: AsyncEngine, wanted: Wanted) -> int:
    """Count what would be published again."""
    count = 0
    for url in await _feeds(engine, wanted):
        query = select(func.count()).select_from(entry).where(entry.c.feed_url == url, wanted.condition())
        async with transaction(engine) as connection:
            count += int(await connection.scalar(query) or 0)
    return count


def stored_item(row: Mapping[str, Any], state: FeedState) -> NewsItem:
    """Make the item of a stored entry as it was made first, but as a catch-up. Pure."""
    entry_as_read = ParsedEntry(
        guid=row["guid"],
        url=row["url"],
        title=row["title"],
        summary=row["summary"],
        text=row["text"],
        language=row["language"],
        published=row["published"],
    )
    arrived = Arrival(row["arrival"])
    decision = Decision(
        Candidate(entry_as_read, row["entry_id"], row["content_hash"]),
        Verdict.NEW if row["revision"] == 1 else Verdict.REVISED,
        row["reason"],
        row["revision"],
        Arrival.CATCH_UP if arrived is Arrival.LIVE else arrived,
        row["first_seen"],
    )
    item = make_item(state, state.title, None, decision, row["story"])
    return item.model_copy(update={"id": row["item_id"]})


async def _sources(engine: AsyncEngine, settings: Settings) -> dict[str, FeedState]:
    """Return what is configured of each feed, also of former ones, and of those who push."""
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(feed.c.url, feed.c.config, feed.c.title))).all()
    found = {row.url: FeedState(read_feed_config(row.url, row.config), row.title or "") for row in rows}
    try:
        pushed = load_feeds(settings).push
    except ConfigError:  # the service says so itself; what it has taken over stands in the table
        pushed = None
    for source in pushed.sources if pushed else ():
        one = source.as_feed()
        found[one.url] = FeedState(one)
    return found


def _former(url: str) -> Feed:
    """Return the configuration of a source of which nothing is known any more."""
    usual = Feed(url="https://former.invalid/").model_dump(exclude={"url", "limits"})
    return Feed.model_construct(**(usual | {"url": url, "name": url.partition(":")[2] if "://" not in url else ""}))


async def _feeds(engine: AsyncEngine, wanted: Wanted) -> list[str]:
    """Return the addresses of the feeds that may have something of it."""
    async with transaction(engine) as connection:
        if wanted.url:
            query = select(entry.c.feed_url).where(links_to(wanted.url), entry.c.feed_url != canary.FEED).distinct()
            urls = sorted((await connection.execute(query)).scalars())
        else:
            urls = sorted((await connection.execute(_FEEDS, {"canary": canary.FEED})).scalars())
    if wanted.feed is None:
        return urls
    if wanted.feed not in urls:
        raise Permanent(f"nothing is stored of a feed {wanted.feed!r}: `codegrey feeds list --json` shows addresses")
    return [wanted.feed]


async def _bites(engine: AsyncEngine, wanted: Wanted, url: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Read what is wanted of one feed, in the order in which it was stored."""
    wanted_here = select(entry).where(entry.c.feed_url == url, wanted.condition())
    query = wanted_here.order_by(entry.c.stored_at, entry.c.entry_id).limit(BITE)
    last: tuple[datetime, str] | None = None
    while True:
        # The first part is what the index knows.
        after = query
        if last:
            further = or_(entry.c.stored_at > last[0], entry.c.entry_id > last[1])
            after = query.where(entry.c.stored_at >= last[0], further)
        async with transaction(engine) as connection:
            rows = [dict(row) for row in (await connection.execute(after)).mappings()]
        if not rows:
            return
        yield rows
        last = (rows[-1]["stored_at"], rows[-1]["entry_id"])


async def _until_there_is_room(engine: AsyncEngine) -> None:
    waiting = select(outbox.c.id).where(outbox.c.published_at.is_(None), outbox.c.refused_at.is_(None))
    full = select(func.count()).select_from(waiting.limit(MOST_WAITING).subquery())
    began = time.monotonic()
    while True:
        async with transaction(engine) as connection:
            if int(await connection.scalar(full) or 0) < MOST_WAITING:
                return
        if time.monotonic() - began > PATIENCE_S:
            raise Transient(f"nobody has taken what waits in ingest's outbox for {PATIENCE_S:.0f} s: does ingest run?")
        await asyncio.sleep(LOOK_AGAIN_S)
