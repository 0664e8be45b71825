"""Send what was folded, collected or held as one message, when the time has come.

The rows that wait are the decisions themselves, so nothing that waits is lost by a crash: a fold
takes its rows and queues its deliveries in one transaction, and its id is made of those rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.config import Subscription, Subscriptions, targets
from services.notifier.message import ListKind, Message, list_message
from services.notifier.route import LastHour, Pace
from services.notifier.store import (
    WAITS,
    add_deliveries,
    delivery_rows,
    earlier_targets,
    last_hour,
    lock_decisions,
)
from services.notifier.tables import notice, told
from services.notifier.tables import subscription as subscription_table
from shared.database import database_now, transaction
from shared.ids import stable_id

QUIET = timedelta(seconds=60)
"""A summary is sent when no backlog came in for so long ..."""
LONGEST = timedelta(minutes=5)
"""... or when the first of it has waited for so long."""
_KINDS: Mapping[Pace, ListKind] = {
    Pace.FOLDED: "fold",
    Pace.COLLECTED: "summary",
    Pace.HELD: "held",
    Pace.DIGEST: "digest",
}
IN_A_FOLD, IN_A_CHAT_FOLD, IN_A_CHAT_LIST = 200, 15, 7
"""Incidents in one fold: it lists them all, so they must fit. The rest waits for the next.

What was held, and a digest, say in a chat also what has changed: fewer of those fit.
"""


@dataclass(frozen=True)
class Waiting:
    """What waits for one subscription in one way: how many, the oldest and the newest."""

    rows: int
    oldest: datetime
    newest: datetime


def due(way: Pace, waiting: Waiting, subscription: Subscription, hour: LastHour, now: datetime) -> bool:
    """Say whether it is time: pure.

    A fold goes out as soon as the hourly limit has room for one message; a summary when its
    backlog has come to rest. A summary does not wait for the limit: it is one message in place
    of many. What was held goes when the quiet hours are over, a digest at its
    hour; both at once where the subscription has none any more. What a clock that had run ahead
    put into the time to come does not wait until that is reached.
    """
    if way is Pace.DIGEST:
        digest = subscription.digest
        return digest is None or waiting.oldest < digest.last_due(now) or waiting.oldest > now
    if way is Pace.HELD:
        return subscription.quiet_hours is None or not subscription.quiet_hours.holds(now)
    if way is Pace.FOLDED:
        return hour.messages < subscription.hourly_limit
    return now - waiting.newest >= QUIET or now - waiting.oldest >= LONGEST or waiting.oldest > now


async def fold_due(engine: AsyncEngine, config: Subscriptions) -> int:
    """Queue every fold and summary that is due; return how many."""
    waiting_rows = (
        select(notice.c.subscription, notice.c.pace, func.count(), func.min(notice.c.at), func.max(notice.c.at))
        .where(WAITS)
        .group_by(notice.c.subscription, notice.c.pace)
    )
    async with transaction(engine) as connection:
        if not (await connection.execute(waiting_rows.limit(1))).first():
            return 0
    made = 0
    async with transaction(engine) as connection:
        await lock_decisions(connection)
        now = await database_now(connection)
        hours = await last_hour(connection, now)
        for name, way, rows, oldest, newest in (await connection.execute(waiting_rows)).all():
            subscription = config.named(name)
            if subscription is None:
                await _drop(connection, name)
                continue
            state = Waiting(rows, oldest, newest)
            if due(Pace(way), state, subscription, hours.get(name, LastHour()), now):
                await _make(connection, config, subscription, Pace(way))
                made += 1
    return made


async def _drop(connection: AsyncConnection, name: str) -> None:
    """Let go of what waits for a subscription that was removed; the decision says so.

    Not of what waits for one that this process does not know yet: another has read a newer file. Who was not sent an
    opening was not told, should the name return.
    """
    removed = select(subscription_table.c.name).where(
        subscription_table.c.name == name, subscription_table.c.removed_at.is_not(None)
    )
    if await connection.scalar(removed) is None:
        return
    mine = and_(notice.c.subscription == name, WAITS)
    unsent = select(notice.c.incident_id).where(mine, notice.c.message["kind"].astext == "opening")
    await connection.execute(delete(told).where(told.c.subscription == name, told.c.incident_id.in_(unsent)))
    reason = notice.c.reason + "; the subscription was removed before it was sent"
    await connection.execute(update(notice).where(mine).values(message=None, tell="none", reason=reason))


async def _make(connection: AsyncConnection, config: Subscriptions, subscription: Subscription, way: Pace) -> None:
    """Turn the rows that wait into one message and its deliveries."""
    rows = (
        await connection.execute(
            select(notice)
            .where(
                notice.c.subscription == subscription.name,
                notice.c.pace == way.value,
                WAITS,
            )
            .order_by(notice.c.id)
        )
    ).all()
    chosen = list(rows) if way is Pace.COLLECTED else _first_incidents(rows, _room(config, subscription, way))
    kind = _KINDS[way]
    message = list_message(kind, [Message.model_validate(row.message) for row in chosen], subscription.name)
    list_id = stable_id(kind, subscription.name, *(row.alert_id for row in chosen))
    await _take_back_elsewhere(connection, config, subscription, chosen)
    await add_deliveries(
        connection,
        delivery_rows(
            message,
            targets(config, subscription.channels),
            subject_id=list_id,
            subscription_name=subscription.name,
            incidents=sorted({row.incident_id for row in chosen}),
            correlation_id=chosen[0].correlation_id,
        ),
    )
    await connection.execute(update(notice).where(notice.c.id.in_([row.id for row in chosen])).values(list_id=list_id))


async def _take_back_elsewhere(
    connection: AsyncConnection, config: Subscriptions, subscription: Subscription, chosen: Sequence[Any]
) -> None:
    """Send retractions that waited also to where the alert went and the subscription goes no more."""
    retractions = [row for row in chosen if row.tell == "retraction"]
    here = {target.key for target in targets(config, subscription.channels)}
    earlier = await earlier_targets(connection, {row.incident_id for row in retractions}) if retractions else {}
    for row in retractions:
        then = earlier.get((subscription.name, row.incident_id), ())
        rows = delivery_rows(
            Message.model_validate(row.message),
            [one for one in then if one.channel in config.channels and one.key not in here],
            subject_id=row.alert_id,
            subscription_name=subscription.name,
            incidents=[row.incident_id],
            correlation_id=row.correlation_id,
        )
        await add_deliveries(connection, rows)


def _room(config: Subscriptions, subscription: Subscription, way: Pace) -> int:
    kinds = {config.channels[name].kind for name in subscription.channels}
    if "chat" not in kinds:
        return IN_A_FOLD
    return IN_A_CHAT_FOLD if way is Pace.FOLDED else IN_A_CHAT_LIST


def _first_incidents(rows: Sequence[Any], room: int) -> list[Any]:
    """Take the rows of the first `room` incidents, whole: the rest waits for the next fold."""
    kept = set(list(dict.fromkeys(row.incident_id for row in rows))[:room])
    return [row for row in rows if row.incident_id in kept]
