"""When an entry was published, seen, and taken in by Kafka: ingest's part of `codegrey trace`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.story.lookup import links_to
from services.ingest.tables import entry, outbox
from shared.database import transaction
from shared.topics import NEWS


@dataclass(frozen=True)
class SeenEntry:
    """One revision of an entry, with its moments."""

    entry_id: str
    revision: int
    item_id: str | None
    feed: str
    url: str
    title: str
    arrival: str
    published: datetime | None
    """By its publisher's own word."""
    seen_at: datetime
    """When the poll that brought it was written down."""
    confirmed_at: datetime | None
    """When Kafka confirmed it; the outbox keeps that for some days."""


async def entries_at(engine: AsyncEngine, url: str) -> list[SeenEntry]:
    """Return the entries that link to `url`, written in whatever way, with all their revisions."""
    return await _read(engine, links_to(url))


async def entries_of(engine: AsyncEngine, entry_ids: Collection[str]) -> list[SeenEntry]:
    """Return all revisions of these entries."""
    return await _read(engine, entry.c.entry_id.in_(entry_ids)) if entry_ids else []


async def _read(engine: AsyncEngine, which: ColumnElement[bool]) -> list[SeenEntry]:
    query = select(entry).where(which).order_by(entry.c.entry_id, entry.c.revision)
    async with transaction(engine) as connection:
        rows = (await connection.execute(query)).mappings().all()
        keys = [one.encode() for one in {row["entry_id"] for row in rows}]
        sent = select(outbox.c.headers, outbox.c.published_at).where(outbox.c.topic == NEWS, outbox.c.key.in_(keys))
        confirmed = {dict(headers)["ce_id"]: at for headers, at in (await connection.execute(sent)) if keys}
    return [_seen(row, confirmed) for row in rows]


def _seen(row: Mapping[Any, Any], confirmed: Mapping[str, datetime | None]) -> SeenEntry:
    return SeenEntry(
        row["entry_id"],
        row["revision"],
        row["item_id"],
        row["feed_url"],
        row["url"] or "",
        row["title"],
        row["arrival"],
        row["published"],
        row["stored_at"],
        confirmed.get(row["item_id"]) if row["item_id"] else None,
    )
