"""The notifier's reads and writes that more than one of its parts needs, each inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.config import OPERATORS, Subscriptions, Target
from services.notifier.message import Message
from services.notifier.route import LastHour, Pace
from services.notifier.tables import delivery, installation, notice, subscription
from shared.ids import stable_id

HOUR = timedelta(hours=1)
WAITS = and_(notice.c.message.is_not(None), notice.c.list_id.is_(None))
"""The condition of a decision whose message waits, in whatever way."""


async def lock_decisions(connection: AsyncConnection) -> None:
    """Let one process at a time decide: hourly limits and the order of deliveries depend on it."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('codegrey.notifier'), hashtext('decide'))"))


async def register(connection: AsyncConnection, config: Subscriptions, *, forget: bool = False) -> dict[str, datetime]:
    """Remember new subscriptions, with `forget` also those that left; return since when each exists.

    Only a file that was just read may forget: while replicas with an older and a newer file run side by
    side, a batch must not strike out what the other has added.

    The first configuration ever counts from the installation, so that nothing is missed between
    `codegrey migrate` and the notifier's first start. A name that returns starts anew.
    """
    names = [one.name for one in config.subscriptions]
    known = {row.name: row for row in await connection.execute(select(subscription.c.name, subscription.c.removed_at))}
    absent = [name for name, row in known.items() if row.removed_at is None and name not in names]
    if absent and forget:
        await connection.execute(
            update(subscription).where(subscription.c.name.in_(absent)).values(removed_at=func.clock_timestamp())
        )
    new = [name for name in names if name not in known or known[name].removed_at is not None]
    if new:
        start: Any = func.clock_timestamp() if known else select(func.min(installation.c.at)).scalar_subquery()
        adding = insert(subscription).values([{"name": name, "since": start} for name in new])
        await connection.execute(
            adding.on_conflict_do_update(
                index_elements=["name"], set_={"since": adding.excluded.since, "removed_at": None}
            )
        )
    rows = await connection.execute(
        select(subscription.c.name, subscription.c.since).where(subscription.c.name.in_(names))
    )
    return {row.name: row.since for row in rows}


async def last_hour(connection: AsyncConnection, now: datetime) -> dict[str, LastHour]:
    """Count what each subscription was sent in the hour before `now` (database time)."""
    rows = await connection.execute(
        select(
            delivery.c.subscription,
            func.count(delivery.c.subject_id.distinct()),
            func.max(delivery.c.level),
        )
        .where(
            # Not what a clock that had run ahead put into the time to come: it would count until that is reached.
            delivery.c.created_at.between(now - HOUR, now),
            delivery.c.subscription != OPERATORS,
            delivery.c.purpose != "weekly",
        )
        .group_by(delivery.c.subscription)
    )
    return {name: LastHour(count, gravest) for name, count, gravest in rows}


async def waiting_incidents(connection: AsyncConnection) -> dict[tuple[str, str], Pace]:
    """Map each (subscription, incident) whose message still waits to the way it waits in."""
    rows = await connection.execute(
        select(notice.c.subscription, notice.c.incident_id, notice.c.pace).where(WAITS).order_by(notice.c.id)
    )
    return {(row.subscription, row.incident_id): Pace(row.pace) for row in rows}


async def earlier_targets(
    connection: AsyncConnection, incidents: Iterable[str]
) -> dict[tuple[str, str], tuple[Target, ...]]:
    """Map each (subscription, incident) to the targets that its messages went to: a retraction follows them."""
    wanted = list(incidents)
    found: dict[tuple[str, str], dict[str, Target]] = {}
    rows = await connection.execute(
        select(delivery.c.subscription, delivery.c.channel, delivery.c.kind, delivery.c.address, delivery.c.incidents)
        .where(delivery.c.incidents.overlap(wanted))
        .order_by(delivery.c.seq)
    )
    for row in rows:
        target = Target(row.channel, row.kind, row.address)
        for incident in set(row.incidents) & set(wanted):
            found.setdefault((row.subscription, incident), {})[target.key] = target
    return {key: tuple(by_key.values()) for key, by_key in found.items()}


def delivery_rows(
    message: Message,
    targets: Iterable[Target],
    *,
    subject_id: str,
    subscription_name: str,
    incidents: Sequence[str],
    correlation_id: str = "",
) -> list[dict[str, Any]]:
    """Make one row for each single target; the id is the same however often this is done."""
    return [
        {
            "id": stable_id("delivery", subject_id, subscription_name, target.key),
            "subject_id": subject_id,
            "purpose": message.kind,
            "subscription": subscription_name,
            "channel": target.channel,
            "kind": target.kind,
            "address": target.address,
            "target": target.key,
            "level": message.level,
            "incidents": list(incidents),
            "correlation_id": correlation_id,
            "message": message.model_dump(mode="json"),
        }
        for target in targets
    ]


async def add_deliveries(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Queue deliveries; one that is there already stays as it is."""
    if rows:
        adding = insert(delivery).on_conflict_do_nothing(constraint="delivery_once")
        await connection.execute(adding, list(rows))
