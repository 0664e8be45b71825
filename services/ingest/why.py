"""What ingest did with an address: the first steps of `codegrey why`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.status import feeds
from services.ingest.story.lookup import is_search, links_to, site_of
from services.ingest.tables import entry, outbox
from shared.database import transaction
from shared.topics import NEWS
from shared.why import Step

SHOWN = 10
"""Feeds that are named where many would carry an article."""


@dataclass(frozen=True)
class KnownEntry:
    """An entry that links to the address, as last published; `entry_id` is empty where there is none."""

    entry_id: str
    item_id: str | None
    title: str
    text: str
    """The text, or where there is none the summary: what the gate reads."""
    steps: list[Step]


async def entries(engine: AsyncEngine, url: str) -> list[KnownEntry]:
    """Find the entries that link to `url`, written in whatever way.

    Where there is none, one `KnownEntry` without an id says which configured feeds would carry
    it, how they are, and when they were last read.
    """
    query = select(entry).where(links_to(url)).order_by(entry.c.entry_id, entry.c.revision)
    async with transaction(engine) as connection:
        rows = [dict(row) for row in (await connection.execute(query)).mappings()]
        sent = await _outbox_rows(connection, {row["entry_id"] for row in rows})
    if not rows:
        return [KnownEntry("", None, "", "", never_seen(url, await feeds(engine)))]
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["entry_id"], []).append(row)
    return [_known(revisions, sent) for revisions in found.values()]


async def _outbox_rows(connection: AsyncConnection, entry_ids: set[str]) -> dict[str, Any]:
    """Read, for each item still in the outbox: when it was confirmed or refused, and why."""
    keys = [entry_id.encode() for entry_id in entry_ids]
    query = select(outbox).where(outbox.c.topic == NEWS, outbox.c.key.in_(keys))
    found = (await connection.execute(query)).mappings().all() if keys else []
    return {dict(row["headers"])["ce_id"]: row for row in found}


def _known(revisions: Sequence[dict[str, Any]], sent: dict[str, Any]) -> KnownEntry:
    newest = revisions[-1]
    steps = [step for row in revisions for step in _steps(row, sent)]
    return KnownEntry(
        newest["entry_id"], newest["item_id"], newest["title"], newest["text"] or newest["summary"], steps
    )


def _steps(row: dict[str, Any], sent: dict[str, Any]) -> list[Step]:
    what = f"revision {row['revision']}: " if row["revision"] > 1 else ""
    linked = f", linked as {row['url']}" if row["url"] else ""
    read = Step("ingest", "read", f"{what}{row['reason']} ({row['feed_url']}){linked}", row["stored_at"])
    if row["item_id"] is None:
        return [read, Step("ingest", "not published", row["reason"], row["stored_at"])]
    message = sent.get(row["item_id"])
    if message is None:  # rows of the outbox are deleted some days after they were confirmed
        return [read, Step("ingest", "published", f"to {NEWS}", row["stored_at"])]
    if message["refused_at"]:
        return [read, Step("ingest", "refused by Kafka", message["error"] or "", message["refused_at"])]
    if message["published_at"] is None:
        return [read, Step("ingest", "waits in the outbox", "Kafka has not confirmed it yet")]
    return [read, Step("ingest", "published", f"to {NEWS}", message["published_at"])]


def never_seen(url: str, configured: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Say which of the configured feeds would carry an article that was never seen: pure.

    The feeds of its host or of its registered domain first; then searches, which may carry any site.
    """
    site = site_of(url)
    same = [row for row in configured if site and site_of(row["url"]) == site]
    searches = [row for row in configured if is_search(row["url"]) and row not in same]
    if not same and not searches:
        return [Step("ingest", "never seen", f"no configured feed is of {site or 'this address'}; add one that is")]
    steps = []
    if same:
        read = any(row["last_success"] for row in same)
        told = "not among the entries of its site's feeds" if read else "the feeds of its site were never read"
        steps.append(Step("ingest", "never seen" if read else "never polled", f"{told}: {_states(same)}"))
    else:
        steps.append(Step("ingest", "never seen", f"no configured feed is of {site}"))
    if searches:
        told = f"{len(searches)} news {'search' if len(searches) == 1 else 'searches'} might have brought it"
        steps.append(Step("ingest", "not found by searches", f"{told}: {_states(searches)}"))
    return steps


def _states(rows: Sequence[Mapping[str, Any]]) -> str:
    said = [
        f"{row['name']} ({row['state']}, last read {_minute(row['last_success'])}, "
        f"next {_minute(row['next_poll'])}{', ' + row['last_error'] if row['last_error'] else ''})"
        for row in rows[:SHOWN]
    ]
    return "; ".join(said) + (f"; and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "")


def _minute(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else "never"
