"""How each feed is doing, for `codegrey status` and `codegrey feeds list`."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.decide import Ids
from services.ingest.quiet import Silence, silence
from services.ingest.store import read_feed_config
from services.ingest.tables import config_state, feed
from services.ingest.troubles import troubles
from shared import canary
from shared.database import database_now, transaction
from shared.trouble import Trouble


async def feeds(engine: AsyncEngine) -> list[dict[str, Any]]:
    """Return one row for each configured feed, those in trouble first.

    `state` is one of `waiting` (never polled), `ok`, `moved`, `quiet` (it brings nothing for
    longer than it ever did), `failing`, `ended`.
    """
    query = (
        select(feed)
        .where(feed.c.active, feed.c.url != canary.FEED)
        .order_by(feed.c.ended_at.is_(None), feed.c.failures.desc(), feed.c.next_poll_at, feed.c.url)
    )
    async with transaction(engine) as connection:
        now = await database_now(connection)
        rows = (await connection.execute(query)).mappings().all()
    return [_row(dict(row), now) for row in rows]


def _row(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    config = read_feed_config(row["url"], row["config"])
    quiet = silence(row["recent"] or (), now, row["added_at"]) if row["last_success_at"] else None
    return {
        "name": config.name or row["title"] or config.label,
        "url": row["url"],
        "state": _state(row, quiet),
        "moved_to": row["moved_to"],
        "last_success": row["last_success_at"],
        "last_new": row["last_new_at"],
        "next_poll": None if row["ended_at"] else row["next_poll_at"],
        "next_poll_reason": row["next_poll_reason"],
        "last_status": row["last_status"],
        "last_error": row["last_error"],
        "failures": row["failures"],
        "entries": row["entries"],
        "ids": row["ids"],
        "ids_advice": _IDS.get(row["ids"]),
        "hub": row["hub"],
        "pushed": bool(row["pushed_until"] and now < row["pushed_until"]),
        "added": row["added_at"],
        "ended": row["ended_at"],
        "quiet": quiet.words() if quiet else None,
        "silent_s": quiet.silent_for.total_seconds() if quiet else None,
    }


_IDS = {
    Ids.CHANGING: "its ids change at every poll; entries are known by link, date and words",
    Ids.SHARED: "its entries share one id; they are told apart by link or title",
}


def _state(row: dict[str, Any], quiet: Silence | None) -> str:
    if row["ended_at"]:
        return "ended"
    if row["failures"]:
        return "failing"
    if quiet:
        return "quiet"
    if row["moved_to"]:
        return "moved"
    return "ok" if row["last_success_at"] else "waiting"


async def feed_figures(engine: AsyncEngine) -> dict[str, int]:
    """Count the feeds that are read, that have gone quiet and that fail, for the weekly message."""
    states = Counter(row["state"] for row in await feeds(engine))
    failing = states["failing"] + states["ended"]
    return {
        "feeds_alive": states["ok"] + states["moved"] + states["quiet"],
        "feeds_quiet": states["quiet"],
        "feeds_failing": failing,
    }


async def feed_troubles(engine: AsyncEngine) -> list[Trouble]:
    """Return what operators should know of the feeds and of their file."""
    async with transaction(engine) as connection:
        now = await database_now(connection)
    return troubles(await feeds(engine), now, await config_problem(engine))


async def config_problem(engine: AsyncEngine) -> str | None:
    """Return what is wrong with `feeds.yaml` as the service last read it, or None."""
    async with transaction(engine) as connection:
        problem: str | None = await connection.scalar(select(func.max(config_state.c.problem)))
    return problem
