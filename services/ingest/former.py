"""Say which feeds are not looked at any more: their troubles did not end, somebody took them away."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.status import feed_troubles
from services.ingest.tables import feed
from shared.database import transaction
from shared.trouble import MOST, Trouble, Unwatched


async def troubles_of_feeds(engine: AsyncEngine) -> Sequence[Trouble | Unwatched]:
    """Return what operators should know of the feeds, and of which former feeds they need to know nothing more."""
    # In this order: a feed that is removed in between is in trouble once more, and then removed.
    wrong = await feed_troubles(engine)
    return [*wrong, *await former_feeds(engine)]


async def former_feeds(engine: AsyncEngine) -> list[Unwatched]:
    """Return the troubles that each former feed would be in, by the keys of `troubles`; the last removed, mostly."""
    query = (
        select(feed.c.url, feed.c.ended_at, feed.c.failures, feed.c.moved_to)
        .where(feed.c.active.is_(False))
        .order_by(func.coalesce(feed.c.last_poll_at, feed.c.added_at).desc())
        .limit(MOST // 2)
    )
    async with transaction(engine) as connection:
        rows = (await connection.execute(query)).all()
    return [
        Unwatched(f"feed:{kind}:{row.url}"[:300])
        for row in rows
        for kind in _kinds(ended=row.ended_at is not None, failures=row.failures, moved=row.moved_to is not None)
    ]


def _kinds(*, ended: bool, failures: int, moved: bool) -> list[str]:
    state = "ended" if ended else "failing" if failures else "quiet"
    return [state, "moved"] if moved else [state]
