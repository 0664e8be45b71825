"""What ingest did with an address: the first steps of `codegrey why`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.decide import link_key
from services.ingest.status import feeds
from services.ingest.tables import entry, outbox
from services.ingest.urls import host_of
from shared.database import transaction
from shared.topics import NEWS
from shared.why import Step


@dataclass(frozen=True)
class KnownEntry:
    """An entry that links to the address, as last published; `entry_id` is empty where there is none."""

    entry_id: str
    item_id: str | None
    title: str
    text: str
    """Summary and text, as the gate reads them."""
    steps: list[Step]


async def entries(engine: AsyncEngine, url: str) -> list[KnownEntry]:
    """Find the entries that link to `url`, written in whatever way.

    Where there is none, one `KnownEntry` without an id says which configured feeds are of
    the same host, and when they were last read.
    """
    query = (
        select(entry)
        .where(or_(entry.c.link_key == link_key(url), entry.c.link_key == url))
        .order_by(entry.c.entry_id, entry.c.revision)
    )
    async with transaction(engine) as connection:
        rows = [dict(row) for row in (await connection.execute(query)).mappings()]
        sent = await _outbox_rows(connection, {row["entry_id"] for row in rows})
    if not rows:
        return [KnownEntry("", None, "", "", [await _never_seen(engine, url)])]
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
    text = "\n\n".join(part for part in (newest["summary"], newest["text"]) if part)
    return KnownEntry(newest["entry_id"], newest["item_id"], newest["title"], text, steps)


def _steps(row: dict[str, Any], sent: dict[str, Any]) -> list[Step]:
    what = f"revision {row['revision']}: " if row["revision"] > 1 else ""
    read = Step("ingest", "read", f"{what}{row['reason']} ({row['feed_url']})", row["stored_at"])
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


async def _never_seen(engine: AsyncEngine, url: str) -> Step:
    host = host_of(url)
    same = [row for row in await feeds(engine) if host and _same_site(host, host_of(row["url"]))]
    if not same:
        return Step("ingest", "never seen", f"no configured feed is of {host or 'this address'}")
    last = "; ".join(
        f"{row['name']} ({row['state']}, last read {_minute(row['last_success'])}"
        f"{', ' + row['last_error'] if row['last_error'] else ''})"
        for row in same[:10]
    )
    return Step("ingest", "never seen", f"not among the entries of the feeds of that site: {last}")


def _minute(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else "never"


def _same_site(one: str, other: str) -> bool:
    one, other = one.removeprefix("www."), other.removeprefix("www.")
    return one == other or one.endswith("." + other) or other.endswith("." + one)
