"""Everything that subscriptions to hubs ask of the database: one row for each feed, its state and its secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.hub.rules import FAREWELLS, Answer, State, Subscription, callback_of, retry_in
from services.ingest.tables import feed, hub_subscription
from shared.database import database_now, transaction

AT_ONCE = 16
_NEW_AT_ONCE = 500
_READ = ("feed_url", "token", "secret", "callback", "hub", "topic", "tries", "lease_until")


def _subscription(row: Mapping[str, Any]) -> Subscription:
    return Subscription(state=State(row["state"]), **{name: row[name] for name in _READ})


async def follow_feeds(connection: AsyncConnection, base: str | None, secret: Callable[[], str], now: datetime) -> None:
    """Make a row for each feed that has a hub, and let go of what is not wanted any more.

    Nothing is wanted where `base`, our public address, is not configured.
    """
    one = hub_subscription.c
    wanted = feed.c.active & feed.c.ended_at.is_(None) & feed.c.hub.is_not(None) & feed.c.topic.is_not(None)
    same = (feed.c.url == one.feed_url) & (feed.c.hub == one.hub) & (feed.c.topic == one.topic)
    unwanted = one.state != State.LEAVING
    if base:
        here = one.callback.startswith(callback_of(base, ""), autoescape=True)
        unwanted = unwanted & ~(exists().where(same, wanted) & here)
    gone = update(hub_subscription).where(unwanted).values(state=State.LEAVING, next_at=now, tries=0)
    ended = (await connection.execute(gone.returning(one.feed_url))).scalars().all()
    if ended:
        await connection.execute(update(feed).where(feed.c.url.in_(ended)).values(pushed_until=None))
    if base:
        known = select(one.feed_url).where(one.feed_url == feed.c.url)
        new = select(feed.c.url, feed.c.hub, feed.c.topic).where(wanted, ~known.exists()).limit(_NEW_AT_ONCE)
        rows = []
        for found in (await connection.execute(new)).mappings():
            token = secret()
            rows.append(
                {
                    "feed_url": found["url"],
                    "hub": found["hub"],
                    "topic": found["topic"],
                    "token": token,
                    "secret": secret(),
                    "callback": callback_of(base, token),
                    "state": State.ASKED,
                    "next_at": now,
                }
            )
        if rows:
            await connection.execute(insert(hub_subscription).values(rows).on_conflict_do_nothing())


async def claim_asks(
    engine: AsyncEngine, base: str | None, secret: Callable[[], str]
) -> list[tuple[Subscription, Mapping[str, Any]]]:
    """Take the subscriptions whose hub is to be asked now, with their feeds' configuration; each is ours alone."""
    one = hub_subscription.c
    claimed: list[tuple[Subscription, Mapping[str, Any]]] = []
    async with transaction(engine) as connection:
        now = await database_now(connection)
        await follow_feeds(connection, base, secret, now)
        farewells_over = (one.state == State.LEAVING) & (one.tries >= FAREWELLS) & (one.next_at <= now)
        await connection.execute(delete(hub_subscription).where(farewells_over))
        due = select(hub_subscription).where(one.next_at <= now).order_by(one.next_at).limit(AT_ONCE)
        for row in (await connection.execute(due.with_for_update(skip_locked=True))).mappings().all():
            # One that was refused, or ran out, is asked for anew.
            over = row["lease_until"] is None or row["lease_until"] <= now
            state = State.ASKED if row["state"] == State.DENIED or (row["state"] == State.ACTIVE and over) else None
            changed = {"tries": row["tries"] + 1, "next_at": now + retry_in(row["tries"])}
            changed |= {"state": state} if state else {}
            await connection.execute(update(hub_subscription).where(one.feed_url == row["feed_url"]).values(**changed))
            config = await connection.scalar(select(feed.c.config).where(feed.c.url == row["feed_url"]))
            claimed.append((_subscription(dict(row) | changed), config or {}))
    return claimed


async def note_ask(engine: AsyncEngine, token: str, error: str | None) -> None:
    """Keep how a hub took our request."""
    async with transaction(engine) as connection:
        one = hub_subscription.c.token == token
        await connection.execute(update(hub_subscription).where(one).values(error=error))


async def subscription_of(connection: AsyncConnection, token: str, *, lock: bool = False) -> Subscription | None:
    """Read the subscription that an address stands for."""
    query = select(hub_subscription).where(hub_subscription.c.token == token)
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return _subscription(dict(row)) if row else None


async def save_answer(connection: AsyncConnection, subscription: Subscription, given: Answer) -> None:
    """Write what a believed answer of a hub changes."""
    mine = hub_subscription.c.token == subscription.token
    if given.state is None:
        await connection.execute(delete(hub_subscription).where(mine))
    else:
        values = {
            "state": given.state,
            "lease_until": given.lease_until,
            "next_at": given.next_at,
            "tries": 0,
            "error": given.reason if given.state is State.DENIED else None,
        }
        await connection.execute(update(hub_subscription).where(mine).values(**values))
    if given.state is not State.ACTIVE:
        relied = feed.c.url == subscription.feed_url
        await connection.execute(update(feed).where(relied).values(pushed_until=None))
